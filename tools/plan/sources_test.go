package plan

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sourcesOf(root string, room int, paths ...string) (map[string]prompts.Source, string) {
	var t ticket.Ticket
	for _, p := range paths {
		action, path, found := strings.Cut(p, " ")
		if !found {
			action, path = "modify", p
		}
		t.Files = append(t.Files, ticket.File{Path: path, Action: action})
	}
	list, notes := sources(context.Background(), project.Project{Root: root}, byRelevance(t.Files), "", prompts.PlanQuestion{},
		room, firstShare)
	out := map[string]prompts.Source{}
	for _, s := range list {
		out[s.Path] = s
	}
	return out, strings.Join(notes, "\n")
}

// What is not shown to a model is said, each with its reason.
func TestSourcesThatAreNotShown(t *testing.T) {
	root := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, root, "good.go", "package good\r\n")
	write(t, root, "empty.go", "")
	write(t, root, "dir/x.go", "x")
	write(t, root, "binary.bin", "a\x00b")
	write(t, root, "latin1.txt", "caf\xe9")
	write(t, root, "large.txt", strings.Repeat("x", maxSourceBytes+1))
	if err := os.Symlink(outside, filepath.Join(root, "link.txt")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	got, notes := sourcesOf(root, 1<<20, "good.go", "empty.go", "dir", "binary.bin", "latin1.txt", "large.txt", "link.txt", "../secret.txt", "gone.go", "create new.go")
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
	root := t.TempDir()
	line := strings.Repeat("x", 99) + "\n"
	write(t, root, "old.go", strings.Repeat(line, 100))
	write(t, root, "a.go", strings.Repeat(line, 20))
	write(t, root, "b.go", strings.Repeat(line, 100))
	const room = 8000
	got, notes := sourcesOf(root, room, "delete old.go", "a.go", "b.go")
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
	got, notes = sourcesOf(root, 150, "b.go")
	if len(got) != 0 || !strings.Contains(notes, "b.go was not shown to the model: no room left") {
		t.Errorf("shown %v, notes:\n%s", got, notes)
	}
}
