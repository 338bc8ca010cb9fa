package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// A user's projects are listed, compared, forgotten after a question, and
// pointed to where their directory was moved.
func TestProjects(t *testing.T) {
	y := newTryout(t)
	worked := func(dir string) {
		t.Helper()
		y.env["CLAUDE_PROJECT_DIR"] = dir
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if code, _, said := y.run(t, "call", "record_gate_outcome", `{"ticket_id":"BUG-1","gate":"commit","outcome":"pass","route":"local"}`); code != 0 {
			t.Fatal(said)
		}
	}
	real, err := filepath.EvalSymlinks(y.root)
	if err != nil {
		t.Fatal(err)
	}
	a, b, moved := filepath.Join(real, "a"), filepath.Join(real, "b"), filepath.Join(real, "moved")
	if code, out, said := y.run(t, "projects"); code != 0 || !strings.Contains(out, "Nothing is recorded") {
		t.Errorf("without a journal: exit %d, %q, %q", code, out, said)
	}
	worked(a)
	worked(b)
	names := func() string {
		t.Helper()
		code, out, said := y.run(t, "projects", "--json")
		if code != 0 {
			t.Fatal(said)
		}
		var list []string
		gjson.Parse(out).ForEach(func(_, v gjson.Result) bool { list = append(list, v.Get("name").Str); return true })
		return strings.Join(list, " ")
	}
	if got := names(); got != b+" "+a {
		t.Errorf("projects %q, want %q", got, b+" "+a)
	}
	code, out, said := y.run(t, "stats", "--all")
	if code != 0 || strings.Count(out, "1 of 1") != 2 || !strings.Contains(out, a) {
		t.Errorf("stats --all: exit %d, %q, %q", code, out, said)
	}
	if code, out, said := y.run(t, "stats", "--all", "--json"); code != 0 || gjson.Get(out, "#").Int() != 2 || gjson.Get(out, "1.tickets.k").Int() != 1 {
		t.Errorf("stats --all --json: exit %d, %s, %q", code, out, said)
	}
	if err := os.Rename(a, moved); err != nil {
		t.Fatal(err)
	}
	if code, _, said := y.run(t, "projects", "move", a, moved); code != 0 || names() != b+" "+moved {
		t.Errorf("move: exit %d, %q, projects %q", code, said, names())
	}
	if code, _, said := y.run(t, "projects", "forget", b); code != 1 || !strings.Contains(said, "[y/N]") || !strings.Contains(names(), b) {
		t.Errorf("without an answer: exit %d, %q", code, said)
	}
	y.in = strings.NewReader("y\n")
	if code, _, said := y.run(t, "projects", "forget", b); code != 0 || names() != moved {
		t.Errorf("forget: exit %d, %q, projects %q", code, said, names())
	}
	for _, args := range [][]string{{"forget"}, {"move", b}, {"other", "x"}} {
		if code, _, _ := y.run(t, append([]string{"projects"}, args...)...); code != 2 {
			t.Errorf("projects %q: exit %d, want 2", args, code)
		}
	}
	if code, _, said := y.run(t, "projects", "forget", "none", "--yes"); code != 1 || !strings.Contains(said, "no such project") {
		t.Errorf("an unknown one: exit %d, %q", code, said)
	}
}

// A journal that lies in a project is the project's: nobody opens it, whoever
// names it.
func TestJournalInProject_IsNotOpened(t *testing.T) {
	y := newTryout(t)
	path := filepath.Join(y.root, ".claude", "localmodel", "journal.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// The stranger's journal can be used: it has successes that this user never had.
	for _, id := range []string{"OLD-1", "OLD-2", "OLD-3", "OLD-4"} {
		if code, _, said := y.run(t, "call", "record_gate_outcome", `{"ticket_id":"`+id+`","gate":"commit","outcome":"pass","route":"local"}`); code != 0 {
			t.Fatal(said)
		}
	}
	shipped, err := os.ReadFile(y.env["LOCALMODEL_STATE"])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, shipped, 0o644); err != nil { //nolint:gosec // as git checks it out
		t.Fatal(err)
	}
	before := tree(t, filepath.Join(y.root, ".claude"))
	for _, state := range []string{"", path, filepath.Join(y.root, ".claude", "..", ".claude", "x.db")} {
		y.env["LOCALMODEL_STATE"], y.env["XDG_STATE_HOME"] = state, filepath.Join(y.root, "home")
		code, out, said := y.run(t, "call", "record_gate_outcome", `{"ticket_id":"BUG-1","gate":"lint","outcome":"pass"}`)
		if code != 0 || !strings.Contains(out, `"continue"`) || !strings.Contains(out, `"successCount":0`) {
			t.Errorf("LOCALMODEL_STATE=%q: exit %d, %q, %q", state, code, out, said)
		}
	}
	if _, err := os.Stat(filepath.Join(y.root, "home", "localmodel", "journal.db")); err != nil {
		t.Error(err)
	}
	if after := tree(t, filepath.Join(y.root, ".claude")); after != before {
		t.Errorf("the project's files are now\n%s\nwere\n%s", after, before)
	}
}
