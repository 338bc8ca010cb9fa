//go:build !linux

package trial

import (
	"fmt"
	"io"
	"os/exec"
)

// This system gives a program no way to forbid another to write, or to take the
// network from it.
func canConfine() bool { return false }

func isolate(*exec.Cmd) bool { return false }

// RunConfined runs nothing.
func RunConfined(_, _ []string, errs io.Writer) int {
	fmt.Fprintln(errs, "this system cannot confine a command")
	return notExecutable
}
