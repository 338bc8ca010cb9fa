package ollamatest

import (
	"os/exec"
	"runtime"
	"time"
)

// process is a server in a process group of its own.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has been waited for
}

// startGroup starts the command in its own group. On Linux it dies with this
// process, however that ends; the kernel ties that to the thread that started
// it, so a goroutine keeps the thread until the command has ended.
func startGroup(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
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

func (p *process) pid() int { return p.cmd.Process.Pid }

// terminate asks the server to end, which takes its runners along, and kills
// the group if it does not. It returns when the server has ended.
func (p *process) terminate() {
	interrupt(p.cmd)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
	}
	p.kill()
}

// kill kills the whole group: a server that is killed leaves its runners
// behind.
func (p *process) kill() {
	killGroup(p.cmd)
	<-p.ended
}
