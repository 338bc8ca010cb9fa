package ticket

import (
	"fmt"
	"slices"
	"strings"
)

// kiroForm is Kiro: .kiro/specs/NAME with requirements.md, design.md and tasks.md.
type kiroForm struct{}

func (kiroForm) Name() string { return "Kiro" }

func (kiroForm) Place() string {
	return "`.kiro/specs/NAME/tasks.md` with requirements and design beside it"
}

func (kiroForm) Recognise(f *file) bool {
	if _, _, ok := f.under(".kiro", "specs"); ok || f.in(".kiro") {
		return true
	}
	switch f.base {
	case "tasks.md", "":
		return strings.Contains(f.body, "_Requirements:") && strings.Contains(f.body, "# Implementation Plan")
	case "requirements.md":
		return strings.Contains(f.body, "\n### Requirement 1") &&
			strings.Contains(f.body, "#### Acceptance Criteria")
	case "design.md":
		return strings.HasPrefix(strings.TrimSpace(f.body), "# Design Document")
	}
	return false
}

func (kiroForm) Read(f *file) (*Document, error) {
	name, _, ok := f.under(".kiro", "specs")
	if !ok {
		name = f.fileID(true)
	}
	if f.base == "tasks.md" || f.path == "" && strings.Contains(f.body, "_Requirements:") {
		d := kiroTasks(f, name)
		d.beside(f.siblings("requirements.md", "bugfix.md", "design.md"))
		return d, nil
	}
	c := newCollector(f, options{})
	c.t.Document = documentName(f.stem)
	c.id(name, "folder")
	sections := f.sections()
	c.setTitle(titleOf(sections), "heading")
	switch f.base {
	case "requirements.md", "bugfix.md":
		for _, r := range kiroCriteria(sections) {
			if !c.room(len(c.t.Criteria), "acceptance criteria") {
				break
			}
			c.t.Criteria = append(c.t.Criteria, r)
		}
		c.t.Kind = kindFeat
		if f.base == "bugfix.md" {
			c.t.Kind = kindBug
		}
	}
	return &Document{Head: c.finish()}, nil
}

// kiroCriteria lists the criteria of a requirements.md: the id is the requirement's
// number, a dot and the item's.
func kiroCriteria(sections []section) []Criterion {
	var out []Criterion
	c := &collector{}
	seen := map[string]bool{}
	number, inside := "", 0
	for _, s := range sections {
		if rest, ok := cutPrefixFold(s.title, "Requirement "); ok {
			number, _, _ = strings.Cut(rest, " ")
			number = strings.TrimRight(number, ":.-–—")
			inside = s.level
			continue
		}
		if s.level <= inside {
			number = ""
		}
		if number == "" || headingMeaning(s.title).field != criteriaField {
			continue
		}
		for i, b := range c.items(s.lines, len(out)) {
			id := fmt.Sprintf("%s.%d", number, i+1)
			text := plainText(strings.Join(b.text, " "))
			if local, rest := leadingNumber(text); strings.HasPrefix(local, number+".") {
				id, text = local, rest
			}
			if text != "" && !seen[id] {
				seen[id] = true
				out = append(out, Criterion{ID: id, Text: text})
			}
		}
	}
	return out
}

// kiroTasks reads the tasks: "- [ ] 1. Title", "- [ ]* 2.2 optional" beneath it.
func kiroTasks(f *file, name string) *Document {
	sections := f.sections()
	d := &Document{Several: true, Head: Ticket{ID: clipID(name), Body: f.body, Kind: kindFeat,
		HasFrontMatter: true}}
	d.Head.Title, _ = cutPrefixFold(titleOf(sections), "Implementation Plan:", "Tasks:",
		"Implementation Tasks:")
	if d.Head.Title == "" || strings.EqualFold(d.Head.Title, "Implementation Plan") {
		d.Head.Title = name
	}
	if _, ok := f.readBeside("bugfix.md"); ok {
		d.Head.Kind = kindBug
	}
	texts := kiroTexts(f)
	lines := taskLines(sections, func(s section) bool {
		word := normal(s.title)
		return word != "notes" && word != "format" && word != "legend" && word != "taskdependencygraph"
	})
	optional := make([]bool, len(lines))
	for i := range lines {
		l := &lines[i]
		text, starred := strings.CutPrefix(l.text, "*")
		optional[i] = starred
		local, title := leadingNumber(strings.TrimSpace(text))
		t := task(name, local, title, strings.Join(append([]string{strings.TrimSpace(text)}, l.detail...),
			"\n"))
		t.Kind = d.Head.Kind
		t.Closed = l.done()
		t.Status = kiroStatus(l.mark)
		t.addPaths(codeOf(title), "task line")
		if len(codeSpans(title)) == 0 {
			t.addPaths(title, "task line")
		}
		for _, detail := range l.detail {
			t.addPaths(codeOf(detail), "details")
			t.kiroReferences(detail, texts)
			t.kiroFields(name, detail)
		}
		if l.parent >= 0 {
			t.Parent = d.Tasks[l.parent].ID
		} else if above := dottedParent(local); above != "" {
			t.Parent = taskID(name, above)
		}
		d.Tasks = append(d.Tasks, t)
	}
	d.Head.Warnings = distinctIDs(name, d.Tasks)
	kiroOrder(lines, d.Tasks, optional)
	unionFiles(&d.Head, d.Tasks)
	return d
}

