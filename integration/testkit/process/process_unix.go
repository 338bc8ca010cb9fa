//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

func interrupt(cmd *exec.Cmd, ending syscall.Signal) { _ = cmd.Process.Signal(ending) } // it may have ended

// killGroup works after the leader has ended too: its number stays taken while
// the group has members.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// GroupLives says whether any process of the group is left.
func GroupLives(leader int) bool { return syscall.Kill(-leader, 0) == nil }

// Pause stops the whole group where it is, as a machine that hangs: what
// connects waits. Kill still ends it.
func (p *Process) Pause() error { return syscall.Kill(-p.PID(), syscall.SIGSTOP) }

// Resume lets a paused group go on.
func (p *Process) Resume() error { return syscall.Kill(-p.PID(), syscall.SIGCONT) }
