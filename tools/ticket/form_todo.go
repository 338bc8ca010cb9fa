package ticket

import (
	"cmp"
	"slices"
	"strings"
)

// isTodo recognises a list of tasks: TODO.md, or a tasks.md of no other form.
func isTodo(f *file) bool {
	switch normal(f.stem) {
	case "todo", "todos", "todolist", "tasklist":
		return !f.has(idKeys...) && !f.has("status", "title")
	case "tasks", "backlog", "checklist":
		return !f.headed && strings.Contains(f.body, "- [ ]") &&
			!strings.Contains(strings.ToLower(f.body), "acceptance criteria")
	}
	first, _, _ := strings.Cut(strings.TrimLeft(f.body, "\n "), "\n")
	level, title := heading(first)
	return f.path == "" && !f.headed && level > 0 &&
		slices.Contains([]string{"todo", "todos", "todolist"}, normal(title))
}

func readTodo(f *file) (*Document, error) {
	name := cmp.Or(f.fileID(true), "TODO")
	sections := f.sections()
	d := f.list(name, titleOf(sections), "")
	d.Head.HasFrontMatter = f.headed
	done := false
	level := 0
	for _, s := range sections {
		if !done || s.level <= level {
			done, level = isClosed(s.title), s.level
		}
		for _, l := range listItems(s.lines) {
			if len(d.Tasks) >= maxTasks {
				break
			}
			text, waits := cutDependsOn(l.text)
			local, title := leadingNumber(text)
			if local == "" {
				local, title = leadingTask(text)
			}
			if id := headingID().FindString(clip(title, 80)); local == "" && id != "" &&
				len(id) < len(title) {
				local, title = strings.Trim(id, "[]:：–— -"), strings.TrimSpace(title[len(id):])
			}
			t := d.add(&l, local, withoutTags(title))
			t.setLabels(hashTags(l.text))
			t.Closed = t.Closed || done || l.mark == '-'
			t.addPaths(codeOf(l.text), "task line")
			if len(waits) == 0 {
				c := newCollector(f, options{})
				c.relations(l.text, "task line")
				waits = c.t.DependsOn
			}
			t.dependOn(name, waits, "task line")
		}
	}
	d.Head.Warnings = distinctIDs(name, d.Tasks)
	if len(d.Tasks) == 0 { // prose after all
		c := markdown(f, options{prose: true})
		c.id(name, "file name")
		return &Document{Head: c.finish()}, nil
	}
	return d, nil
}

// listItems lists the outermost items of a section, and the boxes beneath them.
func listItems(lines []string) []taskLine {
	var out []taskLine
	outer := -1
	for _, line := range lines {
		mark, text, indent := boxOf(line)
		if mark == 0 {
			bare, _ := dedent(line)
			mark, text = ' ', item(bare)
			if text == "" || strings.HasPrefix(text, "[ ]") || outer >= 0 && indent > outer+1 {
				if len(out) > 0 {
					out[len(out)-1].addDetail(line)
				}
				continue
			}
		}
		if text == "" {
			continue
		}
		if outer < 0 || indent < outer {
			outer = indent
		}
		out = append(out, taskLine{mark: mark, text: text, indent: indent, parent: -1})
	}
	return out
}
