// Package process runs a server for tests in a process group of its own.
package process

import (
	"os/exec"
	"runtime"
	"time"
)

// Process is a server in a process group of its own.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has been waited for
}

// Start starts the command in its own group. On Linux it dies with this
// process, however that ends; the kernel ties that to the thread that started
// it, so a goroutine keeps the thread until the command has ended.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	isolate(cmd)
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
	interrupt(p.cmd)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
	}
	p.Kill()
}

// Kill kills the whole group: a server that is killed leaves its runners
// behind.
func (p *Process) Kill() {
	killGroup(p.cmd)
	<-p.ended
}
