package ticket

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// markdown reads a Markdown ticket: the front matter, then the body.
func markdown(f *file, opt options) *collector {
	c := newCollector(f, opt)
	c.keys(f)
	c.sections(f.sections())
	return c
}

// metadataSections hold fields as lines.
var metadataSections = set(`metadata meta details ticketdetails info information properties fields ticketinfo metadaten
	taskmetadata taskinfo`)

// sections takes over what the body states.
func (c *collector) sections(list []section) {
	title := titleOf(list)
	c.heading(title)
	deepest := cmp.Or(c.opt.maxLevel, 6)
	var cur block
	level := 0
	begin := func(next block, at int) {
		c.closeBlock(cur)
		cur, level = next, at
	}
	for _, s := range list {
		what := headingMeaning(s.title)
		switch {
		case s.level == 0 || s.level == 1 && s.title == title:
			begin(block{}, 0)
		case what.field != unknownField && s.level <= deepest && (s.level > 1 || deepest == 6):
			if what.field != criteriaField || cur.what != what || s.level <= level { // else a part of the criteria
				begin(block{what: what, where: "section " + s.title}, s.level)
			}
		case s.level <= level:
			begin(block{}, 0)
		default:
			if part, ok := partOf(cur.what, s.title); ok {
				begin(block{what: part, where: cur.where}, level)
			}
		}
		if cur.what.field == unknownField {
			l := lineLabel{}
			if what.field == unknownField && s.level > 1 {
				l = labelOf(s.title) // "## Complexity: high"
			}
			if hasMeaning(l.name) && l.value != "" {
				l.bold = true
				c.labelled(l, meaningOf(l.name), true)
			} else if what.field == unknownField && looksTelling(s.title) && s.level > 1 && len(s.lines) > 0 {
				c.notRead("section", s.title)
			}
			c.lines(s)
			continue
		}
		if len(cur.lines) > 0 {
			cur.lines = append(cur.lines, "") // a heading ends a table
		}
		cur.lines = append(cur.lines, s.lines...)
		cur.code = append(cur.code, s.code...)
	}
	c.closeBlock(cur)
}

// partOf is what a heading within a list of files or dependencies begins; false = it
// changes nothing.
func partOf(what meaning, title string) (meaning, bool) {
	word := normal(firstWord(title))
	switch {
	case what.field == filesField && isAction(word):
		what.action = word
	case what.field == dependsField && isReverse(title):
		what = meaning{field: reverseField}
	case what.field == dependsField && slices.Contains([]string{"technical", "external", "packages", "libraries"}, word):
		what = meaning{field: contextField}
	default:
		return what, false
	}
	return what, true
}

// closeBlock takes over what a section states.
func (c *collector) closeBlock(b block) {
	switch b.what.field {
	case criteriaField:
		c.criteria[b.what.class] = append(c.criteria[b.what.class], b)
	case filesField:
		if !c.opt.ignoreFiles {
			c.fileBlock(b)
		}
	case dependsField:
		c.dependsBlock(b)
	case linksField:
		for _, line := range b.lines {
			c.relations(line, b.where)
		}
	case statusField, priorityField, typeField, labelsField, componentsField, parentField, complexityField,
		severityField:
		c.fieldSection(b)
	}
}

// fieldSection reads a field that is a section of its own: "## Status", then "Done".
func (c *collector) fieldSection(b block) {
	var values []string
	for _, line := range b.lines {
		text, _ := dedent(line)
		text = strings.TrimSpace(cmp.Or(item(text), text))
		switch {
		case text == "":
		case len(text) > 100 || len(values) > 20:
			return // prose
		default:
			values = append(values, text)
		}
	}
	list := b.what.field == labelsField || b.what.field == componentsField
	switch {
	case len(values) == 0 || len(values) > 1 && !list && len(values[0]) > 40:
	case list:
		c.set(b.what.field, strings.Join(values, ", "), b.where)
	default:
		c.set(b.what.field, values[0], b.where)
	}
}

