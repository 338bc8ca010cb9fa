package ticket

import (
	"slices"
	"strings"
	"unicode"
)

// notTicketPrefixes begin the ids of what is part of a ticket or beside it.
var notTicketPrefixes = set(`AC FR NFR REQ SC TC ADR RISK STEP PHASE OPTION WEEK DAY SPRINT PART VERSION RFC`)

// isSections recognises a file with several tickets: at least two headings of one level
// begin with an id, and state fields. A file with an id of its own is one ticket.
func isSections(f *file) bool {
	if f.has(idKeys...) || !strings.Contains(f.body, "# ") || isStrictID(idAtStart(f.stem, false)) {
		return false
	}
	return len(ticketSections(f.body)) > 1
}

func readSections(f *file) (*Document, error) {
	d := f.list(f.fileID(false), titleOf(f.sections()), "")
	for _, part := range ticketSections(f.body) {
		if len(d.Tasks) >= maxTasks {
			break
		}
		body := "# " + part.title + "\n" + f.body[part.from:part.to]
		c := markdown(&file{text: f.text, body: body}, options{prefixIsKind: true, prose: true})
		c.t.Local, c.t.Closed = c.t.ID, part.closed
		d.Tasks = append(d.Tasks, c.finish())
	}
	d.Head.Warnings = distinctIDs("", d.Tasks)
	return d, nil
}

// ticketSection is a ticket of several in a file, its heading of level 1.
type ticketSection struct {
	title    string
	from, to int  // what is under the heading
	closed   bool // beneath a heading such as "Done"
}

// ticketSections splits a body at the headings that begin with an id, all of the level
// of the first one, where more than one of them states fields.
func ticketSections(body string) []ticketSection {
	var out []ticketSection
	var s scanner
	level, stating, closed, inside, states := 0, 0, false, false, false
	for rest := body; rest != ""; {
		raw, tail, _ := strings.Cut(rest, "\n")
		rest = tail
		end := len(body) - len(tail)
		line := s.line(raw, tail)
		at, title := heading(line)
		switch {
		case at > 0 && isTicketHeading(title) && (level == 0 || at == level):
			level, inside, states = at, true, false
			out = append(out, ticketSection{title, end, end, closed})
			continue
		case at > 0 && (level == 0 || at <= level):
			inside = false
			closed = (level == 0 || at < level) && isClosed(title)
		}
		if !inside {
			continue
		}
		out[len(out)-1].to = end
		if !states && isOwnField(line) {
			states = true
			stating++
		}
	}
	if stating < 2 {
		return nil
	}
	return out
}

// isTicketHeading: "PAY-12: Title" or "PAY-12", its prefix in capitals.
func isTicketHeading(title string) bool {
	m := headingID().FindStringSubmatch(clip(title, 100))
	if m == nil || isRating(m[1]) || !isStrictID(m[1]) {
		return false
	}
	prefix, _, _ := strings.Cut(m[1], "-")
	return strings.IndexFunc(prefix, unicode.IsLower) < 0 && !notTicketPrefixes[prefix]
}

// isOwnField reports whether a line states a field of a ticket.
func isOwnField(line string) bool {
	l := labelOf(line)
	return l.name != "" && slices.Contains([]field{typeField, statusField, priorityField, complexityField, sizeField,
		labelsField, dependsField, filesField}, meaningOf(l.name).field)
}
