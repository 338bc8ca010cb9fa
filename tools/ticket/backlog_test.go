package ticket_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// generated is one file of a made-up backlog, and how many tickets it must give.
type generated struct {
	path, text string
	tickets    int
}

// generators make a file of each form; n differs for each file.
var generators = map[string]func(r *rand.Rand, n int) generated{
	"backlog.md": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("backlog/tasks/task-%d - Do-thing-%d.md", n, n),
			fmt.Sprintf("---\nid: task-%d\ntitle: Do thing %d\nstatus: To Do\nassignee: %s\nlabels: [%s]\ndependencies: [task-%d]\ncreated_date: x\n---\n\n"+
				"## Description\n%s\n## Acceptance Criteria\n<!-- AC:BEGIN -->\n- [ ] #1 It works\n<!-- AC:END -->\n",
				n, n, pick(r, "[]", "@kim", "- a"), pick(r, "web", "security", "bug"), max(1, n-1), prose(r)),
			1}
	},
	"bold keys": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("backlog/tasks/task-%d.1 - X.md", n),
			fmt.Sprintf("# Task: X %d\n\n**Status**: %s\n**Dependencies**: task-%d\n\n%s\n## Success Criteria\n- It works\n", n, pick(r, "To Do", "Done"), n, prose(r)), 1}
	},
	"spec-kit": func(r *rand.Rand, n int) generated {
		var b strings.Builder
		fmt.Fprintf(&b, "# Tasks: F%d\n\n## Phase 1: Setup\n", n)
		for i := range 20 {
			fmt.Fprintf(&b, "- [%s] T%03d %s[US%d] Write src/f%d/part%d.ts\n", pick(r, " ", "x", "X"), i+1,
				pick(r, "", "[P] "), 1+i/7, n, i)
		}
		return generated{fmt.Sprintf("specs/%03d-f/tasks.md", n), b.String(), 20}
	},
	"openspec": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("openspec/changes/add-f%d/tasks.md", n),
			"## 1. Group\n- [ ] 1.1 Add `src/a.ts`\n- [x] 1.2 Test\n  - [ ] 1.2.1 More\n\n" + prose(r), 3}
	},
	"kiro": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf(".kiro/specs/f%d/tasks.md", n),
			"# Implementation Plan\n\n- [ ] 1. Build\n  - [ ] 1.1 Part `a/b.go`\n    - _Requirements: 1.1_\n- [ ]* 2. Optional\n", 3}
	},
	"task master": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("p%d/.taskmaster/tasks/tasks.json", n),
			`{"master":{"tasks":[{"id":1,"title":"A","status":"done","dependencies":[]},{"id":2,"title":"B","status":"pending","dependencies":[1],"subtasks":[{"id":1,"title":"C","dependencies":[]}]}]}}`, 3}
	},
	"beads": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("p%d/.beads/issues.jsonl", n),
			`{"id":"q-1a","title":"A","status":"open","issue_type":"bug","labels":["security"]}` + "\n" +
				`{"_type":"memory","key":"k"}` + "\n" +
				`{"id":"q-2b","title":"B","status":"closed","issue_type":"task","dependencies":[{"depends_on_id":"q-1a","type":"blocks"}]}` + "\n", 2}
	},
	"spec-kitty": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("kitty-specs/%03d-f/tasks/WP01-a.md", n),
			"---\nwork_package_id: WP01\ntitle: A\ndependencies: []\nowned_files: [\"src/**\"]\nlane: planned\n---\n# Work Package Prompt: WP01 – A\n", 1}
	},
	"linear": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("docs/issues/HAR-%d-x.md", n),
			fmt.Sprintf("---\nid: HAR-%d\ntitle: \"X\"\nstate: backlog\nlabels: [%s]\nblocked_by: [HAR-%d]\nblocked: []\n---\n%s\n## Acceptance Criteria\n- a\n", n, pick(r, "area/security", "web"), n+1, prose(r)), 1}
	},
	"jira": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("jira/HBR-%d.md", n),
			fmt.Sprintf("# [HBR-%d] X\n\n| Field | Value |\n| --- | --- |\n| Type | Bug |\n| Labels | %s |\n\n%s\n## Issue Links\n- is blocked by HBR-%d\n", n, pick(r, "security", "web"), prose(r), n+1), 1}
	},
	"github": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("issues/%d.md", n), "### What happened?\n\n" + prose(r) +
			"\n### Version\n\n_No response_\n\nBlocked by #3.\n", 1}
	},
	"obsidian": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("TaskNotes/Tasks/Note %d.md", n),
			"---\nstatus: open\ntags: [task]\nblockedBy:\n  - uid: \"[[Note 1]]\"\n    reltype: FINISHTOSTART\n---\nText\n", 1}
	},
	"origin": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("backlog/data/FEAT-%03d.md", n),
			fmt.Sprintf("---\nid: FEAT-%03d\ntitle: X\nstatus: pending\ndepends_on: [FEAT-%03d]\ntags: [%s]\n---\n# FEAT-%03d: X\n%s\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n| a.go | modify | b |\n\n## Acceptance Criteria\n- [ ] AC-1: y\n",
				n, n+1, pick(r, "SECURITY", "web"), n, prose(r)), 1}
	},
	"plain": func(r *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("tickets/PORT-%03d-x.md", n),
			fmt.Sprintf("# X %d\n- Type: Story\n- Prerequisites: PORT-%03d\n- Status: Planned\n\n%s", n, n+1,
				prose(r)), 1}
	},
	"todo": func(_ *rand.Rand, n int) generated {
		return generated{fmt.Sprintf("p%d/TODO.md", n), "# TODO\n- [ ] one\n- two\n- [x] three\n", 3}
	},
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// prose is 200 to 2,000 bytes of text such as tickets have.
func prose(r *rand.Rand) string {
	return strings.Repeat(pick(r, "The page shows `height()` in metres, not in feet.\n",
		"- a point: with a colon, see https://harbour.example/x\n",
		"Nobody knows | why it fails, but it does (sometimes).\n\n"), 4+r.IntN(35))
}