// labelsIn splits a line of labels: at commas; at spaces where each is #label or
// `label`.
func labelsIn(text string) []string {
	text = strings.Trim(commas.Replace(text), "[]")
	if strings.Contains(text, ",") {
		return strings.Split(text, ",")
	}
	words := strings.Fields(text)
	if !slices.ContainsFunc(words, func(w string) bool { return w[0] != '#' && w[0] != '`' }) {
		return words
	}
	return []string{text}
}

// fieldsOfLists are the fields whose label may stand alone above a list.
var fieldsOfLists = []field{criteriaField, filesField, dependsField, reverseField}

// lines looks at the lines of a section without a meaning of its own, or of the
// ticket's head.
func (c *collector) lines(s section) {
	const headLines = 60
	head := s.level <= 1 || metadataSections[normal(s.title)]
	if head {
		c.fieldTable(s.lines)
	}
	var open block // what is under a label such as "Acceptance Criteria:"
	openAt := -1   // its indentation; -1 = none
	for i, line := range s.lines {
		if line == "" && openAt < 0 {
			continue
		}
		l := labelOf(line)
		if openAt >= 0 {
			if line == "" || !endsOpen(l, line, openAt, open) {
				open.lines = append(open.lines, line)
				continue
			}
			c.closeBlock(open)
			openAt = -1
		}
		if l.name == "" {
			if c.opt.prose {
				c.relations(line, "text")
			}
			continue
		}
		what := meaningOf(l.name)
		if l.value == "" && (slices.Contains(fieldsOfLists, what.field) ||
			head && (l.bold || what.field == labelsField || what.field == componentsField)) {
			open, openAt = block{what: what, where: l.name}, l.indent
			if l.bullet {
				openAt++
			}
			continue
		}
		c.labelled(l, what, head && i < headLines)
		for sub := labelOf(l.more); sub.name != ""; sub = labelOf(sub.more) {
			sub.bullet = l.bullet
			c.labelled(sub, meaningOf(sub.name), head && i < headLines)
		}
	}
	if openAt >= 0 {
		c.closeBlock(open)
	}
}

// endsOpen reports whether a line ends what is under a label.
func endsOpen(l lineLabel, line string, at int, b block) bool {
	text, indent := dedent(line)
	listed := item(text) != ""
	switch {
	case l.name != "" && !l.bullet && (l.bold || hasMeaning(l.name)),
		at > 0 && indent < at: // the label is itself an item: only what is deeper belongs to it
		return true
	case listed || strings.HasPrefix(text, "|"):
		return false
	}
	// a new paragraph
	return indent < 2 && len(b.lines) > 0 && b.lines[len(b.lines)-1] == "" &&
		slices.ContainsFunc(b.lines, func(s string) bool { return s != "" })
}

// labelled takes over "Label: value". Fields of the ticket itself count in its head
// only; relations and files anywhere.
func (c *collector) labelled(l lineLabel, what meaning, head bool) {
	switch what.field {
	case dependsField:
		if c.opt.ignoreDepends {
			return
		}
		if !head && !l.bold {
			c.dependOn(l.name, findRefs(l.value, false)...)
		} else if !c.dependsText(l.value, l.name) {
			c.notRead("line "+l.name+":", l.value)
		}
	case filesField:
		if !c.opt.ignoreFiles && (head || l.bold || l.bullet) && len(c.lineFile) < maxItems {
			c.lineFile = append(c.lineFile, block{what: what, where: l.name, lines: []string{"- " + l.value}})
		}
	case criteriaField:
		if l.bold || head {
			c.criteriaText(what.class, l.value, l.name)
		}
	case reverseField, contextField, logField:
	case unknownField:
		switch {
		case c.opt.prose:
			c.relations(l.value, l.name)
		case (l.bold || head && l.bullet) && looksTelling(l.name) && !isNothing(l.value):
			c.notRead("line", l.name)
		}
	default:
		// A plain line is a field only where no front matter states any, and never says that
		// the ticket is not hard: prose must not argue with the rules.
		plain := !l.bold && !l.bullet
		lowers := (what.field == complexityField || what.field == sizeField) && complexityOf(l.value) != "high"
		if head && (!plain || !c.t.HasFrontMatter && !lowers) {
			c.set(what.field, l.value, l.name)
		}
	}
}

