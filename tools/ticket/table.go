package ticket

import (
	"cmp"
	"slices"
	"strings"
)

const maxColumns = 32 // further cells of a row are not looked at

// table is one Markdown table; header is nil where it has none.
type table struct {
	header []string
	rows   [][]string
}

func tables(lines []string) []table {
	var out []table
	for i := 0; i < len(lines); {
		text, indent := dedent(lines[i])
		isRow := strings.HasPrefix(text, "|") || strings.Contains(text, "|") && i+1 < len(lines) && isDelimiter(lines[i+1])
		if indent > 3 || !isRow {
			i++
			continue
		}
		from := i
		for i < len(lines) && strings.Contains(lines[i], "|") {
			i++
		}
		out = append(out, newTable(lines[from:i]))
	}
	return out
}

// isDelimiter: the row of dashes under a header.
func isDelimiter(line string) bool {
	return strings.Contains(line, "-") && strings.Contains(line, "|") && strings.Trim(line, "|-: \t") == ""
}

func newTable(lines []string) table {
	t := table{rows: make([][]string, 0, len(lines))}
	for i, line := range lines {
		if isDelimiter(line) {
			if i == 1 && len(t.rows) == 1 {
				t.header, t.rows = t.rows[0], t.rows[:0]
			}
			continue
		}
		t.rows = append(t.rows, cells(line))
	}
	// A first row of known words is a header even without the dashes.
	isKnown := func(s string) bool { return names("file", s) || names("ticket", s) }
	if t.header == nil && len(t.rows) > 0 && slices.ContainsFunc(t.rows[0], isKnown) {
		t.header, t.rows = t.rows[0], t.rows[1:]
	}
	return t
}

// cells splits a row at its pipes; \| is a pipe within a cell.
func cells(line string) []string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "|")
	out := make([]string, 0, 4)
	from := 0
	for i := 0; i < len(line) && len(out) < maxColumns; i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			out = append(out, cell(line[from:i]))
			from = i + 1
		}
	}
	if rest := line[from:]; len(out) < maxColumns && strings.TrimSpace(rest) != "" {
		out = append(out, cell(rest))
	}
	return out
}

func cell(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, `\|`, "|"))
}

// names reports whether a header is one of a group "column" of words.txt.
func names(group, header string) bool {
	return len(header) <= 100 && isOf("column "+group, normal(header))
}

// column gives the place of a named column, -1 if the header has none.
func (t table) column(group string) int {
	return slices.IndexFunc(t.header, func(s string) bool { return names(group, s) })
}

func at(row []string, column int) string {
	if column < 0 || column >= len(row) {
		return ""
	}
	return row[column]
}

// fileTables takes over the tables of a section of files; action is the heading's.
func (c *collector) fileTables(b block) {
	for _, t := range tables(b.lines) {
		file, act, desc := t.column("file"), t.column("action"), t.column("description")
		if file < 0 { // no header, or one in another language: the template's order
			file, act, desc = 0, 1, 2
		}
		for _, row := range t.rows {
			file, act := file, act
			if t.column("file") < 0 && isAction(at(row, 0)) && len(row) > 1 { // the action first
				file, act = 1, 0
			}
			stated := at(row, file)
			paths := cellPaths(stated)
			if len(paths) > 0 || isNone(stated) {
				c.t.HasFileTable = true
			}
			for _, p := range paths {
				c.file(File{Path: p, Action: cmp.Or(at(row, act), b.what.action), Description: at(row, desc)}, b.where)
			}
		}
	}
}

func (c *collector) dependencyTables(b block) {
	for _, t := range tables(b.lines) {
		if t.column("package") >= 0 && t.column("ticket") < 0 {
			continue // packages and their versions
		}
		column := max(t.column("ticket"), 0)
		for _, row := range t.rows {
			c.dependency(at(row, column), b.where)
		}
	}
}
