package ticket

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// taskLine is a list item with a box, and what is indented beneath it.
type taskLine struct {
	mark    byte   // ' ', 'x', '-', '~'
	text    string // after the box
	indent  int
	detail  []string // deeper lines without a box, their indentation cut
	section int      // index of its section
	parent  int      // index of the task that it is indented under; -1 = none
	free    bool     // optional or parallel: it does not hold back those after it
}

// taskLines lists the boxes of all sections that want says yes to; nil = all.
func taskLines(sections []section, want func(section) bool) []taskLine {
	var out []taskLine
	for n, s := range sections {
		if want != nil && !want(s) {
			continue
		}
		first := len(out)
		for _, line := range s.lines {
			mark, text, indent := boxOf(line)
			if mark != 0 && text != "" {
				if len(out) == maxTasks {
					return out
				}
				out = append(out, taskLine{mark: mark, text: text, indent: indent, section: n,
					parent: parentOf(out, first, indent)})
				continue
			}
			if len(out) > first {
				out[len(out)-1].addDetail(line)
			}
		}
	}
	return out
}

// addDetail takes a line without a box that is indented under the task.
func (l *taskLine) addDetail(line string) {
	if text, indent := dedent(line); text != "" && indent > l.indent {
		l.detail = append(l.detail, text)
	}
}

// parentOf is the last task with a smaller indentation; the search is short, because
// nesting is.
func parentOf(tasks []taskLine, first, indent int) int {
	for i := len(tasks) - 1; i >= max(first, len(tasks)-200); i-- {
		switch {
		case tasks[i].indent < indent:
			return i
		case tasks[i].indent == indent:
			return tasks[i].parent
		}
	}
	return -1
}

// list begins the document of a file that is a list of tasks.
func (f *file) list(name, title, kind string) *Document {
	return &Document{Several: true, Head: Ticket{ID: clipID(name), Title: title, Kind: kind, Body: f.body,
		HasFrontMatter: true}}
}

func (d *Document) add(l *taskLine, local, title string) *Ticket {
	d.Tasks = append(d.Tasks, Ticket{Local: local, ID: taskID(d.Head.ID, local), Title: plainText(title),
		Kind: d.Head.Kind, Closed: l.mark == 'x', Body: strings.Join(append([]string{l.text}, l.detail...), "\n")})
	t := &d.Tasks[len(d.Tasks)-1]
	t.setLabels(hashTags(title))
	t.From = []Origin{{"id", "task line"}, {"title", "task line"}}
	return t
}

// setLabels sets the labels, and finds security and architecture in them.
func (t *Ticket) setLabels(labels []string) {
	t.Labels = labels
	c := collector{}
	for _, label := range labels {
		c.concern(label, "labels")
	}
	t.Concerns = c.t.Concerns
	t.From = append(t.From, c.t.From...)
}

func (t *Ticket) dependOn(folder string, ids []string, where string) {
	for _, id := range ids {
		t.DependsOn = append(t.DependsOn, taskID(folder, id))
	}
	if len(ids) > 0 && where != "" {
		t.From = append(t.From, Origin{"dependencies", where})
	}
}

func taskID(folder, local string) string {
	if folder == "" {
		return clipID(local)
	}
	return clipID(folder + "/" + local)
}

// hashTags are the #words of a line; #12 is a reference.
func hashTags(text string) []string {
	var out []string
	for word := range strings.FieldsSeq(text) {
		tag, ok := strings.CutPrefix(word, "#")
		tag = oneLine(strings.TrimRight(tag, ".,;"))
		if ok && strings.IndexFunc(tag, unicode.IsLetter) >= 0 && !strings.ContainsAny(tag, "#`:") &&
			len(tag) < 60 && len(out) < 20 && !slices.Contains(out, tag) {
			out = append(out, tag)
		}
	}
	return out
}

var emphasis = strings.NewReplacer("`", "", "**", "", "__", "")

// plainText is a line without the marks of code and emphasis, on one line.
func plainText(text string) string {
	return clipField(oneLine(emphasis.Replace(text)))
}

// addPaths adds the paths that a task's text names.
func (t *Ticket) addPaths(text, where string) {
	for _, p := range pathsIn(text) {
		known := slices.ContainsFunc(t.Files, func(f File) bool { return f.Path == p })
		if !known && len(t.Files) < 50 {
			t.Files = append(t.Files, File{Path: p})
		}
	}
	if len(t.Files) > 0 {
		t.From = append(t.From, Origin{"files", where})
	}
}

// distinctIDs gives tasks without an id, or with one that is taken, an id of their
// own that does not depend on the lines around.
func distinctIDs(folder string, tasks []Ticket) (warnings []string) {
	taken := make(map[string]int, len(tasks)) // id -> how often it was given
	for i := range tasks {
		t := &tasks[i]
		if t.Local == "" {
			t.Local = slug(t.Title)
		} else if taken[strings.ToLower(t.Local)] > 0 {
			if len(warnings) < 3 {
				warnings = append(warnings,
					fmt.Sprintf("the id %s is given twice; the second is distinguished by its text",
						clip(t.Local, 40)))
			}
			t.Local += "-" + hash([]byte(t.Title))[:6]
		}
		base := strings.ToLower(t.Local)
		for taken[strings.ToLower(t.Local)] > 0 {
			taken[base]++
			t.Local = fmt.Sprintf("%s-%d", base, taken[base])
		}
		taken[strings.ToLower(t.Local)]++
		t.ID = taskID(folder, t.Local)
	}
	return warnings
}

// unionFiles gives a file of tasks the paths of them all.
func (d *Document) unionFiles() {
	seen := map[string]bool{}
	for _, t := range d.Tasks {
		for _, f := range t.Files {
			if !seen[f.Path] && len(d.Head.Files) < maxItems {
				seen[f.Path] = true
				d.Head.Files = append(d.Head.Files, f)
			}
		}
	}
}

// maxAfter bounds how many earlier tasks one waits for: the nearest ones.
const maxAfter = 200

func lastOf(ids []string) []string { return ids[max(0, len(ids)-maxAfter):len(ids):len(ids)] }

// parentsWait makes each task wait for up to most of those indented under it that are
// open and not free.
func (d *Document) parentsWait(lines []taskLine, most int) {
	for i := range lines {
		p := lines[i].parent
		if p >= 0 && !d.Tasks[i].Closed && !lines[i].free && len(d.Tasks[p].After) < most {
			d.Tasks[p].After = append(d.Tasks[p].After, d.Tasks[i].ID)
		}
	}
}
