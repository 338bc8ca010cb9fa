package ticket

import "slices"

// originForm is the form of the project that localmodel grew from: front matter with
// depends_on and blockers, tables of affected files and dependencies, boxes AC-1.
type originForm struct{}

func (originForm) Name() string { return "backlog-agents" }

func (originForm) Place() string {
	return "front matter with `affected_files` or `blockers`, or a table of affected files, as above"
}

func (originForm) Recognise(f *file) bool {
	return f.has("blockers", "affectedfiles", "scopeboundary", "estimatedtokens", "sharedfiles") ||
		slices.ContainsFunc(f.sections(), func(s section) bool {
			return (s.level == 2 || s.level == 3) && normal(s.title) == "affectedfiles"
		})
}

func (originForm) Read(f *file) (*Document, error) {
	c := markdown(f, options{maxLevel: 3, prefixIsKind: true})
	c.id(f.fileID(false), "file name")
	return &Document{Head: c.finish()}, nil
}