func kiroStatus(mark byte) string {
	switch mark {
	case 'x':
		return "done"
	case '-':
		return "in progress"
	case '~':
		return "queued"
	}
	return "open"
}

// kiroOrder makes a task wait for the open ones before it, and a parent for those
// beneath it. Optional tasks hold nobody back.
func kiroOrder(lines []taskLine, tasks []Ticket, optional []bool) {
	var open []string // in order, without the ancestors of the task at hand
	var stack []int   // its ancestors
	for i := range lines {
		for len(stack) > 0 && lines[stack[len(stack)-1]].indent >= lines[i].indent {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !tasks[top].Closed && !optional[top] {
				open = append(open, tasks[top].ID)
			}
		}
		tasks[i].After = lastOf(open)
		stack = append(stack, i)
		if i+1 < len(lines) && lines[i+1].indent > lines[i].indent {
			continue // a parent: it joins the open ones once its own are through
		}
		stack = stack[:len(stack)-1]
		if !tasks[i].Closed && !optional[i] {
			open = append(open, tasks[i].ID)
		}
	}
	for i := range lines {
		if p := lines[i].parent; p >= 0 && !tasks[i].Closed && !optional[i] &&
			len(tasks[p].After) < 2*maxAfter {
			tasks[p].After = append(tasks[p].After, tasks[i].ID)
		}
	}
}

// codeOf returns what is in backticks.
func codeOf(text string) string {
	var b strings.Builder
	for _, s := range codeSpans(text) {
		b.WriteString(text[s.from:s.to])
		b.WriteByte(' ')
	}
	return b.String()
}

func (t *Ticket) kiroCriterion(id string, texts map[string]string) {
	known := slices.ContainsFunc(t.Criteria, func(c Criterion) bool { return c.ID == id })
	if known || !isNumberDots(id) || len(t.Criteria) >= 50 {
		return
	}
	text := texts[id]
	if text == "" {
		text = "requirement " + id
	}
	t.Criteria = append(t.Criteria, Criterion{ID: id, Text: text})
}

// kiroFields takes "_Depends: 4.1_" and "Files: a.go, b.go" beneath a task.
func (t *Ticket) kiroFields(folder, detail string) {
	l := labelOf(strings.Trim(strings.TrimLeft(detail, "-* "), "_*"))
	switch what := meaningOf(l.name); {
	case l.name == "":
	case what.field == dependsField:
		for part := range strings.FieldsFuncSeq(l.value, func(r rune) bool { return r == ',' || r == ' ' }) {
			if id := strings.Trim(part, "_*."); isNumberDots(id) && len(t.DependsOn) < 50 {
				t.DependsOn = append(t.DependsOn, taskID(folder, id))
				t.From = append(t.From, Origin{"dependencies", l.name})
			}
		}
	case what.field == filesField:
		t.addPaths(l.value, l.name)
	}
}

// kiroTexts are the criteria of requirements.md beside the tasks, by id.
func kiroTexts(f *file) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"requirements.md", "bugfix.md"} {
		if text, ok := f.readBeside(name); ok {
			for _, r := range kiroCriteria(outline(text)) {
				out[r.ID] = r.Text
			}
		}
	}
	return out
}

// kiroReferences takes the criteria that "_Requirements: 1.1, 2.3_" and
// "**Validates: Requirements 1.2**" name.
func (t *Ticket) kiroReferences(detail string, texts map[string]string) {
	text := strings.Trim(detail, "-*_ ")
	rest, ok := cutPrefixFold(text, "Requirements:", "Requirement:", "Validates: Requirements",
		"Validates: Requirement", "Validates Requirements", "Validates:")
	if !ok {
		return
	}
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool {
		return r == ',' || r == ' ' ||
			r == ';'
	}) {
		part = strings.Trim(part, "*_. ")
		ids := expandRange(part) // 1.1–1.7
		if ids == nil {
			ids = []string{part}
		}
		for _, id := range ids {
			t.kiroCriterion(id, texts)
		}
	}
	t.From = append(t.From, Origin{"criteria", "requirements.md"})
}
