//go:build unix

package machine

import (
	"os/exec"
	"syscall"
)

// detach gives the program a session of its own, so that no signal of our
// terminal reaches it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
