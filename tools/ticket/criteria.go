package ticket

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// block is the text of one section, or of what is under a label.
type block struct {
	what  meaning
	where string
	lines []string
	code  []string
	// fallback: a key, which counts only where no section does.
	fallback bool
}

// box is one criterion on its way.
type box struct {
	id   string
	text []string
	done bool
}

func (c *collector) criteriaText(class int, text, where string) {
	if text != "" {
		c.criteria[class] = append(c.criteria[class], block{where: where, lines: strings.Split(text, "\n")})
	}
}

// chooseCriteria takes the criteria of the best class that has any.
func (c *collector) chooseCriteria() {
	for class := range c.criteria {
		if c.opt.onlySuccess && class != success {
			continue
		}
		for _, fallback := range []bool{false, true} {
			var boxes []*box
			for _, b := range c.criteria[class] {
				if b.fallback != fallback {
					continue
				}
				found := c.criteriaOf(b.lines, len(boxes))
				if len(found) > 0 {
					c.from("criteria", b.where)
				}
				boxes = append(boxes, found...)
			}
			if len(boxes) > 0 {
				c.number(boxes)
				return
			}
		}
	}
}

// criteriaOf reads one block in the way it is written: boxes, list items, rows of a
// table, paragraphs; the first that there is.
func (c *collector) criteriaOf(lines []string, have int) []*box {
	for _, read := range []func([]string, int) []*box{c.boxes, c.items, c.criteriaRows, c.paragraphs} {
		if found := read(lines, have); len(found) > 0 {
			return found
		}
	}
	return nil
}

// more adds a criterion to a list, nil where it is full.
func (c *collector) more(boxes *[]*box, have int, text string, done bool) *box {
	if !c.room(have+len(*boxes), "acceptance criteria") {
		return nil
	}
	b := &box{done: done}
	id, rest := c.criterionID(text)
	b.id, b.text = id, []string{rest}
	*boxes = append(*boxes, b)
	return b
}

// boxes takes over the checkboxes. A line that carries on the text of one is joined
// to it.
func (c *collector) boxes(lines []string, have int) (boxes []*box) {
	var last *box
	for _, line := range lines {
		if mark, text, _ := boxOf(line); mark == ' ' || mark == 'x' {
			if last = c.more(&boxes, have, text, mark == 'x'); last == nil {
				break
			}
			continue
		}
		text, indent := dedent(line)
		if last != nil && indent >= 2 && text != "" && item(text) == "" {
			last.text = append(last.text, text)
			continue
		}
		last = nil
	}
	return boxes
}

// items takes over the outermost items of lists, and lines that begin with a mark.
func (c *collector) items(lines []string, have int) (boxes []*box) {
	var last *box
	outer := -1
	for _, line := range lines {
		text, indent := dedent(line)
		body := item(text)
		marked, done := checkMark(cmp.Or(body, text))
		body = cmp.Or(marked, body)
		switch {
		case body == "" && last != nil && indent > outer && text != "":
			last.text = append(last.text, text)
			continue
		case body == "":
			last = nil
			continue
		case outer < 0:
			outer = indent
		}
		if indent > outer+1 {
			last = nil
		} else if last = c.more(&boxes, have, body, done); last == nil {
			break
		}
	}
	return boxes
}

// checkMarks are the signs that a criterion may begin with, and whether it is met.
var checkMarks = []struct {
	mark string
	done bool
}{{"✅", true}, {"✔", true}, {"☑", true}, {"✓", true},
	{"⬜", false}, {"☐", false}, {"🔲", false}, {"❌", false}, {"⏳", false}}

// checkMark cuts a mark such as ✅ from the beginning of a line; "" = there is none.
func checkMark(text string) (rest string, done bool) {
	for _, m := range checkMarks {
		if after, ok := strings.CutPrefix(text, m.mark); ok {
			rest = strings.TrimSpace(strings.TrimPrefix(after, "\ufe0f"))
			return rest, m.done && rest != ""
		}
	}
	return "", false
}

// criteriaRows takes over the rows of a table: the column of that name, else the one
// after a short first column, else the first.
func (c *collector) criteriaRows(lines []string, have int) (boxes []*box) {
	for _, t := range tables(lines) {
		column := t.column("criterion")
		for _, row := range t.rows {
			at := max(column, 0)
			if column < 0 && len(row) > 1 && len(row[0]) <= 8 {
				at = 1
			}
			if at >= len(row) {
				continue
			}
			b := c.more(&boxes, have, row[at], false)
			if b == nil {
				return boxes
			}
			if at > 0 {
				id, _ := c.criterionID(row[0] + ": x")
				b.id = cmp.Or(id, b.id)
			}
		}
	}
	return boxes
}