// fieldTable reads a table of two columns whose first one names fields:
// | Field | Value |.
func (c *collector) fieldTable(lines []string) {
	for _, t := range tables(lines) {
		rows := t.rows
		if len(t.header) == 2 && hasMeaning(t.header[0]) { // no header, as some write it
			rows = append([][]string{t.header}, rows...)
		}
		if isRowOfFields(t) { // | Status | Labels | ... |, then one row
			rows = nil
			for i, name := range t.header[:min(len(t.header), len(t.rows[0]))] {
				rows = append(rows, []string{name, t.rows[0][i]})
			}
		}
		for _, row := range rows {
			if len(row) != 2 {
				break
			}
			name := strings.Trim(row[0], "*_` ")
			switch what := meaningOf(name); what.field {
			case dependsField:
				c.dependsText(row[1], name)
			case filesField:
				c.lineFile = append(c.lineFile, block{what: what, where: name, lines: []string{"- " + row[1]}})
			case unknownField:
				if looksTelling(name) && !isNothing(row[1]) {
					c.notRead("row", name)
				}
			default:
				c.set(what.field, row[1], name)
			}
		}
	}
}

// isRowOfFields reports whether a table has the ticket's own fields as its columns, and
// does not list tickets or files.
func isRowOfFields(t table) bool {
	known := 0
	for _, name := range t.header {
		switch what := meaningOf(name).field; {
		case what == idField || what == titleField || what == filesField:
			return false
		case hasMeaning(name):
			known++
		}
	}
	return len(t.header) > 2 && len(t.rows) == 1 && known > 1 && hasMeaning(t.header[0])
}

var headingID = lazy.Regexp(`^\[?(\pL[\pL\pN_]*(?:-[\pL\pN_]+)*-\pL{0,3}\pN+(?:\.\pN+)*[a-z]?)(?:\]\s*[:：–—-]?|\s*[:：]|\s+[–—-]\s|\s*$)`)

// heading completes id and title from "# FEAT-001: Title".
func (c *collector) heading(text string) {
	if m := headingID().FindStringSubmatch(clip(text, 100)); m != nil && !isRating(m[1]) {
		if len(m[1]) <= 64 {
			c.id(m[1], "heading")
		}
		text = strings.TrimSpace(text[len(m[0]):])
	} else if rest, ok := cutKind(text); ok {
		text = rest
		if id := headingID().FindStringSubmatch(clip(rest, 100)); id != nil && len(rest) > len(id[0]) { // "Task: FEAT-1 - Title"
			c.id(id[1], "heading")
			text = strings.TrimSpace(rest[len(id[0]):])
		}
	}
	if c.t.Title == "" {
		c.setTitle(text, "heading")
	}
}

// isRating: the [H-3] of an audit's finding.
func isRating(id string) bool {
	letters, _, _ := strings.Cut(id, "-")
	return utf8.RuneCountInString(letters) == 1 ||
		containsFold([]string{"NC", "QA", "GAS", "CRIT", "HIGH", "MED", "LOW", "INFO"}, letters)
}

// cutKind cuts the "Task:" of "Task: Title".
func cutKind(text string) (rest string, ok bool) {
	before, after, _ := strings.Cut(text, ":")
	after = strings.TrimSpace(after)
	return after, after != "" && slices.Contains([]string{"task", "ticket", "story", "user story", "feature", "bug",
		"issue", "epic", "subtask"}, strings.ToLower(strings.TrimSpace(before)))
}
