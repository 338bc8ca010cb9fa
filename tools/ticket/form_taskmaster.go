package ticket

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// isTaskMaster recognises Task Master's tasks.json: lists of tasks by tag.
func isTaskMaster(f *file) bool {
	return (f.ext == ".json" || f.path == "") && strings.HasPrefix(strings.TrimLeft(f.text, " \t\n"), "{") &&
		strings.Contains(f.text, `"tasks"`)
}

type taskMasterTask struct {
	ID, Title, Description, Status, Priority, Details loose
	TestStrategy, AcceptanceCriteria, Complexity      loose
	Dependencies                                      looseList
	Subtasks                                          []taskMasterTask
}

func readTaskMaster(f *file) (*Document, error) {
	if err := checkJSON(f.text); err != nil {
		return nil, err
	}
	if !gjson.Valid(f.text) {
		return nil, errJSON("is not valid JSON")
	}
	d := f.list("", "", "")
	r := &taskMasterReader{seen: map[string]bool{}, d: d}
	root := gjson.Parse(f.text)
	r.tag("master", root)
	root.ForEach(func(name, value gjson.Result) bool {
		if value.IsObject() {
			r.tag(name.String(), value)
		}
		return true
	})
	if r.tags == 0 {
		return nil, errJSON("has no list of tasks")
	}
	if r.twice > 0 {
		d.Head.Warnings = append(d.Head.Warnings,
			fmt.Sprintf("%d ids are given twice in a tag; the later ones are distinguished by ~number", r.twice))
	}
	return d, r.err
}

type taskMasterReader struct {
	d     *Document
	tags  int
	twice int // ids that were given twice
	seen  map[string]bool
	err   error
}

// apart gives a task the id, or one of its own where that is taken.
func (r *taskMasterReader) apart(id string) string {
	own := clipID(id)
	for r.seen[strings.ToLower(own)] {
		r.twice++
		own = fmt.Sprintf("%s~%d", clipID(id), r.twice+1)
		if len([]rune(own)) > maxID {
			own = fmt.Sprintf("%s~%d", hash([]byte(id))[:12], r.twice+1)
		}
	}
	r.seen[strings.ToLower(own)] = true
	return own
}

// tag takes over the list of tasks of a tag, if it has one.
func (r *taskMasterReader) tag(name string, tag gjson.Result) {
	list := tag.Get("tasks")
	if !list.IsArray() {
		return
	}
	r.tags++
	var tasks []taskMasterTask
	if err := json.Unmarshal([]byte(list.Raw), &tasks); err != nil {
		r.err = errJSON("has a task that is none: " + clip(err.Error(), 100))
		return
	}
	prefix := ""
	if name != "master" {
		prefix = oneLine(name) + "/"
	}
	for _, t := range tasks {
		r.add(prefix, "", t, 0)
	}
}

// add takes over a task and those beneath it. parent is its parent's id in the tag.
func (r *taskMasterReader) add(prefix, parent string, in taskMasterTask, depth int) (id string) {
	if len(r.d.Tasks) >= maxTasks || depth > 8 {
		return ""
	}
	local := cmp.Or(oneLine(string(in.ID)), slug(string(in.Title)))
	if parent != "" && !strings.Contains(local, ".") {
		local = parent + "." + local
	}
	c := newCollector(&file{}, options{ref: func(id string) string { return prefix + id }})
	c.t.ID = r.apart(prefix + local)
	c.t.Local = c.t.ID
	c.from("id", "id")
	c.setTitle(string(in.Title), "title")
	c.set(statusField, string(in.Status), "status")
	c.set(priorityField, string(in.Priority), "priority")
	if in.Complexity != "" {
		c.complexity(string(in.Complexity), "task "+local, "complexity")
	}
	for _, dep := range in.Dependencies {
		ref := strings.TrimSpace(string(dep))
		if parent != "" && isNumber(ref) {
			ref = parent + "." + ref // a sibling
		}
		if ref != "" {
			c.dependOn("dependencies", ref)
		}
	}
	c.criteriaText(acceptance, string(in.AcceptanceCriteria), "acceptanceCriteria")
	if parent != "" {
		c.t.Parent = prefix + parent
	}
	c.t.Body = joinSections(string(in.Title), "", string(in.Description), "Details", string(in.Details),
		"Acceptance Criteria", string(in.AcceptanceCriteria), "Test Strategy", string(in.TestStrategy))
	at := len(r.d.Tasks)
	r.d.Tasks = append(r.d.Tasks, c.finish())
	for _, sub := range in.Subtasks {
		child := r.add(prefix, local, sub, depth+1)
		if t := &r.d.Tasks[at]; child != "" && len(t.After) < maxAfter {
			t.After = append(t.After, child)
		}
	}
	return r.d.Tasks[at].ID
}

// isTaskMasterText recognises one task as text: its fields are headings.
func isTaskMasterText(f *file) bool {
	return strings.HasPrefix(strings.TrimLeft(f.text, " \t\n"), "# Task ID:")
}

func readTaskMasterText(f *file) (*Document, error) {
	if len(f.data) > MaxBytes { // a .json may be larger, as a list of many
		return nil, errTooLarge(len(f.data), MaxBytes)
	}
	prefix := taskMasterTag(f.stem)
	c := newCollector(f, options{ref: func(id string) string { return prefix + id }})
	c.t.HasFrontMatter = true
	if f.beside != nil && f.path != "" {
		_, err := f.beside(f.sibling("tasks.json"))
		c.t.Covered = err == nil
	}
	for line := range strings.SplitSeq(f.text, "\n") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "# "), ":")
		if !ok || !strings.HasPrefix(line, "# ") {
			continue
		}
		value = strings.TrimSpace(value)
		switch name {
		case "Task ID":
			c.id(prefix+value, name)
		case "Title", "Status", "Priority":
			c.set(meaningOf(name).field, value, name)
		case "Dependencies":
			c.dependency(taskMasterMarks.Replace(value), name)
		case "Details", "Test Strategy", "Subtasks": // free text from here
			return &Document{Head: c.finish()}, nil
		}
	}
	return &Document{Head: c.finish()}, nil
}

// taskMasterMarks are the states that it writes beside a dependency.
var taskMasterMarks = strings.NewReplacer("✅", "", "⏱️", "", "⏱", "",
	"(Done)", "", "(Pending)", "", "(done)", "", "(pending)", "")

// taskMasterTag is the tag in task_002_TAG, with a slash; "" for master.
func taskMasterTag(stem string) string {
	parts := strings.SplitN(stem, "_", 3)
	if len(parts) < 3 || parts[0] != "task" || parts[2] == "master" {
		return ""
	}
	return oneLine(parts[2]) + "/"
}
