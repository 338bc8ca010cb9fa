package ticket

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// isObsidian recognises a note of Obsidian: TaskNotes' keys, Dataview's fields, and the
// lines of the Tasks plug-in.
func isObsidian(f *file) bool {
	return f.in("TaskNotes") || f.has("datecreated", "datemodified", "timeestimate", "timeentries",
		"contexts") || f.taskTag() ||
		f.wikiKeys() || hasDataview(f.body) || strings.Contains(f.body, "- [ ] ") &&
		// strings.ContainsAny would look for each at every byte
		slices.ContainsFunc([]string{"🆔", "⛔", "📅", "⏳", "🛫"}, func(mark string) bool {
			return strings.Contains(f.body, mark)
		})
}

// taskTag: the note is marked as a task by a tag, and has a state.
func (f *file) taskTag() bool {
	k := f.key("tags", "tag")
	if k == nil || !f.has("status", "due", "scheduled", "priority") {
		return false
	}
	return strings.EqualFold(text(k.value), "task") || slices.ContainsFunc(k.value.Content, func(n *yaml.Node) bool {
		return strings.EqualFold(strings.TrimPrefix(text(n), "#"), "task")
	})
}

// wikiKeys: a key's value is a wiki link.
func (f *file) wikiKeys() bool {
	isLink := func(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, "[[") }
	return slices.ContainsFunc(f.keys, func(k key) bool {
		return isLink(k.value) || slices.ContainsFunc(k.value.Content, isLink)
	})
}

// hasDataview: a line "status:: open", or a field "[priority:: high]".
func hasDataview(body string) bool {
	for at := 0; ; {
		i := strings.Index(body[at:], ":: ")
		if i <= 0 {
			return false
		}
		i += at
		start := strings.LastIndexAny(body[max(0, i-40):i], "\n[(") + 1 + max(0, i-40)
		if meaningOf(body[start:i]).field != unknownField {
			return true
		}
		at = i + 3
	}
}

func readObsidian(f *file) (*Document, error) {
	c := newCollector(f, options{typeIsMark: true, prefixIsKind: true, prose: true})
	c.keys(f)
	if f.path != "" {
		c.setTitle(f.stem, "note name")
		c.t.ID = ""
		if k := f.key("id"); k != nil {
			c.id(text(k.value), k.as)
		}
		c.id(f.stem, "note name")
	}
	sections := f.sections()
	for _, s := range sections {
		for _, line := range s.lines {
			c.inlineFields(line)
		}
	}
	c.sections(sections)
	isTask := f.in("TaskNotes") || f.taskTag() ||
		f.has("status", "type", "blockedby", "dependson", "datecreated", "state") || c.t.Status != ""
	head := c.finish()
	tasks := noteTasks(head.ID, sections, isTask)
	return &Document{Head: head, Tasks: tasks, Several: !isTask && len(tasks) > 0}, nil
}

// inlineFields takes Dataview's [key:: value] and (key:: value), outside of tasks.
func (c *collector) inlineFields(line string) {
	if mark, _, _ := boxOf(line); mark != 0 || !strings.Contains(line, ":: ") {
		return
	}
	rest := line
	for n := 0; n < 20; n++ {
		at := strings.IndexAny(rest, "[(")
		if at < 0 {
			return
		}
		closing := map[byte]string{'[': "]", '(': ")"}[rest[at]]
		rest = rest[at+1:]
		inner, _, closed := strings.Cut(rest, closing)
		name, value, ok := strings.Cut(inner, ":: ")
		if !closed || !ok || len(name) > 40 {
			continue
		}
		// the closing bracket of a link came first
		if value = strings.TrimSpace(value); strings.HasPrefix(value, "[[") {
			if full, _, ok := strings.Cut(rest[len(name)+3:], "]]"); ok {
				value = strings.TrimSpace(full) + "]]"
			}
		}
		c.labelled(lineLabel{name: name, value: value, bold: true}, meaningOf(name), true)
	}
}

// taskMarks are the signs of the Tasks plug-in; each begins a field.
var taskMarks = []string{"📅", "⏳", "🛫", "➕", "✅", "❌", "🔁", "🏁", "🆔", "⛔️", "⛔", "🔺", "⏫", "🔼", "🔽", "⏬"}

var markPriorities = map[string]string{"🔺": "highest", "⏫": "high", "🔼": "medium", "🔽": "low", "⏬": "lowest"}

// noteTasks lists the tasks of a note: in a note that is a task itself only lines with
// the plug-in's marks.
func noteTasks(note string, sections []section, marked bool) []Ticket {
	d := Document{Head: Ticket{ID: note}}
	for _, l := range taskLines(sections, nil) {
		title, fields := splitMarks(l.text)
		if marked && len(fields) == 0 {
			continue
		}
		l.detail = nil
		t := d.add(&l, fields["🆔"], withoutTags(title))
		t.setLabels(hashTags(l.text))
		t.Closed = l.mark == 'x' || l.mark == '-'
		for mark, priority := range markPriorities {
			if _, ok := fields[mark]; ok {
				t.Priority = priority
			}
		}
		t.DependsOn = strings.FieldsFunc(fields["⛔"], isBreak)
	}
	distinctIDs(note, d.Tasks)
	own := make(map[string]string, len(d.Tasks))
	for _, t := range d.Tasks {
		own[t.Local] = t.ID
	}
	for _, t := range d.Tasks {
		for j, id := range t.DependsOn {
			t.DependsOn[j] = cmp.Or(own[id], id)
		}
	}
	return d.Tasks
}

// splitMarks splits "Text 🔼 📅 2026-04-02 🆔 a1" into the text and the fields.
func splitMarks(text string) (title string, fields map[string]string) {
	title, name, from := text, "", 0
	take := func(to int) { // the field that ends there
		if fields == nil {
			title, fields = strings.TrimSpace(text[:to]), map[string]string{}
			return
		}
		fields[name] = strings.TrimSpace(withoutTags(text[from:to]))
	}
	for i, r := range text {
		if r < 0x2190 {
			continue
		}
		for _, m := range taskMarks {
			if strings.HasPrefix(text[i:], m) {
				take(i)
				name, from = strings.TrimSuffix(m, "\ufe0f"), i+len(m)
				break
			}
		}
	}
	if fields != nil {
		take(len(text))
	}
	return title, fields
}

// withoutTags cuts #tags, [key:: value] and ^block out of a line.
func withoutTags(text string) string {
	if !strings.ContainsAny(text, "#^") && !strings.Contains(text, ":: ") {
		return text
	}
	words := strings.Fields(text)
	kept := words[:0]
	for _, w := range words {
		if len(w) > 1 && (w[0] == '#' && !isNumber(w[1:]) || w[0] == '^') {
			continue
		}
		kept = append(kept, w)
	}
	return strings.Join(kept, " ")
}
