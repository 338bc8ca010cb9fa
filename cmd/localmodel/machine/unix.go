//go:build unix

package machine

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// detach gives the program a session of its own, so that no signal of our
// terminal reaches it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func free(dir string) (bytes int64, ok bool) {
	var stat unix.Statfs_t
	err := unix.Statfs(dir, &stat)
	return int64(stat.Bavail) * int64(stat.Bsize), err == nil //nolint:gosec,unconvert // no disk has so much; the types differ between systems
}
