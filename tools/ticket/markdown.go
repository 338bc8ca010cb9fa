package ticket

import "strings"

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
