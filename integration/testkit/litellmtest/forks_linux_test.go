package litellmtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

const childWord = "LITELLMTEST_CHILD"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(childWord)); len(args) == 2 {
		os.Exit(child(args[0], args[1]))
	}
	os.Exit(m.Run())
}

// program imitates LiteLLM: forks.py imports it, and a proxy of it writes what
// it was given and waits.
var program = map[string]string{
	"litellm/__init__.py": `import os, sys, time
def run_server():
    print(sys.argv[1:], os.environ.get("ONE"), os.environ.get("HOME"), os.getcwd(), flush=True)
    while sys.argv[1] != "ends":
        time.sleep(1)
`,
	"litellm/proxy/__init__.py":     "",
	"litellm/proxy/proxy_server.py": `import os` + "\n" + `print(os.getpid(), file=open(os.environ["HOME"] + "/imports", "a"))`,
}

func newTestForks(t *testing.T) *forks {
	t.Helper()
	python := parts.Program(t, "python3")
	dir, err := os.MkdirTemp("", "forks") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, text := range program {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := testForks(python, dir)
	t.Cleanup(func() { f.letGo(t) })
	return f
}

func testForks(python, dir string) *forks {
	script, err := filepath.Abs("forks.py")
	if err != nil {
		panic(err)
	}
	return &forks{python: python, script: script, dir: dir, env: []string{"PYTHONPATH=" + dir}}
}

// letGo ends this process's hold and waits until the fork server has seen it.
func (f *forks) letGo(t *testing.T) {
	t.Helper()
	if f.hold == nil {
		return
	}
	if err := f.hold.(*net.UnixConn).CloseWrite(); err != nil {
		t.Error(err)
	}
	_, _ = f.hold.Read(make([]byte, 1)) // its end
	f.hold = nil
}

// servers are the processes that have been the fork server.
func (f *forks) servers(t *testing.T) []int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "imports"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func (f *forks) proxy(t *testing.T, arg string) (p *forkedProxy, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := f.start(request{Args: []string{arg}, Env: []string{"ONE=" + arg}, Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, log
}

func TestForks_EachProxyIsItsOwn(t *testing.T) {
	f := newTestForks(t)
	first, firstLog := f.proxy(t, "first")
	second, secondLog := f.proxy(t, "second")
	for arg, log := range map[string]string{"first": firstLog, "second": secondLog} {
		want := fmt.Sprintf("['%s'] %s None %s\n", arg, arg, filepath.Dir(log))
		testkit.Eventually(t, "it says what it was given", func() bool {
			got, err := os.ReadFile(log)
			return err == nil && string(got) == want
		})
	}
	first.Kill()
	if process.GroupLives(first.pid) {
		t.Error("a killed proxy lives")
	}
	select {
	case <-second.Ended():
		t.Error("the other one has ended too")
	default:
	}
	third, _ := f.proxy(t, "ends")
	<-third.Ended()
	if got := f.servers(t); len(got) != 1 {
		t.Errorf("the program was imported by %v, want once", got)
	}
}

// child starts a proxy, says its number, and waits to be killed.
func child(python, dir string) int {
	log := filepath.Join(dir, "proxy.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return 1
	}
	p, err := testForks(python, dir).start(request{Args: []string{"child"}, Env: []string{}, Dir: dir, Log: log})
	if err != nil {
		return 1
	}
	fmt.Println(p.pid)
	select {}
}

func TestForks_EndWithTheirLastUser(t *testing.T) {
	f := newTestForks(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test binary
	cmd.Env = append(os.Environ(), childWord+"="+f.python+" "+f.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var proxy int
	if _, err := fmt.Fscan(out, &proxy); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the proxy runs", func() bool {
		log, err := os.ReadFile(filepath.Join(f.dir, "proxy.log"))
		return err == nil && len(log) > 0
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	testkit.Eventually(t, "the proxy of the killed one ends", func() bool { return !process.GroupLives(proxy) })
	server := f.servers(t)[0]
	testkit.Eventually(t, "the fork server ends", func() bool { return syscall.Kill(server, 0) != nil })
}

// The packages of a run are tested one after another, with gaps between them.
func TestForks_StayWhileTheRunGoesOn(t *testing.T) {
	f := newTestForks(t)
	run := exec.CommandContext(t.Context(), parts.Program(t, "sh"), "-c", "read x") // until its input ends
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	if f.run, err = runOf(run.Process.Pid); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := f.need(); err != nil {
			t.Fatal(err)
		}
		f.letGo(t)
	}
	if got := f.servers(t); len(got) != 1 {
		t.Errorf("the program was imported by %v, want once", got)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	server := f.servers(t)[0]
	testkit.Eventually(t, "the fork server ends after the run", func() bool { return syscall.Kill(server, 0) != nil })
}
