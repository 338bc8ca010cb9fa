//go:build unix

// Package attacks opens hostile projects with the built program, as an ordinary
// user, and looks at everything outside of the project before and after.
package attacks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// nobody is the user that the program runs as where the tests run as root: root
// may do what an ordinary user may not.
const nobody = 65534

// late is far beyond what any command here takes; one that is held up by a pipe
// or a device takes for ever.
const late = time.Minute

// maxRSS is what a command may take of memory, in bytes, where a test sets no other limit.
const maxRSS = 400 << 20

// full reports whether inputs are as large as they can be; otherwise half of it
// proves the same in half the time.
func full() bool { return os.Getenv("LOCALMODEL_FULL") != "" }

// victim is a user with a home directory, and a project beneath it that a
// stranger made.
type victim struct {
	t               *testing.T
	program         string
	home, project   string
	env             []string
	outsideAtFirst  map[string]string
	projectAtFirst  map[string]string
	mayChangeInside []string // names in the project, beside the state file and its lock
	maxRSS          int64    // bytes of memory that a command may take
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	top := t.TempDir()
	for dir := top; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // so that nobody gets there
	}
	v := &victim{t: t, maxRSS: maxRSS, home: filepath.Join(top, "home"), project: filepath.Join(top, "home", "code", "project"), program: filepath.Join(top, "localmodel")}
	putProgram(t, v.program)
	for name, content := range map[string]string{".bashrc": "# mine\n", ".ssh/id_rsa": "secret key\n", ".config/other/settings.json": "{}\n",
		"code/victim.json": `{"stats":{"localModelStats":{"successCount":1}}}`, "code/notes.md": "secret notes\n"} {
		v.put(filepath.Join(v.home, name), content)
	}
	v.mkdir(v.project)
	v.env = []string{"HOME=" + v.home, "PATH=" + os.Getenv("PATH"), "CLAUDE_PROJECT_DIR=" + v.project, "OLLAMA_HOST=127.0.0.1:1",
		"LOCALMODEL_CLOUD=never", "LOCALMODEL_DEADLINE=10s", "TMPDIR=" + filepath.Join(top, "tmp")}
	v.mkdir(filepath.Join(top, "tmp"))
	return v
}

