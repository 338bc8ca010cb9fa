package ticket

import "strings"

// backlogForm is Backlog.md: one task per file beneath backlog/, with front matter or
// with bold keys, criteria "#1" between markers.
type backlogForm struct{}

func (backlogForm) Name() string { return "Backlog.md" }

func (backlogForm) Place() string {
	return "`backlog/tasks/*.md`; completed tasks, the archive and drafts are left out"
}

func (backlogForm) Recognise(f *file) bool {
	return f.backlogPlace() != "" || f.hasAll("createddate", "dependencies") ||
		strings.Contains(f.body, "<!-- AC:BEGIN -->")
}

// backlogPlace is the folder of a task within backlog/, "" = it is in none.
func (f *file) backlogPlace() string {
	for i, dir := range f.dirs {
		if dir != "backlog" && dir != ".backlog" || i+1 == len(f.dirs) {
			continue
		}
		switch next := f.dirs[i+1]; next {
		case "tasks", "completed", "drafts", "archive":
			return next
		}
	}
	return ""
}

func (backlogForm) Read(f *file) (*Document, error) {
	c := markdown(f, options{numbered: true})
	if strings.EqualFold(f.stem, "readme") {
		c.t.Document = "overview"
	}
	c.id(f.fileID(true), "file name")
	t := c.finish()
	switch f.backlogPlace() {
	case "completed":
		t.Closed = true
	case "archive":
		t.Archived = true
	case "drafts":
		t.Draft = true
	}
	if t.Parent == "" {
		t.Parent = dottedParent(t.ID)
	}
	return &Document{Head: t}, nil
}

// dottedParent is task-12 of task-12.1.
func dottedParent(id string) string {
	at := strings.LastIndexByte(id, '.')
	if at <= 0 || !isNumber(id[at+1:]) {
		return ""
	}
	return id[:at]
}
