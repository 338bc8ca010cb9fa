//go:build !windows

package term

import (
	"os"

	"golang.org/x/sys/unix"
)

func enableColours(*os.File) bool { return true }

// size is the columns of a terminal; 0 = not known.
func size(f *os.File) int {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(w.Col)
}
