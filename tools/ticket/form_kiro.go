package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// isKiro recognises Kiro: .kiro/specs/NAME with requirements.md, design.md and tasks.md.
func isKiro(f *file) bool {
	if f.in(".kiro") {
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

func readKiro(f *file) (*Document, error) {
	name, _, _ := f.under(".kiro", "specs")
	name = cmp.Or(name, f.fileID(true))
	if f.base == "tasks.md" || f.path == "" && strings.Contains(f.body, "_Requirements:") {
		d := kiroTasks(f, name)
		d.beside(f.siblings("requirements.md", "bugfix.md", "design.md"))
		return d, nil
	}
	sections := f.sections()
	d := f.document(documentName(f.stem), name, titleOf(sections))
	switch f.base {
	case "requirements.md":
		d.Head.Kind, d.Head.Criteria = kindFeat, kiroCriteria(sections)
	case "bugfix.md":
		d.Head.Kind, d.Head.Criteria = kindBug, kiroCriteria(sections)
	}
	return d, nil
}

// kiroCriteria lists up to maxItems criteria of a requirements.md: the id is the
// requirement's number, a dot and the item's.
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
	title, _ := cutPrefixFold(titleOf(sections), "Implementation Plan:", "Tasks:", "Implementation Tasks:")
	if title == "" || strings.EqualFold(title, "Implementation Plan") {
		title = name
	}
	kind := kindFeat
	if _, ok := f.readBeside("bugfix.md"); ok {
		kind = kindBug
	}
	d := f.list(name, title, kind)
	texts := kiroTexts(f)
	lines := taskLines(sections, func(s section) bool {
		return !slices.Contains([]string{"notes", "format", "legend", "taskdependencygraph"}, normal(s.title))
	})
	for i := range lines {
		l := &lines[i]
		l.text, l.free = strings.CutPrefix(l.text, "*")
		l.text = strings.TrimSpace(l.text)
		local, title := leadingNumber(l.text)
		t := d.add(l, local, title)
		t.Status = cmp.Or(kiroStatus[l.mark], "open")
		t.addPaths(cmp.Or(codeOf(title), title), "task line")
		for _, detail := range l.detail {
			t.addPaths(codeOf(detail), "details")
			t.kiroReferences(detail, texts)
			t.kiroFields(d.Head.ID, detail)
		}
		if l.parent >= 0 {
			t.Parent = d.Tasks[l.parent].ID
		} else if above := dottedParent(local); above != "" {
			t.Parent = taskID(d.Head.ID, above)
		}
	}
	d.Head.Warnings = distinctIDs(d.Head.ID, d.Tasks)
	kiroOrder(lines, d.Tasks)
	d.parentsWait(lines, 2*maxAfter)
	d.unionFiles()
	return d
}

var kiroStatus = map[byte]string{'x': "done", '-': "in progress", '~': "queued"}

// kiroOrder makes a task wait for the open ones before it. Optional tasks hold nobody
// back.
func kiroOrder(lines []taskLine, tasks []Ticket) {
	var open []string // in order, without the ancestors of the task at hand
	var stack []int   // its ancestors, then itself
	for i := range lines {
		for len(stack) > 0 && lines[stack[len(stack)-1]].indent >= lines[i].indent {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !tasks[top].Closed && !lines[top].free {
				open = append(open, tasks[top].ID)
			}
		}
		tasks[i].After = lastOf(open)
		stack = append(stack, i)
	}
}

func codeOf(text string) string {
	var b strings.Builder
	for _, s := range codeSpans(text) {
		b.WriteString(text[s.from:s.to])
		b.WriteByte(' ')
	}
	return b.String()
}

// kiroFields takes "_Depends: 4.1_" and "Files: a.go, b.go" beneath a task.
func (t *Ticket) kiroFields(folder, detail string) {
	l := labelOf(strings.Trim(strings.TrimLeft(detail, "-* "), "_*"))
	switch meaningOf(l.name).field {
	case dependsField:
		for part := range strings.FieldsFuncSeq(l.value, isBreak) {
			if id := strings.Trim(part, "_*."); isNumberDots(id) && len(t.DependsOn) < 50 {
				t.dependOn(folder, []string{id}, l.name)
			}
		}
	case filesField:
		t.addPaths(l.value, l.name)
	}
}

// isBreak: what is between the items of a line.
func isBreak(r rune) bool { return r == ',' || r == ' ' }

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
	for part := range strings.FieldsFuncSeq(strings.ReplaceAll(rest, ";", ","), isBreak) {
		part = strings.Trim(part, "*_. ")
		ids := expandRange(part) // 1.1–1.7
		if ids == nil {
			ids = []string{part}
		}
		for _, id := range ids {
			known := slices.ContainsFunc(t.Criteria, func(c Criterion) bool { return c.ID == id })
			if !known && isNumberDots(id) && len(t.Criteria) < 50 {
				t.Criteria = append(t.Criteria, Criterion{ID: id, Text: cmp.Or(texts[id], "requirement "+id)})
			}
		}
	}
	t.From = append(t.From, Origin{"criteria", "requirements.md"})
}
