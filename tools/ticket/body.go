package ticket

import (
	"fmt"
	"strings"
	"unicode"
)

// The sections of the body that are data.
const (
	filesSection    = "affected files"
	criteriaSection = "acceptance criteria"
	dependsSection  = "dependencies"
)

// body takes over what the Markdown states.
func (c *collector) body(body string) {
	sections := map[string]*[]string{filesSection: {}, criteriaSection: {}, dependsSection: {}}
	title, level := "", 0
	var current *[]string
	for line := range structure(body) {
		if l, text := heading(line); l > 0 {
			if l == 1 && title == "" {
				title = text
			}
			line = "" // a heading ends a table
			if name := sectionName(text); (l == 2 || l == 3) && name != "" {
				current, level = sections[name], l
			} else if l <= level {
				current, level = nil, 0
			}
		}
		if current != nil {
			*current = append(*current, line)
		}
	}
	c.heading(title)
	c.fileTables(*sections[filesSection])
	c.dependencyTables(*sections[dependsSection])
	c.criteria(*sections[criteriaSection])
}

// sectionName gives the section that a heading opens, "" for others. Numbers,
// colons and ornaments around the name do not matter.
func sectionName(title string) string {
	if len(title) > 200 {
		return ""
	}
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) })
	switch name := strings.Join(words, " "); name {
	case filesSection, criteriaSection, dependsSection:
		return name
	}
	return ""
}

var headingID = pattern(`^\[?(\pL[\pL\pN_]*(?:-[\pL\pN_]+)*-\pN+[a-z]?)(?:\]\s*[:：–—-]?|\s*[:：]|\s+[–—-]\s|\s*$)`)

// heading completes id and title from "# FEAT-001: Title".
func (c *collector) heading(text string) {
	if m := headingID().FindStringSubmatch(clip(text, 100)); m != nil {
		if c.t.ID == "" && len(m[1]) <= 64 {
			c.t.ID = m[1]
		}
		text = strings.TrimSpace(text[len(m[0]):])
	}
	if c.t.Title == "" {
		c.t.Title = c.field(text, "title")
	}
}

// criteria takes over the checkboxes. A line that carries on the text of one
// is joined to it.
func (c *collector) criteria(lines []string) {
	var boxes []*box
	var last *box
	for _, line := range lines {
		if b := checkbox(line); b != nil {
			if last = nil; !c.room(len(boxes), "acceptance criteria") {
				break
			}
			last = b
			boxes = append(boxes, b)
			continue
		}
		text, indent := dedent(line)
		if last != nil && indent >= 2 && text != "" && item(text) == "" {
			last.text = append(last.text, text)
			continue
		}
		last = nil
	}
	c.number(boxes)
}

type box struct {
	id   string
	text []string
	done bool
}

// checkbox reads "- [ ] text" with any list marker; nil = the line is none.
func checkbox(line string) *box {
	text, _ := dedent(line)
	text = item(text)
	if len(text) < 3 || text[0] != '[' || text[2] != ']' || len(text) > 3 && text[3] != ' ' && text[3] != '\t' {
		return nil
	}
	b := &box{}
	switch text[1] {
	case ' ':
	case 'x', 'X':
		b.done = true
	default:
		return nil
	}
	id, text := criterionID(strings.TrimSpace(text[3:]))
	b.id, b.text = id, []string{text}
	return b
}

// item gives what follows a list marker, "" if the line is no list item.
func item(text string) string {
	rest := text
	switch {
	case text == "":
		return ""
	case strings.ContainsRune("-*+", rune(text[0])):
		rest = text[1:]
	default:
		rest = strings.TrimLeft(text, "0123456789")
		if digits := len(text) - len(rest); digits == 0 || digits > 9 || rest == "" || rest[0] != '.' && rest[0] != ')' {
			return ""
		}
		rest = rest[1:]
	}
	if rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return ""
	}
	return strings.TrimLeft(rest, " \t")
}

var statedID = pattern("^(\\*\\*|__|~~|`)?[\\[(]?[Aa][Cc][-_ #]?([0-9]{1,6}(?:\\.[0-9]{1,3})*[a-z]?)(?:[^\\pL\\pN]|$)")

// criterionID splits "AC-1: text" in its usual spellings.
func criterionID(text string) (id, rest string) {
	m := statedID().FindStringSubmatchIndex(text[:min(len(text), 64)])
	if m == nil {
		return "", text
	}
	id, rest = "AC-"+text[m[4]:m[5]], strings.TrimLeft(text[m[5]:], "])")
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
	for _, separator := range []string{":", "：", ".", "–", "—", "- "} {
		if after, ok := strings.CutPrefix(rest, separator); ok {
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
		if isNothing(text) {
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
