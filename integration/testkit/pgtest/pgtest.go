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
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
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
	proc      *process.Process // nil = it does not run
	log       *testkit.Log
}

// shared is the one server of a test binary, as the package comment says.
var shared = testkit.Shared[*Server]{Kit: "pgtest"}

// Main runs the tests of a package and ends the shared server after them.
func Main(m *testing.M) int { return shared.Main(m.Run) }

// Shared returns the server of this test binary; the first caller starts it.
// Where there is no PostgreSQL the test is skipped, or fails if REQUIRE names
// postgres.
func Shared(t testing.TB) *Server {
	t.Helper()
	bin := parts.Need(t, parts.Postgres)
	s := shared.Get(t, func() (*Server, error) { return start(bin) })
	s.log.Watch(t)
	return s
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
	t.Cleanup(s.Close)
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
	if s.proc != nil {
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
		err = s.initdb()
	}
	if err == nil {
		err = testkit.OnFreePort(func(port int) error { s.port = port; return s.run() })
	}
	if err == nil {
		return s, nil
	}
	err = s.log.Failed(fmt.Errorf("postgres: %w", err))
	s.Close()
	return nil, err
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port)) //nolint:gosec,noctx // the part asked for; ended by stop
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.home, "fsync=off"}, s.settings...) {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.home, s.log.File, s.log.File
	unprivileged(cmd)
	// PostgreSQL's immediate shutdown: no checkpoint, clients thrown out.
	proc, err := process.StartEnding(cmd, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	s.proc = proc
	if err := testkit.AwaitReady(s.proc.Ended(), startWithin, s.ready); err != nil {
		return errors.Join(err, s.stop())
	}
	return nil
}

func (s *Server) ready(ctx context.Context) bool {
	conn, err := pgx.Connect(ctx, s.url(""))
	return err == nil && conn.Close(ctx) == nil
}

// stop ends the server and waits for its end.
func (s *Server) stop() error {
	if s.proc == nil {
		return nil
	}
	err := s.proc.Stop(startWithin)
	s.proc = nil
	return err
}

// initdb makes the data as a user that is not root: the server refuses to be
// root's.
func (s *Server) initdb() error {
	ctx, stop := context.WithTimeout(context.Background(), startWithin)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", user, "-A", "trust", //nolint:gosec // the part asked for
		"--no-instructions", "--no-sync", "--locale=C", "-E", "UTF8")
	unprivileged(cmd)
	cmd.Dir = s.home
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.home, "data") }

// Close ends the server and removes its data. Tests need not call it.
func (s *Server) Close() {
	_ = s.stop()
	_ = os.RemoveAll(s.home) // a left-over in the temporary directory does no harm
	s.log.Remove()
}
