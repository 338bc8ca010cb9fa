package ticket

import (
	"strings"
)

// openSpecForm is OpenSpec: a change is a folder with proposal.md, tasks.md, design.md
// and deltas of the specification.
type openSpecForm struct{}

func (openSpecForm) Name() string { return "OpenSpec" }

func (openSpecForm) Place() string { return "`openspec/changes/NAME/`: proposal, tasks and design" }

func (openSpecForm) Recognise(f *file) bool {
	if _, _, ok := f.under("openspec", "changes"); ok {
		return true
	}
	if _, _, ok := f.under("openspec", "specs"); ok {
		return true
	}
	return strings.Contains(f.body, "## What Changes\n") && strings.Contains(f.body, "## Why\n") ||
		strings.Contains(f.body, "\n#### Scenario: ") && strings.Contains(f.body, "### Requirement: ")
}

func (openSpecForm) Read(f *file) (*Document, error) {
	change, rest, ok := f.under("openspec", "changes")
	archived := false
	if ok && change == "archive" && len(rest) > 0 {
		archived = true
		change, rest = withoutDate(rest[0]), rest[1:]
	}
	if !ok {
		change, _, _ = f.under("openspec", "specs")
		if change == "" {
			change = f.fileID(true)
		}
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

// withoutDate cuts the date from 2026-03-01-add-x.
func withoutDate(name string) string {
	if len(name) > 11 && name[4] == '-' && name[7] == '-' && name[10] == '-' && isNumber(name[:4]) &&
		isNumber(name[5:7]) {
		return name[11:]
	}
	return name
}

// setKindByVerb takes the kind from the verb that a change's name begins with.
func (t *Ticket) setKindByVerb(change string) {
	verb, _, _ := strings.Cut(change, "-")
	kind := map[string]string{"add": kindFeat, "implement": kindFeat, "introduce": kindFeat,
		"support": kindFeat, "create": kindFeat, "enable": kindFeat,
		"fix": kindBug, "bugfix": kindBug, "hotfix": kindBug, "resolve": kindBug}[verb]
	if t.Kind == "" && kind != "" {
		t.Kind = kind
		t.From = append(t.From, Origin{"kind", "folder"})
	}
}

// documentName describes a document that is no ticket.
func documentName(stem string) string {
	switch strings.ToLower(stem) {
	case "spec", "requirements", "bugfix":
		return "specification"
	case "proposal", "plan", "design", "research", "quickstart":
		return strings.ToLower(stem)
	case "data-model":
		return "data model"
	}
	return "document"
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
	d := &Document{Several: true}
	d.Head = Ticket{ID: clipID(change), Title: change, Body: f.body, HasFrontMatter: true}
	if title, ok := cutPrefixFold(titleOf(sections), "Tasks:", "Implementation Tasks:"); ok {
		d.Head.Title = title
	}
	lines := taskLines(sections, func(section) bool { return true })
	locals := make([]string, len(lines))
	for i := range lines {
		l := &lines[i]
		local, text := leadingNumber(l.text)
		locals[i] = local
		t := task(change, local, text, strings.Join(append([]string{l.text}, l.detail...), "\n"))
		t.Closed = l.done()
		t.addPaths(l.text+" "+strings.Join(l.detail, " "), "task line")
		if l.parent >= 0 {
			t.Parent = taskID(change, locals[l.parent])
		} else if group := sections[l.section].title; group != "" {
			t.Parent = dottedParentIn(change, local)
		}
		d.Tasks = append(d.Tasks, t)
	}
	d.Head.Warnings = distinctIDs(change, d.Tasks)
	parentsWait(lines, d.Tasks)
	unionFiles(&d.Head, d.Tasks)
	return d
}

// dottedParentIn is change/1.2 of 1.2.1; a group such as "1" is no task.
func dottedParentIn(change, local string) string {
	if strings.Count(local, ".") < 2 {
		return ""
	}
	return taskID(change, dottedParent(local))
}

// parentsWait makes each task wait for the open ones that are indented under it.
func parentsWait(lines []taskLine, tasks []Ticket) {
	for i := range lines {
		if p := lines[i].parent; p >= 0 && !tasks[i].Closed && len(tasks[p].After) < maxAfter {
			tasks[p].After = append(tasks[p].After, tasks[i].ID)
		}
	}
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
	title := f.parent(1)
	if title == "" {
		title = change
	}
	c.setTitle(title, "folder")
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
