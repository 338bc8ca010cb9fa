//go:build unix

package trial

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// confineWord makes this test binary the process that confines a command.
const confineWord = "run-confined"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == confineWord {
		os.Exit(RunConfined(os.Args[2:], os.Environ(), os.Stderr))
	}
	os.Exit(m.Run())
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestProjectRun holds what comes of the project's commands, and that they run
// on a copy.
func TestProjectRun(t *testing.T) {
	t.Setenv("SOME_API_KEY", "hunter2")
	for name, row := range map[string]struct {
		commands []string
		want     draft.State
		detail   string
	}{
		"none":               {nil, draft.NotRun, "no commands"},
		"passes on the copy": {[]string{"grep -q after a.txt", "test ! -e .git", "test ! -e link"}, draft.Passed, ""},
		"not found":          {[]string{"no-such-command-here"}, draft.NotRun, "could not run"},
		"link within":        {[]string{"grep -q after inside"}, draft.Passed, ""},
		"submodule's .git":   {[]string{"test ! -e sub/.git", "test -e sub/b.txt"}, draft.Passed, ""},
		"links outside":      {[]string{"test ! -L outside", "test ! -L up", "test ! -L chain"}, draft.Passed, ""},
		"fails":              {[]string{"true", "echo why; exit 3"}, draft.Failed, "exit status 3: why"},
		"too slow":           {[]string{"sleep 60"}, draft.NotRun, "not finished within"},
		"sees no secret":     {[]string{`test -z "$SOME_API_KEY"`}, draft.Passed, ""},
		"writes in the copy": {[]string{"echo gone > a.txt; mkdir -p ro/x; chmod 500 ro"}, draft.Passed, ""},
		"endless output":     {[]string{"head -c 3000000 /dev/zero | tr '\\0' x; false"}, draft.Failed, "xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			root, scratch := t.TempDir(), t.TempDir()
			write(t, filepath.Join(root, "a.txt"), "before")
			write(t, filepath.Join(root, ".git", "config"), "x")
			write(t, filepath.Join(root, "sub", ".git"), "gitdir: ../.git/modules/sub")
			write(t, filepath.Join(root, "sub", "b.txt"), "x")
			for link, to := range map[string]string{"link": "/etc/passwd", "outside": "../elsewhere", "up": "sub/../../x", "inside": "a.txt",
				"self": ".", "chain": "self/self/../../a.txt"} {
				if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			if len(row.commands) > 0 {
				write(t, filepath.Join(scratch, scratchPrefix+"killed", "tree", "x"), "left by a killed process")
			}
			p := Project{Root: root, Scratch: scratch, Commands: row.commands, Env: os.Environ(), Timeout: time.Minute}
			if name == "too slow" {
				p.Timeout = 200 * time.Millisecond
			}
			got := p.Run(t.Context(), []draft.Change{{File: draft.File{Path: "a.txt"}, After: "after"}})
			if got.State != row.want || !strings.Contains(got.Detail, row.detail) || len(got.Detail) > 1000 {
				t.Errorf("got %+v, want %s (%s)", got, row.want, row.detail)
			}
			if data, _ := os.ReadFile(filepath.Join(root, "a.txt")); string(data) != "before" {
				t.Errorf("the working tree was changed: %q", data)
			}
			if left, _ := filepath.Glob(filepath.Join(scratch, scratchPrefix+"*")); len(left) != 0 {
				t.Errorf("the scratch copy was left behind: %v", left)
			}
		})
	}
}

