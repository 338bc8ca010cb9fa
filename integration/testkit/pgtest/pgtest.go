// Package pgtest runs a real PostgreSQL server for tests, as an unprivileged
// user on a free port. One server serves all tests of a package, each with a
// schema of its own:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		url := pgtest.Shared(t).Schema(t) // skips by name where there is no PostgreSQL
//	}
//
// A test that stops the server takes one of its own with New, or, where tests do
// not run side by side, starts the shared one again before it ends.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
)

const (
	user = "localmodel"
	// startWithin bounds a start or a stop; a loaded machine is slow.
	startWithin = time.Minute
)

// Server is a running PostgreSQL server with an empty database.
type Server struct {
	bin, home string
	settings  []string
	port      int
	cmd       *exec.Cmd
	ended     chan struct{} // closed when cmd has ended
	log       *testkit.Log
}

var shared struct { // one server per test binary, as the package comment says
	mu     sync.Mutex
	main   bool
	server *Server
	err    error
}

// Main runs the tests of a package and ends the shared server after them.
func Main(m *testing.M) int {
	shared.main = true
	code := m.Run()
	if shared.server != nil {
		shared.server.close()
	}
	return code
}

// Shared returns the server of this test binary; the first caller starts it.
// Where there is no PostgreSQL the test is skipped, or fails if REQUIRE names
// postgres.
func Shared(t testing.TB) *Server {
	t.Helper()
	bin := parts.Need(t, parts.Postgres)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.main {
		t.Fatal("pgtest.Shared needs a TestMain that calls pgtest.Main, or its server would outlive the tests")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start(bin)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	shared.server.log.Watch(t)
	return shared.server
}

// New starts a server for this test alone. It ends with the test. Settings add
// to its configuration: with "fsync=on" a commit waits for the disk, which tests
// of anything but speed have no use for.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(parts.Need(t, parts.Postgres), settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	s.log.Watch(t)
	return s
}

// Schema makes an empty schema and returns the address that sees it alone.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text())
	ctx, stop := context.WithTimeout(context.Background(), startWithin)
	defer stop()
	conn, err := pgx.Connect(ctx, s.url(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the schema is there
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return s.url(name)
}

func (s *Server) url(schema string) string {
	address := fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", user, s.port)
	if schema != "" {
		address += "&search_path=" + schema
	}
	return address
}

// Stop ends the server as a restart of its machine would: at once, clients
// being thrown out.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
}

// Start starts a server that was stopped, on the same address with the same
// data. One that runs goes on running.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.cmd != nil {
		return
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

func start(bin string, settings ...string) (*Server, error) {
	home, err := os.MkdirTemp("", "localmodel-postgres-")
	if err != nil {
		return nil, err
	}
	log, err := testkit.NewLog("postgres")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, home: home, settings: settings, log: log}
	err = own(home)
	if err == nil {
		err = s.command("initdb", "-D", s.data(), "-U", user, "-A", "trust", "--no-instructions", "--no-sync", "--locale=C", "-E", "UTF8")
	}
	// Another process may take the port between the look and the start.
	for try := 0; err == nil; try++ {
		if s.port, err = testkit.FreePort(); err != nil {
			break
		}
		failed := s.run()
		if failed == nil {
			return s, nil
		}
		if try == 4 {
			err = failed
		}
	}
	err = s.log.Failed(fmt.Errorf("postgres: %w", err))
	s.close()
	return nil, err
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	log, err := s.log.Open()
	if err != nil {
		return err
	}
	defer log.Close()                                                                                 //nolint:errcheck // the child has its own handle
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port)) //nolint:gosec,noctx // the part asked for; ended by stop
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.home, "fsync=off"}, s.settings...) {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.home, log, log
	unprivileged(cmd)
	diesWithUs(cmd)
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		// The kernel ties the server's death to the thread that started it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.cmd, s.ended = cmd, ended
	if err := s.awaitReady(); err != nil {
		return errors.Join(err, s.stop())
	}
	return nil
}

func (s *Server) awaitReady() error {
	ctx, stop := context.WithTimeout(context.Background(), startWithin)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return errors.New("the server ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready after %s", startWithin)
		case <-tick.C:
			if conn, err := pgx.Connect(ctx, s.url("")); err == nil {
				return conn.Close(ctx)
			}
		}
	}
}

// stop ends the server and waits for its end.
func (s *Server) stop() error {
	if s.cmd == nil {
		return nil
	}
	_ = shutdown(s.cmd) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(startWithin):
		_ = s.cmd.Process.Kill() // its children see that and end
		<-s.ended
		return errors.New("the server had to be killed")
	}
	s.cmd = nil
	return nil
}

// command runs one of the server's programs as a user that is not root: the
// server refuses to be root's.
func (s *Server) command(program string, args ...string) error {
	ctx, stop := context.WithTimeout(context.Background(), startWithin)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...) //nolint:gosec // the part asked for
	unprivileged(cmd)
	cmd.Dir = s.home
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.home, "data") }

func (s *Server) close() {
	_ = s.stop()
	_ = os.RemoveAll(s.home) // a left-over in the temporary directory does no harm
	s.log.Remove()
}
