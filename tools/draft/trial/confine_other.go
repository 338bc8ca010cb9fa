//go:build !linux

package trial

import (
	"fmt"
	"io"
)

// canConfine reports false: this system gives a program no way to forbid another
// to write.
func canConfine() bool { return false }

// RunConfined runs nothing.
func RunConfined(_, _ []string, errs io.Writer) int {
	fmt.Fprintln(errs, "this system cannot confine a command")
	return notExecutable
}
