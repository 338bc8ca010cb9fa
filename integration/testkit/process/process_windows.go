package process

import (
	"errors"
	"os/exec"
	"strconv"
	"syscall"
)

func isolate(*syscall.SysProcAttr, syscall.Signal) {}

func interrupt(cmd *exec.Cmd, _ syscall.Signal) { killGroup(cmd) } // no gentle way without a console

func killGroup(cmd *exec.Cmd) {
	_ = exec.Command("taskkill", "/F", "/T", "/PID", strconv.Itoa(cmd.Process.Pid)).Run() //nolint:gosec,noctx // ends at once
}

// Children lists the processes started by a process.
func Children(int) ([]int, error) {
	return nil, errors.New("the runners of a server are not looked for on Windows")
}

// GroupLives says whether any process of the group is left; here that is not known.
func GroupLives(int) bool { return false }

var errNoPause = errors.New("a process cannot be paused on Windows")

// Pause is not possible here.
func (p *Process) Pause() error { return errNoPause }

// Resume is not possible here.
func (p *Process) Resume() error { return errNoPause }
