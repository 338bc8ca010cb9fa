package ticket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// taskMasterForm is Task Master's tasks.json: lists of tasks by tag.
type taskMasterForm struct{}

func (taskMasterForm) Name() string { return "Task Master" }

func (taskMasterForm) Place() string { return "`tasks.json`, its lists of tasks by tag" }

func (taskMasterForm) Recognise(f *file) bool {
	if f.ext != ".json" && f.path != "" {
		return false
	}
	data := bytes.TrimLeft(bytes.TrimPrefix(f.data, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(data, []byte("{")) && bytes.Contains(data, []byte(`"tasks"`))
}

type taskMasterTask struct {
	ID, Title, Description, Status, Priority, Details loose
	TestStrategy, AcceptanceCriteria, Complexity      loose
	Dependencies                                      looseList
	Subtasks                                          []taskMasterTask
}

func (taskMasterForm) Read(f *file) (*Document, error) {
	if jsonTooDeep([]byte(f.text)) {
		return nil, errJSON("is nested too deeply")
	}
	if !gjson.Valid(f.text) {
		return nil, errJSON("is not valid JSON")
	}
	r := &taskMasterReader{seen: map[string]bool{}, d: &Document{Several: true, Head: Ticket{Body: f.text,
		HasFrontMatter: true}}}
	root := gjson.Parse(f.text)
	if list := root.Get("tasks"); list.IsArray() {
		r.tag("master", list)
	}
	root.ForEach(func(name, value gjson.Result) bool {
		if list := value.Get("tasks"); value.IsObject() && list.IsArray() {
			r.tag(name.String(), list)
		}
		return true
	})
	if r.tags == 0 {
		return nil, errJSON("has no list of tasks")
	}
	if r.twice > 0 {
		r.d.Head.Warnings = append(r.d.Head.Warnings,
			fmt.Sprintf("%d ids are given twice in a tag; the later ones are distinguished by ~number", r.twice))
	}
	return r.d, r.err
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

func (r *taskMasterReader) tag(name string, list gjson.Result) {
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
	local := oneLine(string(in.ID))
	if local == "" {
		local = slug(string(in.Title))
	}
	if parent != "" && !strings.Contains(local, ".") {
		local = parent + "." + local
	}
	c := &collector{paths: map[string]int{}, depends: map[string]bool{}, labels: map[string]bool{}}
	c.opt.ref = func(id string) string { return prefix + id }
	c.t.ID = r.apart(prefix + local)
	c.t.Local = c.t.ID
	c.from("id", "id")
	c.setTitle(string(in.Title), "title")
	c.setStatus(string(in.Status), "status")
	c.setPriority(string(in.Priority), "priority")
	if in.Complexity != "" {
		c.complexity(string(in.Complexity), "task "+local, "complexity")
	}
	for _, dep := range in.Dependencies {
		ref := strings.TrimSpace(string(dep))
		if parent != "" && isNumber(ref) {
			ref = parent + "." + ref // a sibling
		}
		if ref != "" {
			c.dependOn(ref, "dependencies")
		}
	}
	if in.AcceptanceCriteria != "" {
		c.criteria[acceptance] = []block{{where: "acceptanceCriteria",
			lines: strings.Split(string(in.AcceptanceCriteria), "\n")}}
	}
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

// taskMasterTextForm is one task as text: its fields are headings.
type taskMasterTextForm struct{}

func (taskMasterTextForm) Name() string { return "Task Master" }

func (taskMasterTextForm) Place() string { return "its text files, a task each" }

func (taskMasterTextForm) Recognise(f *file) bool {
	return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(f.data, []byte("\ufeff")), " \t\r\n"),
		[]byte("# Task ID:"))
}

func (taskMasterTextForm) Read(f *file) (*Document, error) {
	if len(f.data) > MaxBytes {
		return nil, errTooLarge(len(f.data), MaxBytes)
	}
	c := newCollector(f, options{})
	c.t.HasFrontMatter = true
	if f.beside != nil && f.path != "" {
		_, err := f.beside(f.sibling("tasks.json"))
		c.t.Covered = err == nil
	}
	prefix := taskMasterTag(f.stem)
	c.opt.ref = func(id string) string { return prefix + id }
	for line := range strings.SplitSeq(f.text, "\n") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "# "), ":")
		if !ok || !strings.HasPrefix(line, "# ") {
			continue
		}
		value = strings.TrimSpace(value)
		switch name {
		case "Task ID":
			c.id(prefix+value, name)
		case "Title":
			c.setTitle(value, name)
		case "Status":
			c.setStatus(value, name)
		case "Priority":
			c.setPriority(value, name)
		case "Dependencies":
			c.dependency(taskMasterMarks.Replace(value), name)
		case "Details", "Test Strategy", "Subtasks":
			return &Document{Head: c.finish()}, nil // free text from here
		}
	}
	return &Document{Head: c.finish()}, nil
}

// taskMasterMarks are the states that it writes beside a dependency.
var taskMasterMarks = strings.NewReplacer("✅", "", "⏱️", "", "⏱", "", "(Done)", "", "(Pending)", "", "(done)",
	"", "(pending)", "")

// taskMasterTag is the tag in task_002_TAG, with a slash; "" for master.
func taskMasterTag(stem string) string {
	parts := strings.SplitN(stem, "_", 3)
	if len(parts) < 3 || parts[0] != "task" || parts[2] == "master" {
		return ""
	}
	return oneLine(parts[2]) + "/"
}
