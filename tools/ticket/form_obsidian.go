package ticket

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// obsidianForm is a note of Obsidian: TaskNotes' keys, Dataview's fields, and the lines
// of the Tasks plug-in.
type obsidianForm struct{}

func (obsidianForm) Name() string { return "Obsidian" }

func (obsidianForm) Place() string {
	return "notes with TaskNotes' keys, Dataview's fields or the Tasks plug-in's marks"
}

func (obsidianForm) Recognise(f *file) bool {
	return f.in("TaskNotes") || f.has("datecreated", "datemodified", "timeestimate", "timeentries",
		"contexts") || f.taskTag() ||
		f.wikiKeys() || strings.Contains(f.body, "- [ ] ") && hasTaskEmoji(f.body) ||
		hasDataview(f.body)
}

// hasTaskEmoji looks for the marks of the Tasks plug-in. strings.ContainsAny would
// look for each at every byte.
func hasTaskEmoji(body string) bool {
	for _, mark := range []string{"🆔", "⛔", "📅", "⏳", "🛫"} {
		if strings.Contains(body, mark) {
			return true
		}
	}
	return false
}

// taskTag: the note is marked as a task by a tag, and has a state.
func (f *file) taskTag() bool {
	k := f.key("tags", "tag")
	if k == nil || !f.has("status", "due", "scheduled", "priority") {
		return false
	}
	for _, item := range k.value.Content {
		if strings.EqualFold(strings.TrimPrefix(text(item), "#"), "task") {
			return true
		}
	}
	return strings.EqualFold(text(k.value), "task")
}

// wikiKeys: a key's value is a wiki link.
func (f *file) wikiKeys() bool {
	for _, k := range f.keys {
		for _, n := range append([]*yaml.Node{k.value}, k.value.Content...) {
			if n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, "[[") {
				return true
			}
		}
	}
	return false
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
		if what := meaningOf(body[start:i]); what.field != unknownField {
			return true
		}
		at = i + 3
	}
}

func (obsidianForm) Read(f *file) (*Document, error) {
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
	d := &Document{}
	isTask := f.in("TaskNotes") || f.taskTag() ||
		f.has("status", "type", "blockedby", "dependson", "datecreated", "state") || c.t.Status != ""
	d.Head = c.finish()
	d.Several = !isTask
	d.Tasks = noteTasks(d.Head.ID, sections, isTask)
	if len(d.Tasks) == 0 {
		d.Several = false
	}
	return d, nil
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
		closing := "]"
		if rest[at] == '(' {
			closing = ")"
		}
		rest = rest[at+1:]
		end := strings.Index(rest, closing)
		name, value, ok := strings.Cut(rest[:max(end, 0)], ":: ")
		if end < 0 || !ok || len(name) > 40 {
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
	var tasks []Ticket
	for _, l := range taskLines(sections, func(section) bool { return true }) {
		title, fields := splitMarks(l.text)
		if marked && len(fields) == 0 {
			continue
		}
		t := task(note, fields["🆔"], withoutTags(title), l.text)
		t.Labels = hashTags(l.text)
		t.concernsOfLabels()
		t.Closed = l.mark == 'x' || l.mark == '-'
		for mark, priority := range markPriorities {
			if _, ok := fields[mark]; ok {
				t.Priority = priority
			}
		}
		for id := range strings.FieldsFuncSeq(fields["⛔"], func(r rune) bool {
			return r == ',' ||
				r == ' '
		}) {
			t.DependsOn = append(t.DependsOn, id)
		}
		tasks = append(tasks, t)
	}
	distinctIDs(note, tasks)
	own := make(map[string]string, len(tasks))
	for _, t := range tasks {
		own[t.Local] = t.ID
	}
	for i := range tasks {
		for j, id := range tasks[i].DependsOn {
			if full, ok := own[id]; ok {
				tasks[i].DependsOn[j] = full
			}
		}
	}
	return tasks
}

// splitMarks splits "Text 🔼 📅 2026-04-02 🆔 a1" into the text and the fields.
func splitMarks(text string) (title string, fields map[string]string) {
	end := len(text)
	var places []int
	var names []string
	for i, r := range text {
		if r < 0x2190 {
			continue
		}
		for _, m := range taskMarks {
			if strings.HasPrefix(text[i:], m) {
				places, names = append(places, i), append(names, m)
				break
			}
		}
	}
	if len(places) == 0 {
		return text, nil
	}
	fields = map[string]string{}
	for i, at := range places {
		next := end
		if i+1 < len(places) {
			next = places[i+1]
		}
		name := strings.TrimSuffix(names[i], "\ufe0f")
		if next > at+len(names[i]) {
			fields[name] = strings.TrimSpace(withoutTags(text[at+len(names[i]) : next]))
		} else {
			fields[name] = ""
		}
	}
	return strings.TrimSpace(text[:places[0]]), fields
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
