package ticket

import (
	"slices"
	"strings"

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
var metadataSections = []string{"metadata", "meta", "details", "ticketdetails", "info", "information",
	"properties", "fields", "ticketinfo", "metadaten", "taskmetadata", "taskinfo"}

// sections takes over what the body states.
func (c *collector) sections(list []section) {
	title := titleOf(list)
	c.heading(title)
	deepest := c.opt.maxLevel
	if deepest == 0 {
		deepest = 6
	}
	var cur block
	level := 0
	for _, s := range list {
		what := headingMeaning(s.title)
		switch {
		case s.level == 0 || s.level == 1 && s.title == title:
			c.closeBlock(&cur)
			level = 0
		case what.field != unknownField && s.level <= deepest && (s.level > 1 || deepest == 6):
			if what.field == criteriaField && cur.what == what && s.level > level {
				break // a part of the criteria
			}
			c.closeBlock(&cur)
			cur, level = block{what: what, where: "section " + s.title}, s.level
		case s.level <= level:
			c.closeBlock(&cur)
			level = 0
		case cur.what.field == filesField || cur.what.field == dependsField:
			cur = c.subsection(cur, s)
		}
		if cur.what.field == unknownField {
			if what.field == unknownField && looksTelling(s.title) && s.level > 1 && len(s.lines) > 0 {
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
	c.closeBlock(&cur)
}

// subsection begins a part of a list of files or dependencies that has a heading.
func (c *collector) subsection(cur block, s section) block {
	next := block{what: cur.what, where: cur.where}
	switch word := normal(firstWord(s.title)); {
	case cur.what.field == filesField && isAction(word):
		next.what.action = word
	case cur.what.field == dependsField && isReverse(s.title):
		next.what = meaning{field: reverseField}
	case cur.what.field == dependsField && (word == "technical" || word == "external" || word == "packages" ||
		word == "libraries"):
		next.what = meaning{field: contextField}
	default:
		if len(cur.lines) == 0 {
			return cur
		}
		return cur
	}
	c.closeBlock(&cur)
	return next
}

// closeBlock takes over what a section states.
func (c *collector) closeBlock(b *block) {
	switch b.what.field {
	case criteriaField:
		c.criteria[b.what.class] = append(c.criteria[b.what.class], *b)
	case filesField:
		if !c.opt.ignoreFiles {
			c.fileBlock(*b)
		}
	case dependsField:
		c.dependsBlock(*b)
	case linksField:
		for _, line := range b.lines {
			c.relations(line, b.where)
		}
	case statusField, priorityField, typeField, labelsField, componentsField, parentField, complexityField,
		severityField:
		c.fieldSection(*b)
	}
	*b = block{}
}

// fieldSection reads a field that is a section of its own: "## Status", then "Done".
func (c *collector) fieldSection(b block) {
	var values []string
	for _, line := range b.lines {
		text, _ := dedent(line)
		if body := item(text); body != "" {
			text = body
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if len(text) > 100 || len(values) > 20 {
			return // prose
		}
		values = append(values, text)
	}
	list := b.what.field == labelsField || b.what.field == componentsField
	if len(values) == 0 || len(values) > 1 && !list && len(values[0]) > 40 {
		return
	}
	if !list {
		values = values[:1]
	}
	c.value(b.what.field, strings.Join(values, ", "), b.where)
}

// value takes over the value of a field in a line or a section.
func (c *collector) value(what field, text, where string) {
	switch what {
	case idField:
		c.id(text, where)
	case titleField:
		c.setTitle(text, where)
	case typeField:
		c.setType(text, where)
	case statusField:
		c.setStatus(text, where)
	case priorityField, severityField:
		c.setPriority(text, where)
	case parentField:
		c.setParent(text, where)
	case complexityField:
		if text = strings.Trim(text, "`*_ "); !strings.Contains(text, "|") && !isNothing(text) {
			c.complexity(text, where, where)
		}
	case labelsField:
		for _, label := range labelsIn(text) {
			c.label(label, where)
		}
	case componentsField:
		for _, label := range labelsIn(text) {
			c.concern(label, where)
		}
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

// lines looks at the lines of a section without a meaning of its own, or of the
// ticket's head.
func (c *collector) lines(s section) {
	head := s.level <= 1 || slices.Contains(metadataSections, normal(s.title))
	const headLines = 60
	var open block // what is under a label such as "Acceptance Criteria:"
	openAt := -1   // its indentation; -1 = none
	flush := func() {
		c.closeBlock(&open)
		openAt = -1
	}
	if head {
		c.fieldTable(s.lines)
	}
	for i, line := range s.lines {
		if line == "" {
			if openAt >= 0 {
				open.lines = append(open.lines, "")
			}
			continue
		}
		l := labelOf(line)
		if openAt >= 0 {
			if !endsOpen(l, line, openAt, open) {
				open.lines = append(open.lines, line)
				continue
			}
			flush()
		}
		if l.name == "" {
			if c.opt.prose {
				c.relations(line, "text")
			}
			continue
		}
		what := meaningOf(l.name)
		if l.value == "" && (what.field == criteriaField || what.field == filesField ||
			what.field == dependsField || what.field == reverseField) {
			open, openAt = block{what: what, where: l.name}, l.indent
			if l.bullet {
				openAt++
			}
			continue
		}
		c.labelled(l, what, head && i < headLines)
		if l.more != "" {
			for part := range strings.SplitSeq(l.more, " | ") {
				if sub := labelOf(part); sub.name != "" {
					c.labelled(sub, meaningOf(sub.name), head && i < headLines)
				}
			}
		}
	}
	flush()
}

// endsOpen reports whether a line ends what is under a label.
func endsOpen(l lineLabel, line string, at int, b block) bool {
	text, indent := dedent(line)
	listed := item(text) != ""
	switch {
	case l.name != "" && l.bold && !l.bullet, l.name != "" && !l.bullet && hasMeaning(l.name):
		return true
	case at > 0 && listed && indent < at, at > 0 && !listed && indent < at:
		return true // the label is itself an item: only what is deeper belongs to it
	case listed || strings.HasPrefix(text, "|"):
		return false
	}
	last := len(b.lines)
	blank := last > 0 && b.lines[last-1] == ""
	// a new paragraph
	return blank && indent < 2 && slices.ContainsFunc(b.lines, func(s string) bool { return s != "" })
}

// labelled takes over "Label: value". Fields of the ticket itself count in its head
// only; relations and files anywhere.
func (c *collector) labelled(l lineLabel, what meaning, head bool) {
	switch what.field {
	case dependsField:
		if c.opt.ignoreDepends {
			return
		}
		if head || l.bold {
			if !c.dependsText(l.value, l.name) {
				c.notRead("line "+l.name+":", l.value)
			}
		} else {
			for _, id := range findRefs(l.value, false) {
				c.dependOn(id, l.name)
			}
		}
	case filesField:
		if !c.opt.ignoreFiles && (head || l.bold || l.bullet) && len(c.lineFile) < maxItems {
			c.lineFile = append(c.lineFile, block{what: what, where: l.name, lines: []string{"- " + l.value}})
		}
	case criteriaField:
		if l.value != "" && (l.bold || head) {
			c.criteria[what.class] = append(c.criteria[what.class], block{what: what, where: l.name,
				lines: []string{l.value}})
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
		// A plain line is a field only where no front matter states any, and never says how
		// hard the ticket is: prose must not argue with the rules.
		plain := !l.bold && !l.bullet
		if head && (!plain || !c.t.HasFrontMatter && what.field != complexityField) {
			c.value(what.field, l.value, l.name)
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
				c.value(what.field, row[1], name)
			}
		}
	}
}

var headingID = lazy.Regexp(`^\[?(\pL[\pL\pN_]*(?:-[\pL\pN_]+)*-\pL{0,3}\pN+(?:\.\pN+)*[a-z]?)(?:\]\s*[:：–—-]?|\s*[:：]|\s+[–—-]\s|\s*$)`)

// heading completes id and title from "# FEAT-001: Title".
func (c *collector) heading(text string) {
	if m := headingID().FindStringSubmatch(clip(text, 100)); m != nil && !isRating(m[1]) {
		if len(m[1]) <= 64 {
			c.id(m[1], "heading")
		}
		text = strings.TrimSpace(text[len(m[0]):])
	} else if kind, rest, ok := cutColonWord(text); ok {
		text = rest
		if id := headingID().FindStringSubmatch(clip(rest, 100)); id != nil && len(rest) > len(id[0]) { // "Task: FEAT-1 - Title"
			c.id(id[1], "heading")
			text = strings.TrimSpace(rest[len(id[0]):])
		}
		_ = kind
	}
	if c.t.Title == "" {
		c.setTitle(text, "heading")
	}
}

// isRating: the [H-3] of an audit's finding.
func isRating(id string) bool {
	letters, _, _ := strings.Cut(id, "-")
	return len([]rune(letters)) == 1 || containsFold([]string{"NC", "QA", "GAS", "CRIT", "HIGH", "MED", "LOW", "INFO"}, letters)
}

// cutColonWord cuts the "Task:" of "Task: Title".
func cutColonWord(text string) (word, rest string, ok bool) {
	before, after, found := strings.Cut(text, ":")
	after = strings.TrimSpace(after)
	if !found || after == "" {
		return "", "", false
	}
	switch strings.ToLower(strings.TrimSpace(before)) {
	case "task", "ticket", "story", "user story", "feature", "bug", "issue", "epic", "subtask":
		return before, after, true
	}
	return "", "", false
}
