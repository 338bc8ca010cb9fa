// Package ollamatest runs a real Ollama server for tests, with tiny models made
// on the spot. One server serves all tests of a package:
//
//	func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		server := ollamatest.Shared(t) // skips by name where there is no Ollama
//		// server.URL, model ollamatest.TinyQwen
//	}
//
// A test that kills or restarts a server, or needs it with other settings,
// takes one of its own with New.
package ollamatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// readyWithin bounds the start of a server; a loaded machine is slow.
const readyWithin = time.Minute

// Server is a running Ollama server with models of its own.
type Server struct {
	URL string // http://127.0.0.1:PORT

	bin, home string
	port      int
	env       []string
	log       *testkit.Log

	mu      sync.Mutex
	proc    *process.Process
	smol    sync.Once
	smolErr error
}

// shared is the one server of a test binary, as the package comment says.
var shared = testkit.Shared[*Server]{Kit: "ollamatest"}

// Main runs the tests of a package and ends the shared server after them.
func Main(m *testing.M) int { return shared.Main(m.Run) }

// Shared returns the server of this test binary with the tiny models in it. The
// first caller starts it. Where there is no Ollama the test is skipped, or
// fails if REQUIRE names ollama.
func Shared(t testing.TB) *Server {
	t.Helper()
	bin := parts.Need(t, parts.Ollama)
	s := shared.Get(t, func() (*Server, error) { return start(bin, nil) })
	s.log.Watch(t)
	return s
}

// New starts a server for this test alone, with the tiny models in it; env adds
// to its environment (OLLAMA_MAX_QUEUE=1). It ends with the test.
func New(t testing.TB, env ...string) *Server {
	t.Helper()
	s, err := start(parts.Need(t, parts.Ollama), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.log.Watch(t)
	return s
}

// Start is New for a program that is no test, which calls Close itself.
func Start(env ...string) (*Server, error) {
	bin, err := parts.Find(parts.Ollama)
	if err != nil {
		return nil, err
	}
	return start(bin, env)
}

func start(bin string, env []string) (*Server, error) {
	home, err := os.MkdirTemp("", "localmodel-ollama-")
	if err != nil {
		return nil, err
	}
	log, err := testkit.NewLog("ollama")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, home: home, env: env, log: log}
	if err = takeModels(bin, s.models()); err == nil {
		err = s.runSomewhere()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// runSomewhere runs the server on a free port.
func (s *Server) runSomewhere() error {
	err := testkit.OnFreePort(func(port int) error {
		s.port, s.URL = port, fmt.Sprintf("http://127.0.0.1:%d", port)
		return s.run()
	})
	if err != nil {
		return s.log.Failed(fmt.Errorf("ollama: %w", err))
	}
	return nil
}

// models is the directory that the server keeps its models in.
func (s *Server) models() string { return filepath.Join(s.home, "models") }

// run starts the process and waits until it answers.
func (s *Server) run() error {
	cmd := exec.Command(s.bin, "serve") //nolint:gosec,noctx // the part asked for; ended by Close
	cmd.Stdout, cmd.Stderr = s.log.File, s.log.File
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "USERPROFILE=" + s.home, "TMPDIR=" + s.home,
		"SystemRoot=" + os.Getenv("SystemRoot"),
		fmt.Sprintf("OLLAMA_HOST=127.0.0.1:%d", s.port), "OLLAMA_MODELS=" + s.models(),
		"OLLAMA_NO_CLOUD=1", "OLLAMA_NOPRUNE=1",
	}, s.env...)
	p, err := process.Start(cmd)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
	if err := testkit.AwaitReady(p.Ended(), readyWithin, s.ready); err != nil {
		p.Kill()
		return err
	}
	return nil
}

// ready reports whether the server answers. Another process may have the port:
// then this one ends soon.
func (s *Server) ready(ctx context.Context) bool {
	return testkit.AnswersOK(ctx, s.URL+"/api/version") &&
		strings.Contains(s.log.Text(), fmt.Sprintf("Listening on 127.0.0.1:%d ", s.port))
}

// KillServer kills the server and its runners at once, as a crash would.
func (s *Server) KillServer() {
	s.process().Kill()
}

// Hang stops the server and its runners where they are, until resume is
// called or the server ends: a connection to it opens and nothing answers. Where
// processes cannot be stopped the test is skipped.
func (s *Server) Hang(t testing.TB) (resume func()) {
	t.Helper()
	p := s.process()
	if err := p.Pause(); err != nil {
		t.Skipf("hanging server: %v", err)
	}
	return func() {
		if err := p.Resume(); err != nil {
			t.Error(err)
		}
	}
}

// Restart ends the server, if it still runs, and starts it again on the same
// address with the same models.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.process().Terminate()
	if err := s.run(); err != nil {
		t.Fatal(s.log.Failed(fmt.Errorf("ollama: restart: %w", err)))
	}
}

// KillRunner kills the processes that hold the loaded models; the server lives
// on and loads again when asked. It returns how many there were.
func (s *Server) KillRunner(t testing.TB) int {
	t.Helper()
	pids := s.Runners(t)
	for _, pid := range pids {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // it may have ended by itself
		}
	}
	return len(pids)
}

// Runners lists the processes that hold the loaded models.
func (s *Server) Runners(t testing.TB) []int {
	t.Helper()
	pids, err := process.Children(s.process().PID())
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

// Log is all that the server has printed.
func (s *Server) Log() string { return s.log.Text() }

func (s *Server) process() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// Close ends the server and removes its models. Tests need not call it.
func (s *Server) Close() {
	if p := s.process(); p != nil {
		p.Terminate()
	}
	_ = os.RemoveAll(s.home) // a left-over in the temporary directory does no harm
	s.log.Remove()
}
