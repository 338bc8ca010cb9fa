package litellmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// longestSocket is how long a socket's path may be, bytes.
const longestSocket = 100

// forks starts proxies by forks.py, which all packages of a run share.
type forks struct {
	python, script, dir string
	env                 []string // of the importing process
	run                 []any    // outlived by the fork server until it ends; nil = none is
	hold                net.Conn // keeps it there for this process's next proxy
}

// theForks are those of this test binary; nil where LiteLLM is no Python script or
// the path of the socket would be too long.
var theForks = sync.OnceValue(newForks)

// forked starts a proxy by the shared fork server. false = not here: the
// program is started as its users start it.
func (p *Proxy) forked(args, env []string) (running, bool, error) {
	f := theForks()
	if f == nil {
		return nil, false, nil
	}
	proc, err := f.start(request{Args: args, Env: env, Dir: p.home, Log: p.log.Name()})
	return proc, true, err
}

func newForks() *forks {
	root, errRoot := parts.Root()
	cache, errCache := parts.Cache()
	bin, errBin := parts.Find(parts.LiteLLM)
	script := filepath.Join(root, "integration", "testkit", "litellmtest", "forks.py")
	program, errProgram := os.ReadFile(bin)  //nolint:gosec // the part
	source, errSource := os.ReadFile(script) //nolint:gosec // of this checkout
	first, _, _ := strings.Cut(string(program), "\n")
	python, found := strings.CutPrefix(first, "#!")
	if errors.Join(errRoot, errCache, errBin, errProgram, errSource) != nil || !found || !strings.Contains(filepath.Base(python), "python") {
		return nil
	}
	key := sha256.Sum256([]byte(bin + string(source)))
	f := &forks{python: python, script: script, dir: filepath.Join(cache, "forks-"+hex.EncodeToString(key[:4])), env: offline, run: thisRun()}
	if len(f.socket()) > longestSocket {
		return nil
	}
	return f
}

func (f *forks) socket() string { return filepath.Join(f.dir, "socket") }

type request struct {
	Run  []any    `json:"run,omitempty"`
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir,omitempty"`
	Log  string   `json:"log,omitempty"`
}

// start starts a proxy, and the fork server before it if there is none.
func (f *forks) start(r request) (*forkedProxy, error) {
	if err := f.need(); err != nil {
		return nil, err
	}
	conn, err := f.connect(r)
	if err != nil {
		return nil, err
	}
	p := &forkedProxy{conn: conn, ended: make(chan struct{})}
	if _, err := fmt.Fscanln(conn, &p.pid); err != nil {
		return nil, fmt.Errorf("fork server: %w", err)
	}
	go func() {
		_, _ = conn.Read(make([]byte, 1)) // the end is all that comes
		close(p.ended)
	}()
	return p, nil
}

// need holds on to the fork server, which the first who needs it starts.
func (f *forks) need() error {
	if f.hold != nil {
		return nil
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	one := flock.New(filepath.Join(f.dir, "lock"))
	if err := one.Lock(); err != nil {
		return err
	}
	defer one.Unlock() //nolint:errcheck // the process ends soon
	var err error
	if f.hold, err = f.connect(request{}); err == nil {
		return nil
	}
	if err := f.launch(); err != nil {
		return err
	}
	f.hold, err = f.connect(request{})
	return err
}

// launch starts the fork server, which outlives this process, and waits until it
// can be connected to.
func (f *forks) launch() error {
	log, err := os.Create(filepath.Join(f.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()                                   //nolint:errcheck // the child has its own handle
	_ = os.Remove(f.socket())                           // of one that was killed: the new one puts its own there
	cmd := exec.Command(f.python, f.script, f.socket()) //nolint:gosec,noctx // of this checkout; ends by itself
	cmd.Dir, cmd.Stdout, cmd.Stderr = f.dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "TMPDIR=" + f.dir, "PYTHONDONTWRITEBYTECODE="}, f.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}()
	err = testkit.AwaitReady(ended, readyWithin, func(context.Context) bool { return parts.Has(f.socket()) })
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("fork server: %w\n%s", err, said)
	}
	return nil
}

func (f *forks) connect(r request) (net.Conn, error) {
	conn, err := net.Dial("unix", f.socket()) //nolint:noctx // answers at once
	if err != nil {
		return nil, err
	}
	r.Run = f.run
	line, err := json.Marshal(r)
	if err == nil {
		_, err = conn.Write(append(line, '\n'))
	}
	return conn, err
}

// thisRun is the go command that runs this test binary, or nothing if another
// program does.
func thisRun() []any {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid())) //nolint:gosec // in /proc
	if err != nil || string(name) != "go\n" {
		return nil
	}
	run, err := runOf(os.Getppid())
	if err != nil {
		return nil
	}
	return run
}

// runOf is a process: its number, which another may have later, and its start.
func runOf(pid int) ([]any, error) {
	fields, err := process.Stat(pid)
	if err != nil {
		return nil, err
	}
	return []any{pid, fields[22]}, nil
}

// forkedProxy is a proxy whose life hangs on a connection.
type forkedProxy struct {
	conn  net.Conn
	pid   int
	ended chan struct{}
}

func (p *forkedProxy) Ended() <-chan struct{} { return p.ended }

// Kill has the fork server kill the proxy with all that it started.
func (p *forkedProxy) Kill() {
	_ = p.conn.(*net.UnixConn).CloseWrite() // it may have ended
	<-p.ended
}
