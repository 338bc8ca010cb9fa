package tools

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

func sourcesOf(d *Deps, room int, paths ...string) (map[string]prompts.Source, string) {
	var t ticket.Ticket
	for _, p := range paths {
		action, path, found := strings.Cut(p, " ")
		if !found {
			action, path = "modify", p
		}
		t.Files = append(t.Files, ticket.File{Path: path, Action: action})
	}
	list, notes := d.sources(context.Background(), t, "", prompts.PlanQuestion{}, room)
	out := map[string]prompts.Source{}
	for _, s := range list {
		out[s.Path] = s
	}
	return out, strings.Join(notes, "\n")
}

// What is not shown to a model is said, each with its reason.
func TestSourcesThatAreNotShown(t *testing.T) {
	b := newBench(t, &script{})
	outside := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.write("good.go", "package good\r\n")
	b.write("empty.go", "")
	b.write("dir/x.go", "x")
	b.write("binary.bin", "a\x00b")
	b.write("latin1.txt", "caf\xe9")
	b.write("large.txt", strings.Repeat("x", maxSourceBytes+1))
	if err := os.Symlink(outside, filepath.Join(b.Root, "link.txt")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	got, notes := sourcesOf(b.Deps, 1<<20, "good.go", "empty.go", "dir", "binary.bin", "latin1.txt", "large.txt", "link.txt", "../secret.txt", "gone.go", "create new.go")
	if len(got) != 1 || got["good.go"].Text != "package good\n" {
		t.Errorf("shown: %v", got)
	}
	for _, want := range []string{"dir was not shown to the model: it is a directory", "binary.bin was not shown to the model: it is not text",
		"latin1.txt was not shown to the model: it is not text", "large.txt was not shown to the model: 262145 bytes, more than 262144",
		"gone.go was not shown to the model: it does not exist", "link.txt was not shown to the model: ", "../secret.txt was not shown to the model: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "new.go") || strings.Contains(notes, "empty.go") {
		t.Errorf("nothing is missing of these:\n%s", notes)
	}
}

// Files to modify come before those to delete; one that does not fit is shown in
// part, and said.
func TestSources_WithinTheirRoom(t *testing.T) {
	b := newBench(t, &script{})
	line := strings.Repeat("x", 99) + "\n"
	b.write("old.go", strings.Repeat(line, 100))
	b.write("a.go", strings.Repeat(line, 20))
	b.write("b.go", strings.Repeat(line, 100))
	const room = 8000
	got, notes := sourcesOf(b.Deps, room, "delete old.go", "a.go", "b.go")
	if a := got["a.go"]; a.Cut() || a.Shown != 2000 {
		t.Errorf("a.go: %d of %d", a.Shown, a.Size)
	}
	sum := 0
	for _, s := range got {
		sum += len(s.Text)
	}
	if s := got["b.go"]; !s.Cut() || s.Shown < 2500 || s.Size != 10_000 || sum > room {
		t.Errorf("b.go: %d of %d, all: %d", s.Shown, s.Size, sum)
	}
	if _, shown := got["old.go"]; !shown || !strings.Contains(notes, "b.go was shown in part: ") {
		t.Errorf("old.go shown: %t, notes:\n%s", shown, notes)
	}
	got, notes = sourcesOf(b.Deps, 150, "b.go")
	if len(got) != 0 || !strings.Contains(notes, "b.go was not shown to the model: no room left") {
		t.Errorf("shown %v, notes:\n%s", got, notes)
	}
}

// The room is the router's, for the route asked, and the prompt keeps to it.
func TestPlanPromptKeepsToItsRoom(t *testing.T) {
	const room = 12_000
	var prompt int
	s := &script{complete: func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		prompt = len(req.System) + len(req.User)
		return routing.Answer{}, &routing.Unanswered{}
	}}
	b := newBench(t, s)
	b.Room = func(_ context.Context, route policy.Route, _ int) int {
		if route != policy.OnlyCloud {
			t.Errorf("route %s", route)
		}
		return room
	}
	b.write("a.go", strings.Repeat("package a // words\n", 2000))
	b.write("t.md", "---\nid: N-1\ntitle: T\ncomplexity: low\n---\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n| a.go | modify | |\n")
	r := b.run("plan_ticket", map[string]any{"ticket_path": "t.md", "route": "cloud"})
	if prompt > room || prompt < room-500 {
		t.Errorf("a prompt of %d bytes in a room of %d", prompt, room)
	}
	if !strings.Contains(r.Get("warnings").Raw, "a.go was shown in part") {
		t.Errorf("nothing is said of the cut: %s", r.Raw)
	}
}
