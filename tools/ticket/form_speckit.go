package ticket

import (
	"slices"
	"strings"
)

// specKitForm is spec-kit: specs/NNN-NAME with spec.md, plan.md and tasks.md.
type specKitForm struct{}

func (specKitForm) Name() string { return "spec-kit" }

func (specKitForm) Place() string { return "`specs/NNN-NAME/tasks.md` with spec and plan beside it" }

func (specKitForm) Recognise(f *file) bool {
	if f.specFeature() != "" {
		switch f.base {
		case "tasks.md", "spec.md", "plan.md", "research.md", "data-model.md", "quickstart.md":
			return true
		}
		return f.in("contracts") || f.in("checklists")
	}
	switch f.base {
	case "", "tasks.md", "spec.md", "plan.md":
		head := strings.TrimLeft(f.body[:min(len(f.body), 200)], "\n ")
		return strings.HasPrefix(head, "# Tasks: ") && strings.Contains(f.body, "] T0") ||
			strings.HasPrefix(head, "# Feature Specification: ") ||
			f.base == "plan.md" && strings.HasPrefix(head, "# Implementation Plan: ") &&
				strings.Contains(f.body, "**Spec**:")
	}
	return false
}

// specFeature is the feature's folder: 004-name beneath specs.
func (f *file) specFeature() string {
	for i, dir := range f.dirs {
		if dir == "specs" && i+1 < len(f.dirs) {
			number, _, ok := strings.Cut(f.dirs[i+1], "-")
			if ok && isNumber(number) {
				return f.dirs[i+1]
			}
		}
	}
	return ""
}

func (specKitForm) Read(f *file) (*Document, error) {
	feature := f.specFeature()
	if feature == "" {
		feature = f.fileID(true)
	}
	sections := f.sections()
	title, _ := cutPrefixFold(titleOf(sections), "Tasks:", "Feature Specification:", "Implementation Plan:",
		"Feature:")
	if f.base == "tasks.md" || f.path == "" && strings.Contains(f.body, "] T0") {
		d := specKitTasks(f, feature, sections)
		d.Head.Title = title
		d.beside(f.siblings("spec.md", "plan.md"))
		return d, nil
	}
	c := newCollector(f, options{onlySuccess: true, ignoreFiles: true, ignoreDepends: true})
	c.t.Document = documentName(f.stem)
	c.id(feature, "folder")
	c.setTitle(title, "heading")
	if f.base == "spec.md" || f.path == "" {
		c.t.Kind, c.t.Document = kindFeat, "specification"
		c.sections(sections)
	}
	return &Document{Head: c.finish()}, nil
}

// specKitTasks reads "- [ ] T005 [P] [US1] Text with a path (depends on T003)".
func specKitTasks(f *file, feature string, sections []section) *Document {
	d := &Document{Several: true, Head: Ticket{ID: clipID(feature), Body: f.body, Kind: kindFeat,
		HasFrontMatter: true}}
	phase, phases := 0, make([]int, len(sections))
	for i, s := range sections {
		if s.level == 2 {
			phase = i
		}
		phases[i] = phase
	}
	lines := taskLines(sections, func(s section) bool { return true })
	var parallel []bool
	var kept []taskLine
	for _, l := range lines {
		if isLegend(sections, phases[l.section]) {
			continue
		}
		local, text := leadingTask(l.text)
		markers, text := leadingMarkers(text)
		text, waits := cutDependsOn(text)
		if after, ok := strings.CutSuffix(text, " [P]"); ok {
			text = strings.TrimSpace(after)
			if !hasMarker(markers, "P") {
				markers = append(markers, "P")
			}
		}
		if local == "" && len(markers) == 0 && l.parent >= 0 {
			continue // a detail of the task above
		}
		t := task(feature, local, text, strings.Join(append([]string{l.text}, l.detail...), "\n"))
		t.Kind, t.Closed, t.Labels = kindFeat, l.done(), markers
		for _, id := range waits {
			t.DependsOn = append(t.DependsOn, taskID(feature, id))
		}
		if len(waits) > 0 {
			t.From = append(t.From, Origin{"dependencies", "(depends on ...)"})
		}
		t.addPaths(text+" "+strings.Join(l.detail, " "), "task line")
		t.Files = withoutDocuments(t.Files)
		for _, m := range markers {
			if strings.HasPrefix(m, "US") {
				t.Parent = m
			}
		}
		parallel = append(parallel, hasMarker(markers, "P"))
		d.Tasks = append(d.Tasks, t)
		kept = append(kept, l)
	}
	d.Head.Warnings = distinctIDs(feature, d.Tasks)
	specKitOrder(kept, phases, d.Tasks, parallel)
	unionFiles(&d.Head, d.Tasks)
	return d
}

