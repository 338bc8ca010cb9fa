package ticket_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// TestHostileFormsAreLinear has the work of each text in each form's place grow as
// linear's does.
func TestHostileFormsAreLinear(t *testing.T) {
	largest := upTo(ticket.MaxBytes/16, 2)
	forms := map[string]string{ // path -> head
		"backlog/tasks/task-1 - a.md":   "# Task: A\n\n**Status**: To Do\n\n",
		"specs/001-a/tasks.md":          "# Tasks: A\n\n## Phase 1\n",
		"openspec/changes/a/tasks.md":   "## 1. A\n",
		".kiro/specs/a/tasks.md":        "# Implementation Plan\n",
		"openspec/changes/a/specs/b.md": "#### Scenario: x\n",
		"TODO.md":                       "# TODO\n",
		"notes/a.md":                    "# A\n\nstatus:: open\n",
		".kanbn/tasks/a.md":             "# A\n\n## Relations\n",
		"issues/1.md":                   "### What\n\n_No response_\n",
		"t/A-1.md":                      "# A\n\n## Dependencies\n",
		"t/A-2.md":                      "# A\n\n## Files to Modify\n",
		"t/A-3.md":                      "# A\n\n## Akzeptanzkriterien\n",
		".beads/issues.jsonl":           "",
		".taskmaster/tasks/tasks.json":  `{"tasks":[{"id":1,"title":"`,
	}
	units := []string{"- [ ] a\n", "- [ ] T001 [P] [US1] a (depends on T002)\n", "- [x] 1.1 `a/b.go`\n",
		"# a\n", "## Dependencies\n", "**Depends on**: A-1\n",
		"[[", "[", "[a](b", "[a](b) ", "depends on ", "Depends on #1, ", "- a: b\n", "<!-- AC:BEGIN -->\n",
		"<!-- SECTION:PLAN:BEGIN -->\n", "a:: b\n",
		"- [ ] 🆔 a ⛔ b\n", "🆔", "A-1..A-9,", "`a.go`, ", "a/b/c.go ", "| a | b |\n",
		"- create: ", "- create ",
		"- **Blocks:**\n  - A-1\n", "(", "Files:\n", "x: y | **z**: w ", "#a ",
		"{\"id\":\"a\",\"title\":\"b\"}\n", "[[[", "\\", "_Requirements: 1.1_\n", "1. a\n", "✅ a\n",
		"#### Scenario: a\n"}
	for path, head := range forms {
		t.Run(path, func(t *testing.T) {
			read := func(data []byte) { _, _ = ticket.Read(path, data, nil) } // an error is an answer too
			for _, unit := range units {
				expectLinear(t, unit, repeat(head, unit), largest, read)
			}
			nested := func(size int) string { // each box deeper than the last
				var b strings.Builder
				b.WriteString(head)
				for n := 0; b.Len() < size; n = (n + 1) % 300 {
					b.WriteString(strings.Repeat(" ", n) + "- [ ] a\n")
				}
				return b.String()[:size]
			}
			expectLinear(t, "nested boxes", nested, largest, read)
		})
	}
}

// TestReadOddBytes reads what is no text, and what is, in every form's place.
func TestReadOddBytes(t *testing.T) {
	for _, path := range []string{"backlog/tasks/a.md", "specs/001-a/tasks.md", ".beads/issues.jsonl",
		".taskmaster/tasks/tasks.json", "TODO.md", "TaskNotes/a.md"} {
		for name, c := range map[string]struct {
			text string
			bad  bool
		}{
			"NUL":       {"- [ ] a\x00b\n", true},
			"UTF-16":    {"\xff\xfe-\x00 \x00", true},
			"latin-1":   {"- [ ] caf\xe9\n", true},
			"deep JSON": {strings.Repeat("[", 200), strings.HasSuffix(path, ".jsonl")},
			"deep object": {`{"tasks":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}",
				strings.Contains(path, "json")},
			"too large":           {"- [ ] a\n" + strings.Repeat("x", ticket.MaxListBytes), true},
			"one task, too large": {"# Task ID: 1\n" + strings.Repeat("x", ticket.MaxBytes), true},
		} {
			if _, err := ticket.Read(path, []byte(c.text), nil); (err != nil) != c.bad {
				t.Errorf("%s, %s: %v", path, name, err)
			}
		}
		if path == ".taskmaster/tasks/tasks.json" || path == ".beads/issues.jsonl" {
			continue
		}
		d, err := ticket.Read(path, []byte("\ufeff- [ ] one\r\n- [x] two\r\n"), nil)
		if err != nil || strings.Contains(d.Head.Body, "\r") {
			t.Errorf("%s, BOM and CRLF: %v", path, err)
		}
	}
}

// A file of 16 MB may hold five million values, of which a library makes three gigabytes.
func TestReadManyValues(t *testing.T) {
	empty := strings.Repeat("{},", 200_000) + "{}"
	for path, texts := range map[string][]string{
		".taskmaster/tasks/tasks.json": {
			`{"tasks":[` + empty + `]}`, `{"tasks":[{"id":1,"title":"a","subtasks":[` + empty + `]}]}`,
			`{"tasks":[{"id":1,"title":"a","dependencies":[` + empty + `]}]}`,
		},
		".beads/issues.jsonl": {`{"id":"a-1","title":"a","dependencies":[` + empty + `]}`, `{"id":"a-1","title":"a","labels":[` + empty + `]}`},
	} {
		for _, text := range texts {
			if _, err := ticket.Read(path, []byte(text), nil); err == nil {
				t.Errorf("%s: %.60s... is read", path, text)
			}
		}
	}
	task := `,{"id":1,"title":"a, b","description":"c","status":"pending","priority":"high","details":"d","testStrategy":"e",` +
		`"complexity":"low","dependencies":[1,2,3],"subtasks":[],"updatedAt":"f"}`
	d, err := ticket.Read(".taskmaster/tasks/tasks.json", []byte(`{"tasks":[`+strings.Repeat(task, 10_000)[1:]+`]}`), nil)
	if err != nil || len(d.Tasks) != 10_000 {
		t.Errorf("a full list is not read: %v", err)
	}
}

// A file of nothing but headings takes no more memory than one of lines.
func TestReadManyHeadings(t *testing.T) {
	for _, unit := range []string{"# a\n", "a\n=\n"} {
		data := []byte(strings.Repeat(unit, ticket.MaxBytes/len(unit)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ticket.Read("a.md", data, nil)
		runtime.ReadMemStats(&after)
		const most = 80 << 20 // a third of it is taken
		if took := after.TotalAlloc - before.TotalAlloc; err != nil || took > most {
			t.Errorf("%q: %d MB, %v", unit, took>>20, err)
		}
	}
}
