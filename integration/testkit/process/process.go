// Package process runs a server for tests in a process group of its own.
package process

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a server in a process group of its own.
type Process struct {
	cmd    *exec.Cmd
	ending syscall.Signal // asks it to end
	ended  chan struct{}  // closed when it has been waited for
}

// Start is StartEnding for a server that ends at SIGTERM.
func Start(cmd *exec.Cmd) (*Process, error) { return StartEnding(cmd, syscall.SIGTERM) }

// StartEnding starts the command in its own group; the signal ending asks it to
// end. On Linux it gets that signal when this process dies, however that ends: a
// SIGKILL would leave its runners behind. The kernel ties that to the thread that
// started it, so a goroutine keeps the thread until the command has ended.
func StartEnding(cmd *exec.Cmd, ending syscall.Signal) (*Process, error) {
	p := &Process{cmd: cmd, ending: ending, ended: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	isolate(cmd.SysProcAttr, ending)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(p.ended)
		}
	}()
	return p, <-started
}

// PID is the number of the group's leader.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the server has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Terminate asks the server to end, which takes its runners along, and kills
// the group if it does not. It returns when the server has ended.
func (p *Process) Terminate() {
	_ = p.Stop(5 * time.Second) // it has ended either way
}

// Stop is Terminate with a time of its own. It fails where the group had to be
// killed.
func (p *Process) Stop(within time.Duration) (err error) {
	interrupt(p.cmd, p.ending)
	select {
	case <-p.ended:
	case <-time.After(within):
		err = errors.New("the server had to be killed")
	}
	p.Kill()
	return err
}

// Kill kills the whole group: a server that is killed leaves its runners
// behind.
func (p *Process) Kill() {
	killGroup(p.cmd)
	<-p.ended
}

// Usage is what a running process holds and has used.
type Usage struct {
	RSS, PeakRSS int           // bytes
	Own          int           // bytes of RSS that no file backs
	Files        []string      // what its open files are
	CPU          time.Duration // of the threads that live
	Spawned      int           // page faults of children that it has waited for; 0 = it had none
}