// putProgram puts the program where nobody may run it. A copy for each victim
// would take as long as the rest of the test.
func putProgram(t *testing.T, path string) {
	t.Helper()
	built := binary.Path(t)
	if info, err := os.Stat(built); err == nil && info.Mode().Perm()&0o005 == 0o005 && os.Link(built, path) == nil {
		return
	}
	data, err := os.ReadFile(built) // of another file system
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (v *victim) mkdir(path string) {
	v.t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) put(path, content string) {
	v.t.Helper()
	v.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// file puts a file into the project.
func (v *victim) file(name, content string) {
	v.t.Helper()
	v.put(filepath.Join(v.project, name), content)
}

func (v *victim) link(target, name string) {
	v.t.Helper()
	v.mkdir(filepath.Dir(filepath.Join(v.project, name)))
	if err := os.Symlink(target, filepath.Join(v.project, name)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) pipe(name string) {
	v.t.Helper()
	v.mkdir(filepath.Dir(filepath.Join(v.project, name)))
	if err := syscall.Mkfifo(filepath.Join(v.project, name), 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// ready gives everything to the user and remembers its state.
func (v *victim) ready() {
	v.t.Helper()
	if os.Geteuid() == 0 {
		for _, dir := range []string{v.home, filepath.Join(filepath.Dir(v.home), "tmp")} {
			err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
				return errors.Join(err, os.Lchown(path, nobody, nobody))
			})
			if err != nil {
				v.t.Fatal(err)
			}
		}
	}
	v.outsideAtFirst, v.projectAtFirst = v.outside(), listing(v.t, v.project)
}

// outside is everything but the project and this program's own directories.
func (v *victim) outside() map[string]string {
	v.t.Helper()
	all := listing(v.t, filepath.Dir(v.home))
	for path := range all {
		for _, own := range []string{v.project, filepath.Join(v.home, ".local"), filepath.Join(v.home, ".config", "localmodel"),
			filepath.Join(v.home, "Library")} {
			if path == own || strings.HasPrefix(path, own+"/") {
				delete(all, path)
			}
		}
	}
	return all
}

// unharmed compares with that state.
func (v *victim) unharmed() {
	v.t.Helper()
	for _, d := range differences(v.outsideAtFirst, v.outside()) {
		v.t.Errorf("outside of the project: %s", d)
	}
	may := append([]string{".claude", ".claude/implementer-state.json", ".claude/implementer-state.json.lock"}, v.mayChangeInside...)
	now := listing(v.t, v.project)
	for path := range now {
		rel, _ := filepath.Rel(v.project, path)
		if slices.Contains(may, rel) && !strings.Contains(v.projectAtFirst[path], "L") {
			delete(now, path)
			delete(v.projectAtFirst, path)
		}
	}
	for _, d := range differences(v.projectAtFirst, now) {
		v.t.Errorf("in the project: %s", d)
	}
}

func differences(before, after map[string]string) (out []string) {
	for path, was := range before {
		if is, ok := after[path]; !ok {
			out = append(out, path+" was removed")
		} else if is != was {
			out = append(out, fmt.Sprintf("%s was %s, is %s", path, was, is))
		}
	}
	for path, is := range after {
		if _, ok := before[path]; !ok {
			out = append(out, path+" was created: "+is)
		}
	}
	slices.Sort(out)
	return out
}

// listing is every path beneath a directory with its mode and content.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular() && info.Size() < 1<<24:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %d bytes %x", len(data), sha256.Sum256(data))
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			what += " -> " + target
		}
		out[path] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ran is how a command ended.
type ran struct {
	code     int
	out, err string
}

// run runs the program, and fails the test where it is late, crashes or takes
// too much memory.
func (v *victim) run(stdin string, args ...string) ran {
	v.t.Helper()
	ctx, stop := context.WithTimeout(v.t.Context(), late)
	defer stop()
	cmd := exec.CommandContext(ctx, v.program, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = v.env, v.home, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	err := cmd.Run()
	r := ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		v.t.Fatalf("%v: %v", args, err)
	}
	if ctx.Err() != nil {
		v.t.Errorf("%v: no end after %s", args, late)
	}
	if r.code < 0 || strings.Contains(r.err, "fatal error") || strings.Contains(r.err, "panic:") || strings.Contains(r.err, "goroutine 1") {
		v.t.Errorf("%v: exit %d, %.2000s", args, r.code, r.err)
	}
	if rss := peak(cmd.ProcessState); rss > v.maxRSS+inherited() {
		v.t.Errorf("%v: took %d MB", args, rss>>20)
	}
	return r
}

// session asks the server one thing after another and ends its input.
func (v *victim) session(calls ...string) ran {
	v.t.Helper()
	in := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}` + "\n"
	for i, call := range calls {
		in += fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":%s}`+"\n", i+1, call)
	}
	r := v.run(in, "serve")
	for i := range len(calls) + 1 {
		if !strings.Contains(r.out, fmt.Sprintf(`"id":%d,`, i)) {
			v.t.Errorf("request %d was not answered: %.2000s", i, r.out+r.err)
		}
	}
	return r
}

const (
	askHealth   = `{"name":"check_local_health","arguments":{}}`
	askClassify = `{"name":"classify_ticket","arguments":{"ticket_paths":["ticket.md"]}}`
	askPlan     = `{"name":"plan_ticket","arguments":{"ticket_path":"ticket.md"}}`
	askRecord   = `{"name":"record_gate_outcome","arguments":{"ticket_id":"BUG-1","gate":"commit","outcome":"pass","route":"local"}}`
	ticket      = "---\nid: BUG-1\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# Fix it\n\n## Acceptance Criteria\n- [ ] AC-1: it works\n"
)

// everything opens the project in every way, and says what came out.
func (v *victim) everything() string {
	v.t.Helper()
	var all strings.Builder
	for range 2 { // what the first run left behind is there in the second
		r := v.session(askHealth, askClassify, askPlan, askRecord, askHealth)
		all.WriteString(r.out + r.err)
	}
	for _, args := range [][]string{{"doctor"}, {"stats"}, {"export"}, {"config"}, {"projects"}, {"install", "claude-code", "--dry-run"},
		{"call", "check_local_health"}, {"call", "record_gate_outcome", `{"ticket_id":"BUG-2","gate":"lint","outcome":"fail","route":"local"}`}} {
		r := v.run("", args...)
		all.WriteString(r.out + r.err)
	}
	return all.String()
}
