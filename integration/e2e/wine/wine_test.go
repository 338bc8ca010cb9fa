// Package wine runs the program as it is built for Windows, under Wine: the
// journal, a process that is killed, two servers at once, and the forms of a
// path there. Two minutes, so only `make windows` runs it: REQUIRE must name wine.
package wine

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// prefix is one installation of Windows, shared by the tests: making it takes
// seconds.
var prefix struct {
	sync.Once
	dir, program string
	err          error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if prefix.dir != "" {
		stop := exec.Command("wineserver", "-k") //nolint:noctx // at the end
		stop.Env = append(os.Environ(), "WINEPREFIX="+filepath.Join(prefix.dir, "wine"))
		_ = stop.Run() // there may be none any more
		_ = os.RemoveAll(prefix.dir)
	}
	os.Exit(code)
}

// computer is Windows with the program, and a project of its own.
type computer struct {
	wine, dir string
	project   string // as Linux names it
	env       []string
}

func newComputer(t *testing.T) *computer {
	t.Helper()
	if !parts.Required(parts.Wine) {
		parts.Absent(t, parts.Wine, "it takes minutes, so it runs where REQUIRE names it, as in `make windows`")
	}
	wine := parts.Need(t, parts.Wine)
	prefix.Do(func() { prefix.err = install(wine) })
	if prefix.err != nil {
		t.Fatal(prefix.err)
	}
	home := filepath.Join(prefix.dir, "wine", "drive_c")
	project, err := os.MkdirTemp(home, "project") //nolint:usetesting // beneath the home that Wine sees
	if err != nil {
		t.Fatal(err)
	}
	c := &computer{wine: wine, dir: prefix.dir, project: project, env: environment()}
	local := `C:\` + filepath.Base(project) + `-state`
	c.env = append(c.env, "LocalAppData="+local, "AppData="+local, "CLAUDE_PROJECT_DIR="+c.path(), "LOCALMODEL_CLOUD=never", "OLLAMA_HOST=127.0.0.1:9", "LOCALMODEL_CONNECT_TIMEOUT=200ms") // a closed port takes seconds there
	return c
}

// path is the project's directory as Windows names it.
func (c *computer) path() string { return `C:\` + filepath.Base(c.project) }

// environment is that of a user who has set nothing of ours.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "LOCALMODEL_") && !strings.HasPrefix(name, "OLLAMA_") && !strings.HasPrefix(name, "LITELLM_") && name != "SHELL" {
			env = append(env, v)
		}
	}
	return append(env, "WINEPREFIX="+filepath.Join(prefix.dir, "wine"), "WINEDEBUG=-all", "DISPLAY=")
}

// install makes the prefix, with the library that is missing, and builds the
// program.
func install(wine string) (err error) {
	if prefix.dir, err = os.MkdirTemp("", "localmodel-wine-"); err != nil {
		return err
	}
	root, err := parts.Root()
	if err != nil {
		return err
	}
	prefix.program = filepath.Join(prefix.dir, "localmodel.exe")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", prefix.program, "./cmd/localmodel") //nolint:noctx // ends by itself
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build for Windows: %w\n%s", err, out)
	}
	// It stays between commands, which start faster then.
	stay := exec.Command("wineserver", "-p60") //nolint:noctx // returns at once
	stay.Env = environment()
	_ = os.MkdirAll(filepath.Join(prefix.dir, "wine"), 0o700) // or wineboot says why not
	_ = stay.Run()                                            // slower without
	boot := exec.Command(wine, "wineboot", "-i")              //nolint:noctx,gosec // ends by itself; the part
	boot.Env = environment()
	if out, err := boot.CombinedOutput(); err != nil {
		return fmt.Errorf("wineboot: %w\n%s", err, out)
	}
	system := filepath.Join(prefix.dir, "wine", "drive_c", "windows", "system32")
	path := filepath.Join(system, libraryName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) { // newer ones have it
		return os.WriteFile(path, makeLibrary(), 0o600)
	}
	return nil
}

func (c *computer) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.wine, append([]string{prefix.program}, args...)...)
	cmd.Dir, cmd.Env = c.project, c.env
	return cmd
}

// run returns what the program says on standard output.
func (c *computer) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := c.command(t, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(out), err
}

// record counts one outcome and returns the reply.
func (c *computer) record(t *testing.T, event string) gjson.Result {
	t.Helper()
	out, err := c.run(t, "call", "record_gate_outcome", recordArguments(event))
	if err != nil {
		t.Fatal(err)
	}
	return gjson.Parse(out)
}

func recordArguments(event string) string {
	id, _, _ := strings.Cut(event, ":")
	return fmt.Sprintf(`{"ticket_id":%q,"gate":"commit","outcome":"pass","event_id":%q,"route":"local"}`, id, event)
}

func (c *computer) write(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(c.project, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

const ticket = "---\nid: BUG-1\ntitle: Fix it\ncomplexity: low\n---\n# BUG-1: Fix it\n"

// server is the program as a client starts it.
type server struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	n   int
}

func (c *computer) serve(t *testing.T) *server {
	t.Helper()
	s := &server{cmd: c.command(t, "serve")}
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewScanner(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	if _, err := s.ask("initialize", map[string]any{"protocolVersion": "2025-11-25", "capabilities": map[string]any{},
		"clientInfo": map[string]any{"name": "t", "version": "1"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) ask(method string, params any) (gjson.Result, error) {
	s.n++
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": s.n, "method": method, "params": params})
	if err != nil {
		return gjson.Result{}, err
	}
	if _, err := s.in.Write(append(text, '\n')); err != nil {
		return gjson.Result{}, err
	}
	for s.out.Scan() {
		if r := gjson.ParseBytes(s.out.Bytes()); r.Get("id").Int() == int64(s.n) {
			return r.Get("result"), nil
		}
	}
	return gjson.Result{}, fmt.Errorf("%s: no answer: %w", method, s.out.Err())
}

func (s *server) record(event string) error {
	r, err := s.ask("tools/call", map[string]any{"name": "record_gate_outcome", "arguments": json.RawMessage(recordArguments(event))})
	if err == nil && r.Get("isError").Bool() {
		err = errors.New(r.Get("content.0.text").Str)
	}
	return err
}

func TestVersion(t *testing.T) {
	c := newComputer(t)
	out, err := c.run(t, "version")
	if err != nil || !strings.Contains(out, "windows/amd64") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestJournal_OneProjectByEveryFormOfItsPath(t *testing.T) {
	c := newComputer(t)
	c.write(t, "backlog/BUG-1.md", []byte(ticket))
	name := filepath.Base(c.project)
	c.oneProject(t, []string{`C:\` + name, `c:\` + name, `\\?\C:\` + name, `//?/c:/` + name})
}

