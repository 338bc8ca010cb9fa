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
}

// done reports whether the box is ticked.
func (l *taskLine) done() bool { return l.mark == 'x' }

// taskLines lists the boxes of all sections that want says yes to.
func taskLines(sections []section, want func(section) bool) []taskLine {
	var out []taskLine
	for n, s := range sections {
		if !want(s) {
			continue
		}
		first := len(out)
		for _, line := range s.lines {
			if mark, text, indent := boxOf(line); mark != 0 && text != "" {
				if len(out) == maxTasks {
					return out
				}
				out = append(out, taskLine{mark: mark, text: text, indent: indent, section: n,
					parent: parentOf(out[first:], first, indent)})
				continue
			}
			text, indent := dedent(line)
			if len(out) == first || text == "" {
				continue
			}
			if last := &out[len(out)-1]; indent > last.indent {
				last.detail = append(last.detail, text)
			}
		}
	}
	return out
}

// parentOf is the last task with a smaller indentation; the search is short, because
// nesting is.
func parentOf(tasks []taskLine, offset, indent int) int {
	if indent == 0 {
		return -1
	}
	for i, n := len(tasks)-1, 0; i >= 0 && n < 200; i, n = i-1, n+1 {
		if tasks[i].indent < indent {
			return i + offset
		}
		if tasks[i].indent == indent {
			return tasks[i].parent
		}
	}
	return -1
}

// task builds the ticket of a task within a file. folder comes before its own id.
func task(folder, local, title, body string) Ticket {
	t := Ticket{Local: local, Title: plainText(title), Body: body}
	t.ID = taskID(folder, local)
	t.Labels = hashTags(title)
	t.concernsOfLabels()
	t.From = []Origin{{"id", "task line"}, {"title", "task line"}}
	return t
}

// concernsOfLabels finds security and architecture in labels that were set directly.
func (t *Ticket) concernsOfLabels() {
	c := collector{}
	for _, label := range append([]string{t.Type}, t.Labels...) {
		c.concern(label, "labels")
	}
	t.Concerns = c.t.Concerns
	t.From = append(t.From, c.t.From...)
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
	if !strings.Contains(text, "#") {
		return nil
	}
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
	text = oneLine(emphasis.Replace(text))
	if len(text) > maxField {
		text = strings.TrimSpace(clipBytes(text, maxField))
	}
	return text
}

// files adds the paths that a task's text names.
func (t *Ticket) addPaths(text, where string) {
	for _, p := range pathsIn(text) {
		known := false
		for _, f := range t.Files {
			known = known || f.Path == p
		}
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
func unionFiles(head *Ticket, tasks []Ticket) {
	seen := map[string]bool{}
	for _, t := range tasks {
		for _, f := range t.Files {
			if !seen[f.Path] && len(head.Files) < maxItems {
				seen[f.Path] = true
				head.Files = append(head.Files, f)
			}
		}
	}
}

// maxAfter bounds how many earlier tasks one waits for: the nearest ones.
const maxAfter = 200

func lastOf(ids []string) []string { return ids[max(0, len(ids)-maxAfter):len(ids):len(ids)] }
