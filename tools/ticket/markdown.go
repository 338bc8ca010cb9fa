package ticket

import (
	"strings"
)

// scanner gives the lines of a Markdown body that can be structure: what is in a
// fenced code block or an HTML comment comes as an empty line. It knows what the line
// before left open.
type scanner struct {
	fence   string // the run that opened the code block
	comment bool   // in a comment: one that began a line ends at -->, else with the body
	open    int    // len(tail) at the end of the paragraph in which no comment ends
	hasOpen bool
}

func (s *scanner) line(line, tail string) string {
	switch {
	case s.fence != "":
		if closesFence(line, s.fence) {
			s.fence = ""
		}
		return ""
	case s.comment:
		s.comment = !strings.Contains(line, "-->")
		return "" // the rest of the line still belongs to the HTML
	}
	text, indent := dedent(line)
	if indent <= 3 {
		if s.fence = opensFence(text); s.fence != "" {
			return ""
		}
		if strings.HasPrefix(text, "<!--") {
			s.comment = !strings.Contains(text[2:], "-->")
			return ""
		}
	}
	if strings.Contains(line, "<!--") {
		return s.withoutComments(line, tail, strings.HasPrefix(text, "|") || strings.HasPrefix(text, "#"))
	}
	return line
}

// withoutComments cuts the comments out of a line of text. One that does not
// end in its paragraph is no comment; oneLine: in a table row or a heading none
// leaves its line.
func (s *scanner) withoutComments(line, tail string, oneLine bool) string {
	var b strings.Builder
	spans := codeSpans(line)
	done := 0 // line[:done] is copied or cut
	for at := 0; ; {
		from := strings.Index(line[at:], "<!--")
		if from < 0 {
			break
		}
		from += at
		for len(spans) > 0 && spans[0].to <= from {
			spans = spans[1:]
		}
		if len(spans) > 0 && spans[0].from <= from {
			at = spans[0].to // a comment shown as code
			continue
		}
		length := strings.Index(line[from+2:], "-->")
		if length < 0 {
			if !oneLine && s.endsBelow(tail) {
				s.comment = true
				return b.String() + line[done:from]
			}
			break
		}
		b.WriteString(line[done:from])
		done = from + 2 + length + 3
		at = done
	}
	return b.String() + line[done:]
}

// endsBelow looks for --> before the next blank line. A paragraph without it
// is looked through once, however many lines ask.
func (s *scanner) endsBelow(tail string) bool {
	if s.hasOpen && len(tail) >= s.open {
		return false
	}
	for rest := tail; ; {
		line, after, _ := strings.Cut(rest, "\n")
		switch {
		case strings.Contains(line, "-->"):
			return true
		case strings.TrimSpace(line) == "":
			s.open, s.hasOpen = len(rest), true
			return false
		}
		rest = after
	}
}

// dedent gives the line without its indentation, whose width counts a tab as
// up to four columns.
func dedent(line string) (text string, indent int) {
	for i := range len(line) {
		switch line[i] {
		case ' ':
			indent++
		case '\t':
			indent += 4 - indent%4
		default:
			return line[i:], indent
		}
	}
	return "", indent
}

func opensFence(text string) string {
	if !strings.HasPrefix(text, "```") && !strings.HasPrefix(text, "~~~") {
		return ""
	}
	info := strings.TrimLeft(text, text[:1])
	if text[0] == '`' && strings.Contains(info, "`") {
		return ""
	}
	return text[:len(text)-len(info)]
}

func closesFence(line, fence string) bool {
	text, indent := dedent(line)
	if indent > 3 || !strings.HasPrefix(text, fence) {
		return false
	}
	return strings.Trim(strings.TrimLeft(text, fence[:1]), " \t") == ""
}

// heading gives the level and text of an ATX heading; level 0 = it is none.
func heading(line string) (level int, title string) {
	text, indent := dedent(line)
	if indent == 0 && len(text) > 4 && text[0] == 'h' && text[1] >= '1' && text[1] <= '6' && text[2:4] == ". " {
		return int(text[1] - '0'), strings.TrimSpace(text[4:]) // "h3. Title", Jira's own
	}
	if indent > 3 || text == "" || text[0] != '#' {
		return 0, ""
	}
	title = strings.TrimLeft(text, "#")
	level = len(text) - len(title)
	if level > 6 || title != "" && title[0] != ' ' && title[0] != '\t' {
		return 0, ""
	}
	title = strings.TrimSpace(title)
	if bare := strings.TrimRight(title, "#"); bare == "" || strings.HasSuffix(bare, " ") {
		title = strings.TrimSpace(bare)
	}
	return level, title
}

// underlined gives a heading of two lines; level 0 = it is none. People write --- also as
// a rule right under a text, so that one counts only under the name of a field.
func underlined(text, line string) (level int, title string) {
	line = strings.TrimRight(line, " \t")
	if len(line) < 3 || strings.Trim(line, "=") != "" && strings.Trim(line, "-") != "" {
		return 0, ""
	}
	title = strings.TrimSpace(text)
	if title == "" || len(text) > 200 || item(text) != "" || labelOf(text).name != "" {
		return 0, ""
	}
	switch {
	case line[0] == '=' && title[0] != '|':
		return 1, title
	case line[0] == '-' && hasMeaning(title):
		return 2, title
	}
	return 0, ""
}

