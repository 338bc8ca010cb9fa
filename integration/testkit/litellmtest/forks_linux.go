package litellmtest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
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

var theForks struct { // of this test binary
	sync.Once
	forks *forks
}

// forked starts a proxy by the shared fork server. false = not here: the
// program is started as its users start it.
func (p *Proxy) forked(log string, args, env []string) (running, bool, error) {
	theForks.Do(func() { theForks.forks = newForks(p.bin) })
	f := theForks.forks
	if f == nil {
		return nil, false, nil
	}
	proc, err := f.start(request{Args: args, Env: variables(env), Dir: p.home, Log: log})
	return proc, true, err
}

// newForks returns nil where bin is no Python script or the path of the socket
// would be too long.
func newForks(bin string) *forks {
	root, err := parts.Root()
	if err != nil {
		return nil
	}
	cache, err := parts.Cache()
	if err != nil {
		return nil
	}
	script := filepath.Join(root, "integration", "testkit", "litellmtest", "forks.py")
	program, errProgram := os.ReadFile(bin)  //nolint:gosec // the part
	source, errSource := os.ReadFile(script) //nolint:gosec // of this checkout
	first, _, _ := strings.Cut(string(program), "\n")
	python, found := strings.CutPrefix(first, "#!")
	if errors.Join(errProgram, errSource) != nil || !found || !strings.Contains(filepath.Base(python), "python") {
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
	Run  []any             `json:"run,omitempty"`
	Args []string          `json:"args,omitempty"`
	Env  map[string]string `json:"env"`
	Dir  string            `json:"dir,omitempty"`
	Log  string            `json:"log,omitempty"`
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
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("fork server: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(answer))
	if err != nil {
		return nil, fmt.Errorf("fork server: %w", err)
	}
	p := &forkedProxy{conn: conn, pid: pid, ended: make(chan struct{})}
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
	defer log.Close() //nolint:errcheck // the child has its own handle
	if err := os.Remove(f.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cmd := exec.Command(f.python, f.script, f.socket()) //nolint:gosec,noctx // of this checkout; ends by itself
	cmd.Dir, cmd.Stdout, cmd.Stderr = f.dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "TMPDIR=" + f.dir, "PYTHONDONTWRITEBYTECODE="}, f.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(readyWithin); ; {
		select {
		case err := <-ended:
			said, _ := os.ReadFile(log.Name()) // how it ended is said too
			return fmt.Errorf("fork server: %w\n%s", err, said)
		case <-late:
			return fmt.Errorf("the fork server was not ready after %s; log: %s", readyWithin, log.Name())
		case <-tick.C:
			if _, err := os.Stat(f.socket()); err == nil {
				return nil
			}
		}
	}
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
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) //nolint:gosec // in /proc
	if err != nil {
		return nil, err
	}
	// What follows the name in parentheses begins with field 3; the start is 22.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return []any{pid, fields[19]}, nil
}

func variables(env []string) map[string]string {
	vars := map[string]string{}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	return vars
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
