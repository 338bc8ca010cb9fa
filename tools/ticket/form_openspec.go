package ticket

import (
	"cmp"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// isOpenSpec recognises OpenSpec: a change is a folder with proposal.md, tasks.md,
// design.md and deltas of the specification.
func isOpenSpec(f *file) bool {
	_, _, change := f.under("openspec", "changes")
	_, _, spec := f.under("openspec", "specs")
	return change || spec ||
		strings.Contains(f.body, "## What Changes\n") && strings.Contains(f.body, "## Why\n") ||
		strings.Contains(f.body, "\n#### Scenario: ") && strings.Contains(f.body, "### Requirement: ")
}

func readOpenSpec(f *file) (*Document, error) {
	change, rest, ok := f.under("openspec", "changes")
	archived := change == "archive" && len(rest) > 0
	if archived {
		change, rest = datedName().ReplaceAllString(rest[0], "$1"), rest[1:]
	}
	if !ok {
		spec, _, _ := f.under("openspec", "specs")
		change = cmp.Or(spec, f.fileID(true))
	}
	d := &Document{}
	switch {
	case f.base == "tasks.md" && len(rest) == 0:
		d = openSpecTasks(f, change)
	case f.base == "spec.md" || strings.Contains(f.body, "#### Scenario: "):
		d.Head = openSpecDelta(f, change)
	default:
		c := markdown(f, options{})
		c.t.ID = ""
		c.id(change, "folder")
		if f.base != "proposal.md" && f.path != "" {
			c.t.Document = documentName(f.stem)
		}
		if title := titleOf(f.sections()); title == "" {
			c.t.Title = ""
			c.setTitle(change, "folder")
		} else if after, ok := cutPrefixFold(title, "Change:", "Proposal:", "Change Proposal:"); ok {
			c.t.Title = after
		}
		d.Head = c.finish()
	}
	d.Head.Archived = archived
	if d.Head.Document == "" || d.Head.Document == "proposal" {
		d.Head.setKindByVerb(change)
		for i := range d.Tasks {
			d.Tasks[i].setKindByVerb(change)
		}
	}
	if f.base != "proposal.md" || len(d.Tasks) > 0 {
		d.beside(f.siblings("proposal.md", "design.md"))
	} else {
		d.beside(f.siblings("design.md"))
		_, d.Head.Covered = f.readBeside("tasks.md")
	}
	return d, nil
}

// beside names the documents that belong to every ticket of the file.
func (d *Document) beside(paths []string) {
	d.Head.Beside = paths
	for i := range d.Tasks {
		d.Tasks[i].Beside = paths
	}
}

// datedName is 2026-03-01-add-x.
var datedName = lazy.Regexp(`^[0-9]{4}-[0-9]{2}-..-(.+)`)

// verbKinds are the kinds of the verbs that a change's name begins with.
var verbKinds = map[string]string{"add": kindFeat, "implement": kindFeat, "introduce": kindFeat, "support": kindFeat,
	"create": kindFeat, "enable": kindFeat, "fix": kindBug, "bugfix": kindBug, "hotfix": kindBug, "resolve": kindBug}

func (t *Ticket) setKindByVerb(change string) {
	verb, _, _ := strings.Cut(change, "-")
	if kind := verbKinds[verb]; t.Kind == "" && kind != "" {
		t.Kind = kind
		t.From = append(t.From, Origin{"kind", "folder"})
	}
}

var documentNames = map[string]string{"spec": "specification", "requirements": "specification",
	"bugfix": "specification", "data-model": "data model", "proposal": "proposal", "plan": "plan", "design": "design",
	"research": "research", "quickstart": "quickstart"}

// documentName describes a document that is no ticket.
func documentName(stem string) string {
	return cmp.Or(documentNames[strings.ToLower(stem)], "document")
}

func cutPrefixFold(text string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if len(text) > len(p) && strings.EqualFold(text[:len(p)], p) {
			return strings.TrimSpace(text[len(p):]), true
		}
	}
	return text, false
}

// openSpecTasks reads the tasks of a change: "- [ ] 1.2 text" under "## 1. Group".
func openSpecTasks(f *file, change string) *Document {
	sections := f.sections()
	d := f.list(change, change, "")
	if title, ok := cutPrefixFold(titleOf(sections), "Tasks:", "Implementation Tasks:"); ok {
		d.Head.Title = title
	}
	lines := taskLines(sections, nil)
	for i := range lines {
		l := &lines[i]
		local, text := leadingNumber(l.text)
		text, waits := cutDependsOn(text)
		t := d.add(l, local, text)
		t.dependOn(change, waits, "(depends on ...)")
		t.addPaths(l.text+" "+strings.Join(l.detail, " "), "task line")
		if l.parent >= 0 {
			t.Parent = d.Tasks[l.parent].ID
		} else if sections[l.section].title != "" && strings.Count(local, ".") >= 2 {
			t.Parent = taskID(change, dottedParent(local)) // a group such as "1" is no task
		}
	}
	d.Head.Warnings = distinctIDs(change, d.Tasks)
	d.parentsWait(lines, maxAfter)
	d.unionFiles()
	return d
}

// leadingNumber splits "1.2.1 text" or "2. text"; local is "" where there is none.
func leadingNumber(text string) (local, rest string) {
	bare := strings.TrimLeft(text, "*_ ")
	word, after, _ := strings.Cut(bare, " ")
	word = strings.TrimRight(word, ".):*_")
	if !isNumberDots(word) || len(word) > 20 || strings.TrimSpace(after) == "" {
		return "", text
	}
	return word, strings.TrimSpace(strings.TrimLeft(after, " -–—:"))
}

// openSpecDelta reads a delta of the specification: its scenarios are the criteria of
// the change.
func openSpecDelta(f *file, change string) Ticket {
	c := newCollector(f, options{})
	c.t.Document = "specification"
	c.id(change, "folder")
	c.setTitle(cmp.Or(f.parent(1), change), "folder")
	var boxes []*box
	for _, s := range f.sections() {
		if name, ok := cutPrefixFold(s.title, "Scenario:"); ok && s.level >= 3 &&
			c.room(len(boxes), "acceptance criteria") {
			boxes = append(boxes, &box{text: []string{name}})
		}
	}
	c.number(boxes)
	return c.finish()
}