// Commands get the user's environment, but no secret in it, whatever its name.
func TestCommandEnv_Secrets(t *testing.T) {
	kept := []string{"PATH=/usr/bin:/bin", "HOME=/home/me", "PWD=/home/me/project", "LANG=C.UTF-8", "GOFLAGS=-mod=mod", "NODE_ENV=test",
		"DATABASE_URL=postgres://127.0.0.1/app_test", "CI_COMMIT=9c37a5d1b2e3f4a5968778695a4b3c2d1e0f9a8b"}
	secret := []string{"SOME_API_KEY=x", "GH_TOKEN=x", "MYSQL_PWD=x", "PGPASSFILE=/x", "DB_PASS=x", "SLACK_WEBHOOK_URL=https://x", "LITELLM_MASTER_KEY=x",
		"DATABASE_URL=postgres://app:hunter2x@db.example/app", "SENTRY_DSN=https://0123456789abcdef0123456789abcdef@sentry.example/1",
		"EXTRA=--password=hunter2hunter2", "BLOB=https://a.blob.core.windows.net/c?sv=2022&sig=Zk3%2Fabc%3D"}
	got := commandEnv(append(slices.Clone(kept), secret...), "/scratch")
	for _, pair := range kept {
		if !slices.Contains(got, pair) {
			t.Errorf("%s is left out", pair)
		}
	}
	for _, pair := range secret {
		if slices.Contains(got, pair) {
			t.Errorf("%s is handed on", pair)
		}
	}
}

// TestProjectRun_HasNoNetwork lets a command connect to a port of this test.
func TestProjectRun_HasNoNetwork(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test ends
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := Project{Root: t.TempDir(), Scratch: t.TempDir(), Env: os.Environ(),
		Commands: []string{"! bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "'"}}
	got := p.Run(t.Context(), nil)
	if strings.Contains(got.Detail, "could not take the network away") || strings.Contains(got.Detail, "bash") && got.State == draft.NotRun {
		parts.Absent(t, "unshare", "no network namespace can be made, and the check says so: "+got.Detail)
	}
	if got.State != draft.Passed {
		t.Errorf("a command reached the network: %+v", got)
	}
}

// TestProjectRun_ChangedChecks holds that a draft that changes what the commands
// check has not passed them.
func TestProjectRun_ChangedChecks(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "check.sh"), "exit 1\n")
	p := Project{Root: root, Scratch: t.TempDir(), Env: os.Environ(), Commands: []string{"sh check.sh"}}
	got := p.Run(t.Context(), []draft.Change{{File: draft.File{Path: "check.sh", Exists: true}, After: "exit 0\n"}})
	if got.State != draft.NotRun || !strings.Contains(got.Detail, "check.sh") {
		t.Errorf("got %+v, want it not passed", got)
	}
}

