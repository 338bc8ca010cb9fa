package ticket

import "strings"

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
		if m.name == "" {
			level, title = heading(line)
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
