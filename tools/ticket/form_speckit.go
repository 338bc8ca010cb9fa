package ticket

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

var specKitDocuments = []string{"tasks.md", "spec.md", "plan.md", "research.md", "data-model.md",
	"quickstart.md"}

// isSpecKit recognises spec-kit: specs/NNN-NAME with spec.md, plan.md and tasks.md.
func isSpecKit(f *file) bool {
	if f.specFeature() != "" {
		return slices.Contains(specKitDocuments, f.base) || f.in("contracts") || f.in("checklists")
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
	return f.below("specs", func(dir string) bool {
		number, _, ok := strings.Cut(dir, "-")
		return ok && isNumber(number)
	})
}

func readSpecKit(f *file) (*Document, error) {
	feature := cmp.Or(f.specFeature(), f.fileID(true))
	sections := f.sections()
	title, _ := cutPrefixFold(titleOf(sections), "Tasks:", "Feature Specification:", "Implementation Plan:",
		"Feature:")
	if f.base == "tasks.md" || f.path == "" && strings.Contains(f.body, "] T0") {
		d := specKitTasks(f, feature, title)
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
func specKitTasks(f *file, feature, title string) *Document {
	sections := f.sections()
	d := f.list(feature, title, kindFeat)
	phase, phases := 0, make([]int, len(sections))
	for i, s := range sections {
		if s.level == 2 {
			phase = i
		}
		phases[i] = phase
	}
	var kept []taskLine
	for _, l := range taskLines(sections, nil) {
		if isLegend(sections[phases[l.section]].title) {
			continue
		}
		local, text := leadingTask(l.text)
		markers, text := leadingMarkers(text)
		text, waits := cutDependsOn(text)
		l.free = containsFold(markers, "P")
		if after, ok := strings.CutSuffix(text, " [P]"); ok {
			text = strings.TrimSpace(after)
			if !l.free {
				l.free, markers = true, append(markers, "P")
			}
		}
		if local == "" && len(markers) == 0 && l.parent >= 0 {
			continue // a detail of the task above
		}
		t := d.add(&l, local, text)
		t.Labels = markers
		t.dependOn(feature, waits, "(depends on ...)")
		t.addPaths(text+" "+strings.Join(l.detail, " "), "task line")
		t.Files = slices.DeleteFunc(t.Files, func(f File) bool { // which a task only names
			return slices.Contains(specKitDocuments, f.Path)
		})
		for _, m := range markers {
			if strings.HasPrefix(m, "US") {
				t.Parent = m
			}
		}
		kept = append(kept, l)
	}
	d.Head.Warnings = distinctIDs(feature, d.Tasks)
	specKitOrder(kept, phases, d.Tasks)
	d.unionFiles()
	return d
}

// isLegend: the title of a section whose boxes are examples.
func isLegend(title string) bool {
	name := normal(title)
	return slices.ContainsFunc([]string{"format", "dependencies", "parallelexample", "parallelopportunities",
		"implementationstrategy", "notes", "pathconventions", "validation", "taskgeneration"},
		func(word string) bool { return strings.HasPrefix(name, word) })
}

var taskNumber = lazy.Regexp(`^T[0-9][^\[\](),/]*$`)

// leadingTask splits "T012a text", "T043-MIN text".
func leadingTask(text string) (local, rest string) {
	bare := strings.TrimLeft(text, "*_# ")
	word, after, _ := strings.Cut(bare, " ")
	word = strings.Trim(word, ":*_.")
	if len(word) > 20 || !taskNumber().MatchString(word) {
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
	at, size := -1, 0
	for _, phrase := range []string{"(depends on", "(depends:", "(deps:", "(dep:", "(requires", "(after",
		"(blocked by", "[depends on", "[depends:", "[blocked by"} {
		if i := strings.LastIndex(lower, phrase); i > at {
			at, size = i, len(phrase)
		}
	}
	if at < 0 || len(lower) != len(text) {
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
		} else if isNumberDots(part) && strings.Contains(part, ".") {
			ids = append(ids, part)
		} else {
			ids = append(ids, findRefs(part, false)...)
		}
	}
	if len(ids) == 0 {
		return text, nil
	}
	return strings.TrimSpace(text[:at] + text[at+end+1:]), ids
}

// specKitOrder makes each phase wait for the one before that has open tasks, and a
// task without [P] for those before it in its phase.
func specKitOrder(lines []taskLine, phases []int, tasks []Ticket) {
	// open tasks of the phase before, of this one, and the last that is not [P]
	var earlier, here, serial []string
	current := -1
	for i, l := range lines {
		if p := phases[l.section]; p != current {
			if len(here) > 0 {
				earlier = here
			}
			here, serial, current = nil, nil, p
		}
		before := lastOf(here)
		if l.free {
			before = serial
		}
		tasks[i].After = append(lastOf(earlier), before...)
		if tasks[i].Closed {
			continue
		}
		here = append(here, tasks[i].ID)
		if !l.free {
			serial = []string{tasks[i].ID}
		}
	}
}
