package ticket_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// fuzzForm feeds a form with its examples and what grows out of them. name is the
// folder of its examples; each input is read under every path.
func fuzzForm(f *testing.F, name string, paths ...string) {
	f.Helper()
	seeds := 0
	err := filepath.WalkDir(filepath.Join("testdata/cases", name), func(path string, d fs.DirEntry,
		err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			seeds++
			f.Add(data)
		}
		return err
	})
	if err != nil || seeds == 0 {
		f.Fatal("no examples of", name, err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, path := range paths {
			d, err := ticket.Read(path, data, nil)
			if err != nil {
				var e *ticket.Error
				if !errors.As(err, &e) || e.Cause == "" || e.Next == "" || len(err.Error()) >= 500 {
					t.Fatalf("error %T of %d bytes: %v", err, len(err.Error()), err)
				}
				continue
			}
			holdsDocument(t, d)
		}
	})
}

// holdsDocument checks what is true of every document.
func holdsDocument(t *testing.T, d *ticket.Document) {
	t.Helper()
	if d.Form == "" {
		t.Fatal("no form")
	}
	holds(t, d.Head)
	seen := map[string]bool{}
	for _, task := range d.Tasks {
		holds(t, task)
		key := strings.ToLower(task.Local)
		if task.ID == "" || task.Local == "" || task.Source == "" || seen[key] {
			t.Fatalf("task %q (%q, %q) has no id of its own", task.ID, task.Local, task.Source)
		}
		seen[key] = true
		if len(task.After) > 500 || len([]rune(task.ID)) > 100 {
			t.Fatalf("%d tasks before %q", len(task.After), task.ID)
		}
	}
	if !d.Several && len(d.Tasks) > 0 && d.Form != "Obsidian" {
		t.Fatal("tasks of a file that holds one")
	}
}

func FuzzBacklogMD(f *testing.F) {
	fuzzForm(f, "backlogmd", "backlog/tasks/task-1 - A.md", "")
}
func FuzzSpecKit(f *testing.F) {
	fuzzForm(f, "speckit", "specs/001-a/tasks.md", "specs/001-a/spec.md")
}
func FuzzOpenSpec(f *testing.F) {
	fuzzForm(f, "openspec", "openspec/changes/a/tasks.md", "openspec/changes/a/proposal.md",
		"openspec/changes/a/specs/b/spec.md")
}
func FuzzKiro(f *testing.F) {
	fuzzForm(f, "kiro", ".kiro/specs/a/tasks.md", ".kiro/specs/a/requirements.md")
}
func FuzzTaskMaster(f *testing.F) {
	fuzzForm(f, "taskmaster", ".taskmaster/tasks/tasks.json", ".taskmaster/tasks/task_001_a.txt")
}
func FuzzBeads(f *testing.F) { fuzzForm(f, "beads", ".beads/issues.jsonl") }
func FuzzSpecKitty(f *testing.F) {
	fuzzForm(f, "speckitty", "kitty-specs/001-a/tasks/WP01-b.md")
}
func FuzzLinear(f *testing.F)   { fuzzForm(f, "linear", "docs/issues/A-1-b.md", "") }
func FuzzJira(f *testing.F)     { fuzzForm(f, "jira", "jira/A-1.md", "") }
func FuzzGitHub(f *testing.F)   { fuzzForm(f, "github", "issues/1.md", "") }
func FuzzObsidian(f *testing.F) { fuzzForm(f, "obsidian", "TaskNotes/Tasks/A.md", "notes/A.md") }
func FuzzKanbn(f *testing.F)    { fuzzForm(f, "obsidian", ".kanbn/tasks/a.md") }
func FuzzPlain(f *testing.F)    { fuzzForm(f, "plain", "t/A-1-b.md", "TODO.md") }
