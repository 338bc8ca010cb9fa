package pgtest

import (
	"os/exec"
	"syscall"
)

// diesWithUs ends the server when this process ends, however that happens.
func diesWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT }
