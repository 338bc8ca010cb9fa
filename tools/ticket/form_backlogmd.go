package ticket

import (
	"cmp"
	"slices"
	"strings"
)

// isBacklog recognises Backlog.md: one task per file beneath backlog/, with front
// matter or with bold keys, criteria "#1" between markers.
func isBacklog(f *file) bool {
	return f.backlogPlace() != "" || f.hasAll("createddate", "dependencies") ||
		strings.Contains(f.body, "<!-- AC:BEGIN -->")
}

// backlogPlace is the folder of a task within backlog/, "" = it is in none.
func (f *file) backlogPlace() string {
	places := []string{"tasks", "completed", "drafts", "archive"}
	isPlace := func(dir string) bool { return slices.Contains(places, dir) }
	return cmp.Or(f.below("backlog", isPlace), f.below(".backlog", isPlace))
}

func readBacklog(f *file) (*Document, error) {
	c := markdown(f, options{numbered: true})
	if strings.EqualFold(f.stem, "readme") {
		c.t.Document = "overview"
	}
	c.id(f.fileID(true), "file name")
	t := c.finish()
	place := f.backlogPlace()
	t.Closed = t.Closed || place == "completed"
	t.Archived = place == "archive"
	t.Draft = t.Draft || place == "drafts"
	t.Parent = cmp.Or(t.Parent, dottedParent(t.ID))
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
