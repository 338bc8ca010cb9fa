//go:build unix

package trial

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the command into a process group of its own, which is killed
// whole when its time is over.
func ownGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