// TestRead_ABacklogOfAllForms reads generated files of all forms, mixed: each gives the
// tickets that were put in, and none is refused. LOCALMODEL_BACKLOG=10000 is the size of
// the figures in the documents.
func TestRead_ABacklogOfAllForms(t *testing.T) {
	const most = 1_500
	var names []string
	for name := range generators {
		names = append(names, name)
	}
	slices.Sort(names)
	r := rand.New(rand.NewPCG(1, 2))
	var refused, unread, warned, tickets, bytes int
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	kept := make([]*ticket.Document, 0, most)
	files := backlogSize(t, most)
	for n := range files {
		name := names[n%len(names)]
		g := generators[name](r, n+1)
		bytes += len(g.text)
		d, err := ticket.Read(g.path, []byte(g.text), nil)
		if err != nil {
			refused++
			t.Errorf("%s: %v", g.path, err)
			continue
		}
		got := d.Tickets()
		tickets += len(got)
		if len(got) != g.tickets {
			t.Errorf("%s (%s): %d tickets, want %d", g.path, d.Form, len(got), g.tickets)
		}
		for _, x := range got {
			if len(x.Warnings) > 0 {
				warned++
			}
			for _, w := range x.Warnings {
				if strings.HasPrefix(w, "not understood") {
					unread++
				}
			}
		}
		kept = append(kept, d)
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d files (%d kB), %d tickets: %d refused, %d with something unread, %d warned; %v, %d kB kept, %d kB allocated in all",
		len(kept), bytes/1000, tickets, refused, unread, warned, took.Round(time.Millisecond),
		(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1000,
		(after.TotalAlloc-before.TotalAlloc)/1000)
	runtime.KeepAlive(kept)
	if refused > 0 || unread > 0 {
		t.Errorf("%d refused, %d unread", refused, unread)
	}
}

func backlogSize(t *testing.T, usual int) int {
	t.Helper()
	n := usual
	if text := os.Getenv("LOCALMODEL_BACKLOG"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
