package ticket

import "strings"

// isKanbn recognises kanbn: .kanbn/tasks/SLUG.md, with the columns in .kanbn/index.md.
func isKanbn(f *file) bool {
	return f.in(".kanbn") || f.hasAll("created", "updated", "progress")
}

func readKanbn(f *file) (*Document, error) {
	if f.parent(1) == ".kanbn" {
		return f.document("board", f.fileID(true), ""), nil
	}
	f.metadataBlock()
	c := markdown(f, options{})
	c.t.ID = ""
	c.id(f.stem, "file name")
	if c.t.ID == "" {
		c.id(slug(c.t.Title), "title")
	}
	c.set(statusField, f.kanbnColumn(), ".kanbn/index.md")
	t := c.finish()
	if k := f.key("completed"); k != nil && !isEmptyNode(k.value) {
		t.Closed = true
	}
	return &Document{Head: t}, nil
}

// metadataBlock reads the keys of a fenced block under "## Metadata", where a file has
// no front matter.
func (f *file) metadataBlock() {
	_, after, ok := strings.Cut(f.body, "\n## Metadata\n")
	if !ok || f.headed {
		return
	}
	after = strings.TrimLeft(after, "\n")
	for _, fence := range []string{"```yaml\n", "```yml\n", "```\n"} {
		if inner, ok := strings.CutPrefix(after, fence); ok {
			block, _, closed := strings.Cut(inner, "\n```")
			if closed && len(block) <= maxFrontMatter {
				_ = f.readKeys(block+"\n", lineAt(f.text, len(f.text)-len(inner))) // broken keys are none
			}
			return
		}
	}
}

// kanbnColumn is the heading in index.md under which the task is linked.
func (f *file) kanbnColumn() string {
	text, ok := f.readBeside("../index.md")
	if !ok || f.stem == "" {
		return ""
	}
	for _, s := range outline(text) {
		for _, line := range s.lines {
			if s.level == 2 && (strings.Contains(line, "("+f.stem+".md)") ||
				strings.Contains(line, "/"+f.stem+".md)")) {
				return s.title
			}
		}
	}
	return ""
}