// TestJournal_OneProjectOnAShare does the same for a network share and for what
// a WSL distribution offers: Wine finds both beneath dosdevices/unc.
func TestJournal_OneProjectOnAShare(t *testing.T) {
	c := newComputer(t)
	for machine, name := range map[string]string{"server": "share", "wsl.localhost": "Debian"} {
		at := filepath.Join(prefix.dir, "wine", "dosdevices", "unc", machine)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		c.project = t.TempDir()
		if err := os.Symlink(c.project, filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
		c.write(t, "work/backlog/BUG-1.md", []byte(ticket))
		share := machine + `\` + name + `\work`
		c.oneProject(t, []string{`\\` + share, `//` + strings.ReplaceAll(share, `\`, "/"), `\\?\UNC\` + share})
	}
}

// oneProject holds that each of the roots is the same project, and that a
// ticket in it is found by a relative path and beneath each of them.
func (c *computer) oneProject(t *testing.T, roots []string) {
	t.Helper()
	paths := []string{`backlog/BUG-1.md`, `backlog\BUG-1.md`}
	for _, root := range roots {
		paths = append(paths, root+`\backlog\BUG-1.md`)
	}
	args, err := json.Marshal(map[string]any{"ticket_paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	for i, root := range roots {
		c.env = append(c.env, "CLAUDE_PROJECT_DIR="+root)
		r := c.record(t, fmt.Sprintf("BUG-%d:commit:1", i+1))
		if got := r.Get("stats.successCount").Int(); got != int64(i+1) {
			t.Errorf("%s: %d counted, want %d: %s", root, got, i+1, r.Raw)
		}
		out, err := c.run(t, "call", "classify_ticket", string(args))
		if rows := gjson.Get(out, "tickets").Array(); err != nil || len(rows) != 1 || rows[0].Get("complexity").Str != "low" {
			t.Errorf("%s: %v, %s", root, err, out)
		}
	}
}

func TestJournal_SurvivesAKill(t *testing.T) {
	c := newComputer(t)
	s := c.serve(t)
	const events = 5
	for i := range events {
		if err := s.record(fmt.Sprintf("BUG-%d:commit:1", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
	if got := c.record(t, "BUG-9:commit:1").Get("stats.successCount").Int(); got != events+1 {
		t.Errorf("%d counted after the kill, want %d", got, events+1)
	}
}

func TestJournal_TwoServers(t *testing.T) {
	c := newComputer(t)
	const each = 10
	var group sync.WaitGroup
	for n, s := range []*server{c.serve(t), c.serve(t)} {
		group.Go(func() {
			for i := range each {
				if err := s.record(fmt.Sprintf("BUG-%d%02d:commit:1", n+1, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := c.record(t, "BUG-9:commit:1").Get("stats.successCount").Int(); got != 2*each+1 {
		t.Errorf("%d counted, want %d", got, 2*each+1)
	}
}

// What PowerShell's > writes is read, and advice is for the shell there.
func TestCall_AsOnWindows(t *testing.T) {
	c := newComputer(t)
	text := utf16.Encode([]rune("\ufeff" + `{"ticket":"# Größer\n"}`))
	data := make([]byte, 0, 2*len(text))
	for _, unit := range text {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	c.write(t, "args.json", data)
	if out, err := c.run(t, "call", "classify_ticket", `@`+c.path()+`\args.json`); err != nil || !gjson.Get(out, "tickets.0.id").Exists() {
		t.Errorf("got %s, %v", out, err)
	}
	if out, err := c.run(t, "call", "classify_ticket", "{ticket:x}"); err == nil || !strings.Contains(err.Error(), "@args.json") {
		t.Errorf("got %s, %v", out, err)
	}
	c.env = append(c.env, "OLLAMA_HOST=http://box.example:1", "LOCALMODEL_FALLBACK=cheap", "LOCALMODEL_CLOUD=allow", "LITELLM_BASE_URL=http://127.0.0.1:9")
	out, _ := c.run(t, "doctor")
	if !strings.Contains(out, "$env:LOCALMODEL_") || strings.Contains(out, "export ") {
		t.Errorf("advice for another shell:\n%s", out)
	}
}