func hasMarker(list []string, marker string) bool { return containsFold(list, marker) }

// isLegend: a section whose boxes are examples.
func isLegend(sections []section, at int) bool {
	name := normal(sections[at].title)
	for _, word := range []string{"format", "dependencies", "parallelexample", "parallelopportunities",
		"implementationstrategy", "notes", "pathconventions", "validation", "taskgeneration"} {
		if strings.HasPrefix(name, word) {
			return true
		}
	}
	return false
}

// withoutDocuments leaves out the feature's own documents, which a task only names.
func withoutDocuments(files []File) []File {
	out := files[:0]
	for _, f := range files {
		switch f.Path {
		case "spec.md", "plan.md", "tasks.md", "research.md", "data-model.md", "quickstart.md":
		default:
			out = append(out, f)
		}
	}
	return out
}

// leadingTask splits "T012a text", "T043-MIN text".
func leadingTask(text string) (local, rest string) {
	bare := strings.TrimLeft(text, "*_# ")
	word, after, _ := strings.Cut(bare, " ")
	word = strings.Trim(word, ":*_.")
	digits := strings.TrimLeft(strings.TrimPrefix(word, "T"), "0123456789")
	if len(word) < 2 || word[0] != 'T' || len(digits) == len(word)-1 || len(word) > 20 ||
		strings.ContainsAny(word, "[](),/") {
		return "", text
	}
	return word, strings.TrimSpace(strings.TrimLeft(after, "*: "))
}

// leadingMarkers splits "[P] [US1] text".
func leadingMarkers(text string) (markers []string, rest string) {
	for {
		inner, ok := strings.CutPrefix(text, "[")
		end := strings.IndexByte(inner, ']')
		if !ok || end <= 0 || end > 20 || strings.HasPrefix(inner[end+1:], "(") || len(markers) > 5 {
			return markers, text
		}
		if m := oneLine(inner[:end]); m != "" && !slices.Contains(markers, m) {
			markers = append(markers, m)
		}
		text = strings.TrimSpace(inner[end+1:])
	}
}

// cutDependsOn splits "text (depends on T012, T013)".
func cutDependsOn(text string) (rest string, ids []string) {
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		return text, nil
	}
	at, size := -1, 0
	for _, phrase := range []string{"(depends on", "(depends:", "(deps:", "(dep:", "(requires", "(after",
		"(blocked by", "[depends on", "[depends:"} {
		if i := strings.LastIndex(lower, phrase); i > at {
			at, size = i, len(phrase)
		}
	}
	if at < 0 {
		return text, nil
	}
	closing := byte(')')
	if text[at] == '[' {
		closing = ']'
	}
	end := strings.IndexByte(text[at:], closing)
	if end < 0 {
		return text, nil
	}
	for part := range splitRefs(strings.ReplaceAll(strings.TrimLeft(text[at+size:at+end], ": "), " and ",
		",")) {
		part = strings.TrimSpace(part)
		if more := expandRange(part); more != nil {
			ids = append(ids, more...)
		} else if word, _ := leadingTask(part + " x"); word != "" {
			ids = append(ids, word)
		}
	}
	if len(ids) == 0 {
		return text, nil
	}
	return strings.TrimSpace(text[:at] + text[at+end+1:]), ids
}

// specKitOrder makes each phase wait for the one before that has open tasks, and a
// task without [P] for those before it in its phase.
func specKitOrder(lines []taskLine, phases []int, tasks []Ticket, parallel []bool) {
	// open tasks of the phase before, of this one, and the last that is not [P]
	var earlier, here, serial []string
	current := -1
	for i := range tasks {
		if p := phases[lines[i].section]; p != current {
			if len(here) > 0 {
				earlier = here
			}
			here, serial, current = nil, nil, p
		}
		after := lastOf(earlier)
		if parallel[i] {
			after = append(after, serial...)
		} else if len(here) > 0 {
			after = append(after, lastOf(here)...)
		}
		tasks[i].After = after
		if tasks[i].Closed {
			continue
		}
		here = append(here, tasks[i].ID)
		if !parallel[i] {
			serial = []string{tasks[i].ID}
		}
	}
}