// TestProjectRun_ThroughALinkedDirectory holds that a change is never written
// outside the copy, whatever links the working tree has.
func TestProjectRun_ThroughALinkedDirectory(t *testing.T) {
	root, scratch, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	for link, to := range map[string]string{"self": ".", "out": elsewhere, "chain": "self/../../victim"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	p := Project{Root: root, Scratch: scratch, Env: os.Environ(), Commands: []string{"true"}}
	for _, name := range []string{"out/x", "self/../../x", "../x", "chain/x", "chain"} {
		got := p.Run(t.Context(), []draft.Change{{File: draft.File{Path: name}, After: "after"}})
		var written []string
		for _, dir := range []string{elsewhere, root, scratch, filepath.Dir(scratch)} {
			for _, pattern := range []string{"x", "victim", "*/x", "*/victim"} {
				found, _ := filepath.Glob(filepath.Join(dir, pattern))
				written = append(written, found...)
			}
		}
		if len(written) != 0 {
			t.Errorf("%s: wrote %v; %+v", name, written, got)
		}
	}
}

// TestProjectRun_Limits holds that a tree over a limit is not copied, and that
// it is said.
func TestProjectRun_Limits(t *testing.T) {
	root, scratch := t.TempDir(), t.TempDir()
	big, err := os.Create(filepath.Join(root, "big"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(maxCopyBytes+1), big.Close()); err != nil {
		t.Fatal(err)
	}
	p := Project{Root: root, Scratch: scratch, Env: os.Environ(), Commands: []string{"true"}}
	if got := p.Run(t.Context(), nil); got.State != draft.NotRun || !strings.Contains(got.Detail, "no scratch copy") {
		t.Errorf("got %+v, want it not run", got)
	}
	if left, _ := filepath.Glob(filepath.Join(scratch, scratchPrefix+"*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestProjectRun_OneAtATime holds that a second copy waits for the first.
func TestProjectRun_OneAtATime(t *testing.T) {
	scratch := t.TempDir()
	lock, err := lockScratch(t.Context(), scratch)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p := Project{Root: t.TempDir(), Scratch: scratch, Env: os.Environ(), Commands: []string{"true"}}
	if got := p.Run(ctx, nil); got.State != draft.NotRun {
		t.Errorf("got %+v beside another copy, want it not run", got)
	}
	lock.Unlock()
	if got := p.Run(t.Context(), nil); got.State != draft.Passed {
		t.Errorf("got %+v, want it passed", got)
	}
}

// TestProjectRun_WritesNowhereElse holds that a trusted command, and with it the
// code that a model wrote, changes nothing outside its copy.
func TestProjectRun_WritesNowhereElse(t *testing.T) {
	if !canConfine() {
		parts.Absent(t, "landlock", "this system cannot forbid a program to write")
	}
	victim := t.TempDir()
	write(t, filepath.Join(victim, "precious"), "whole")
	if err := os.Mkdir(filepath.Join(victim, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	root, scratch := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "a.txt"), "before")
	p := Project{Root: root, Scratch: scratch, Timeout: time.Minute, Confine: []string{os.Args[0], confineWord},
		Env: append(os.Environ(), "VICTIM="+victim, "ROOT="+root)}
	for line, want := range map[string]draft.State{
		`echo x > "$VICTIM/new"`:                      draft.Failed,
		`echo x >> "$VICTIM/precious"`:                draft.Failed,
		`: > "$VICTIM/precious"`:                      draft.Failed,
		`rm "$VICTIM/precious"`:                       draft.Failed,
		`mv "$VICTIM/precious" .`:                     draft.Failed,
		`rmdir "$VICTIM/empty"`:                       draft.Failed,
		`mkdir "$VICTIM/more"`:                        draft.Failed,
		`ln -s /etc "$VICTIM/link"`:                   draft.Failed,
		`ln "$VICTIM/precious" mine && echo x > mine`: draft.Failed,
		`ln -s "$VICTIM" v && echo x > v/new`:         draft.Failed,
		`echo x > "$ROOT/a.txt"`:                      draft.Failed,
		`sh -c 'sh -c "echo x > \"$VICTIM/deep\""'`:   draft.Failed,
		`echo x > a.txt && mkdir -p b/c && mv a.txt b/c && rm -r b && echo x > "$TMPDIR/t" && echo x > /dev/null`: draft.Passed,
		`echo x > "$XDG_CACHE_HOME/kept"`: draft.Passed,
	} {
		p.Commands = []string{line}
		if got := p.Run(t.Context(), nil); got.State != want {
			t.Errorf("%s: %+v, want %s", line, got, want)
		}
	}
	if data, err := os.ReadFile(filepath.Join(victim, "precious")); err != nil || string(data) != "whole" {
		t.Errorf("the victim's file is %q (%v)", data, err)
	}
	if data, _ := os.ReadFile(filepath.Join(root, "a.txt")); string(data) != "before" {
		t.Errorf("the working tree's file is %q", data)
	}
	if entries, _ := os.ReadDir(victim); len(entries) != 2 {
		t.Errorf("the victim's directory has %v", entries)
	}
}

// TestRunConfined_NoCommand holds that nothing runs unconfined by mistake.
func TestRunConfined_NoCommand(t *testing.T) {
	for _, args := range [][]string{nil, {"/tmp"}, {"/tmp", "--"}, {"--", "no-such-program-here"}} {
		if code := RunConfined(args, nil, io.Discard); code != notExecutable {
			t.Errorf("%q: exit %d, want %d", args, code, notExecutable)
		}
	}
}