type span struct{ from, to int }

// codeSpans gives the places of `code` in a line, backticks included.
func codeSpans(line string) []span {
	if !strings.Contains(line, "`") {
		return nil
	}
	var runs []span
	for i := 0; i < len(line); i++ {
		if line[i] == '`' {
			from := i
			for i < len(line) && line[i] == '`' {
				i++
			}
			runs = append(runs, span{from, i})
		}
	}
	// The partner of a run is the next one of its length: known from the right
	// in one pass, so that many runs without a partner stay cheap.
	partner := make([]int, len(runs))
	next := map[int]int{}
	for i := len(runs) - 1; i >= 0; i-- {
		size := runs[i].to - runs[i].from
		partner[i] = next[size]
		next[size] = i
	}
	var out []span
	for i := 0; i < len(runs); i++ {
		if p := partner[i]; p > 0 {
			out = append(out, span{runs[i].from, runs[p].to})
			i = p
		}
	}
	return out
}

// section is a heading and what is under it, up to the next heading. The text
// before the first heading is a section of level 0.
type section struct {
	level int
	title string
	lines []string // what can be structure: code blocks and comments are empty lines
	code  []string // the code blocks of a section that lists files
}

// outline splits a body into its sections. A block between the markers of Backlog.md
// may hold headings of its own, which are text.
func outline(body string) []section {
	out := make([]section, 1, 8)
	m := markers{body: body}
	s := scanner{}
	lines := make([]string, 0, strings.Count(body, "\n")+1)
	from := 0
	flush := func() {
		out[len(out)-1].lines = lines[from:len(lines):len(lines)]
		from = len(lines)
	}
	for rest, at := body, 0; rest != ""; {
		raw, tail, _ := strings.Cut(rest, "\n")
		fenced := s.fence != ""
		line := s.line(raw, tail)
		criteria := false
		if fenced {
			if last := &out[len(out)-1]; s.fence != "" && headingMeaning(last.title).field == filesField {
				last.code = append(last.code, raw)
			}
		} else {
			criteria = m.see(raw, line, at)
		}
		level, title := 0, ""
		if m.name == "" && len(out) < maxHeadings {
			level, title = heading(line)
		}
		if level == 0 && m.name == "" && len(out) < maxHeadings && len(lines) > from {
			if level, title = underlined(lines[len(lines)-1], line); level > 0 {
				lines = lines[:len(lines)-1]
			}
		}
		switch {
		case criteria && headingMeaning(out[len(out)-1].title).field != criteriaField:
			flush()
			out = append(out, section{level: 2, title: "Acceptance Criteria"})
		case level > 0:
			flush()
			out = append(out, section{level: level, title: title})
		default:
			if m.name != "" && strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
				line = "" // a heading within a block is its text
			}
			lines = append(lines, line)
		}
		at += len(raw) + 1
		rest = tail
	}
	flush()
	return out
}

// markers follows the comments <!-- SECTION:PLAN:BEGIN --> and <!-- AC:BEGIN -->.
type markers struct {
	body string
	ends map[string]int // name -> place of its last END
	name string         // the block that is open
}

// see looks at one line and says whether it opens a block of criteria.
func (m *markers) see(raw, structural string, at int) bool {
	inner, ok := strings.CutPrefix(strings.TrimSpace(raw), "<!--")
	if structural != "" || !ok || len(inner) > 100 {
		return false
	}
	inner = strings.TrimSpace(strings.TrimSuffix(inner, "-->"))
	name, begins := strings.CutSuffix(inner, ":BEGIN")
	switch {
	case m.name != "" && inner == m.name+":END":
		m.name = ""
	case !begins || m.name != "":
	case name == "AC":
		return true
	case strings.HasPrefix(name, "SECTION:") || strings.HasPrefix(name, "COMMENT"):
		if m.ends == nil {
			m.findEnds()
		}
		if m.ends[name] > at {
			m.name = name
		}
	}
	return false
}

func (m *markers) findEnds() {
	m.ends = map[string]int{}
	for at := 0; ; {
		i := strings.Index(m.body[at:], ":END")
		if i < 0 {
			return
		}
		i += at
		start := strings.LastIndexByte(m.body[max(0, i-100):i], ' ') + 1 + max(0, i-100)
		m.ends[m.body[start:i]] = i
		at = i + len(":END")
	}
}

// titleOf gives the first heading of level 1 that is no field's name.
func titleOf(sections []section) string {
	for _, s := range sections {
		if s.level == 1 && !hasMeaning(s.title) {
			return s.title
		}
	}
	return ""
}

func hasMeaning(title string) bool {
	what := headingMeaning(title)
	return what.field != unknownField && what.field != contextField
}
