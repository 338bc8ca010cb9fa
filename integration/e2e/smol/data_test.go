package smol

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/tickets.txt
var labelled string

// labelledTicket is a ticket whose category and complexity a person has set.
type labelledTicket struct {
	id, title, body      string
	category, complexity string
	files                []string
}

// tickets reads the labelled tickets. Their ids state nothing.
func tickets(t testing.TB) []labelledTicket {
	t.Helper()
	var out []labelledTicket
	for _, block := range strings.Split("\n"+labelled, "\n= ")[1:] {
		lines := strings.SplitN(strings.TrimSpace(block), "\n", 3)
		head, files, found := strings.Cut(lines[0], "|")
		words := strings.Fields(head)
		if !found || len(words) != 2 || len(lines) != 3 {
			t.Fatalf("not a labelled ticket: %q", block)
		}
		out = append(out, labelledTicket{id: fmt.Sprintf("N-%03d", len(out)+1), title: lines[1], body: lines[2],
			category: words[0], complexity: words[1], files: strings.Split(strings.TrimSpace(files), ", ")})
	}
	if len(out) != 60 {
		t.Fatalf("%d labelled tickets, want 60", len(out))
	}
	return out
}

// write puts a ticket and its affected files into a project, with two criteria.
func (l labelledTicket) write(t testing.TB, root string) (path string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "---\nid: %s\ntitle: %q\nstatus: pending\n---\n\n# %s: %s\n\n## Description\n\n%s\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n",
		l.id, l.title, l.id, l.title, l.body)
	for _, f := range l.files {
		fmt.Fprintf(&b, "| %s | modify | |\n", f)
		put(t, root, f, "first line\nsecond line\n")
	}
	b.WriteString("\n## Acceptance Criteria\n\n- [ ] AC-1: What is described above holds.\n- [ ] AC-2: The tests pass.\n")
	path = "backlog/" + l.id + ".md"
	put(t, root, path, b.String())
	return path
}

func put(t testing.TB, root, path, text string) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