func (c *collector) paragraphs(lines []string, have int) (boxes []*box) {
	var last *box
	for _, line := range lines {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || isRule(text) || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "|"):
			last = nil
		case last != nil:
			last.text = append(last.text, text)
		case !isNothing(text) && !strings.HasSuffix(text, ":"):
			last = c.more(&boxes, have, text, false)
		}
	}
	return boxes
}

// isRule: a line of dashes, stars or underscores.
func isRule(text string) bool {
	return len(text) >= 3 && (strings.Trim(text, "- ") == "" || strings.Trim(text, "* ") == "" ||
		strings.Trim(text, "_ ") == "")
}

// boxOf reads a list item with a box: its mark (' ', 'x' for ticked, else the one
// character in it; 0 = no box), its text and its indentation.
func boxOf(line string) (mark byte, text string, indent int) {
	text, indent = dedent(line)
	text = item(text)
	if len(text) < 3 || text[0] != '[' || text[2] != ']' {
		return 0, "", indent
	}
	mark, text = text[1], text[3:]
	switch {
	case mark < ' ' || mark > '~',
		text != "" && text[0] != ' ' && text[0] != '\t' && !strings.HasPrefix(text, "* "):
		return 0, "", indent
	case mark == 'X':
		mark = 'x'
	}
	return mark, strings.TrimSpace(text), indent
}

// item gives what follows a list marker, "" if the line is no list item.
func item(text string) string {
	rest := strings.TrimLeft(text, "0123456789")
	digits := len(text) - len(rest)
	switch {
	case text != "" && strings.IndexByte("-*+", text[0]) >= 0:
		rest = text[1:]
	case strings.HasPrefix(text, "•"):
		rest = " " + text[len("•"):]
	case digits == 0 || digits > 9 || rest == "" || rest[0] != '.' && rest[0] != ')':
		return ""
	default:
		rest = rest[1:]
	}
	if rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return ""
	}
	return strings.TrimLeft(rest, " \t")
}

var (
	statedID  = lazy.Regexp("^(\\*\\*|__|~~|`)?[\\[(]?[Aa][Cc][-_ #]?([0-9]{1,6}(?:\\.[0-9]{1,3})*[a-z]?)(?:[^\\pL\\pN]|$)")
	otherID   = lazy.Regexp("^(\\*\\*|__|`)?\\[?([A-Z]{2,6}-[0-9]{1,4}(?:\\.[0-9]{1,3})*)\\]?(\\*\\*|__|`)?\\s?[:：—–]")
	hashID    = lazy.Regexp(`^#([0-9]{1,4})\s`)
	separator = []string{":", "：", ".", "–", "—", "- "}
)

// criterionID splits "AC-1: text" in its usual spellings.
func (c *collector) criterionID(text string) (id, rest string) {
	head := text[:min(len(text), 64)]
	if c.opt.numbered && text != "" && text[0] == '#' {
		if m := hashID().FindStringSubmatch(head); m != nil {
			return "#" + m[1], strings.TrimSpace(text[len(m[0]):])
		}
	}
	m := statedID().FindStringSubmatchIndex(head)
	prefix := "AC-"
	if m == nil {
		if m = otherID().FindStringSubmatchIndex(head); m == nil {
			return "", text
		}
		prefix = ""
	}
	id, rest = prefix+text[m[4]:m[5]], strings.TrimLeft(text[m[5]:], "])")
	if m[2] >= 0 { // "**AC-1:** text" or "**AC-1: text**"
		mark := text[m[2]:m[3]]
		trimmed := strings.TrimLeft(rest, ":. ")
		if after, ok := strings.CutPrefix(trimmed, mark); ok {
			rest = after
		} else {
			rest = strings.TrimSuffix(rest, mark)
		}
	}
	rest = strings.TrimSpace(rest)
	for _, s := range separator {
		if after, ok := strings.CutPrefix(rest, s); ok {
			return id, strings.TrimSpace(after)
		}
	}
	return id, rest
}

// number gives every criterion an id of its own and leaves out empty ones.
func (c *collector) number(boxes []*box) {
	taken := map[string]bool{}
	for _, b := range boxes {
		if b.id != "" && taken[b.id] {
			c.warn("%s is stated twice; the second gets a number of its own", b.id)
			b.id = ""
		}
		taken[b.id] = true
	}
	free := len(boxes)
	for i, b := range boxes {
		text := oneLine(strings.Join(b.text, " "))
		if isNothing(text) || len(c.t.Criteria) == maxItems {
			continue
		}
		if b.id == "" {
			b.id = fmt.Sprintf("AC-%d", i+1)
			for taken[b.id] {
				free++
				b.id = fmt.Sprintf("AC-%d", free)
			}
			taken[b.id] = true
		}
		c.t.Criteria = append(c.t.Criteria, Criterion{ID: b.id, Text: text, Done: b.done})
	}
}
