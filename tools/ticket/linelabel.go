package ticket

import (
	"strings"
	"unicode"
)

// lineLabel is a line "Label: value".
type lineLabel struct {
	name, value  string
	more         string // further labels after a pipe: "**A**: x | **B**: y"
	bold, bullet bool
	indent       int
}

// colon is the place of the first colon of either width, -1 where there is none.
// strings.IndexAny looks for a wide one at every byte.
func colon(text string) int {
	at := strings.IndexByte(text, ':')
	if wide := strings.Index(text, "："); wide >= 0 && (at < 0 || wide < at) {
		return wide
	}
	return at
}

// labelOf reads "**Label**: value", "- Label: value", "Label: value", "label:: value";
// name "" = the line is none.
func labelOf(line string) lineLabel {
	var l lineLabel
	text, indent := dedent(line)
	for strings.HasPrefix(text, ">") { // fields in a quotation
		text, _ = dedent(text[1:])
	}
	l.indent = indent
	if body := item(text); body != "" {
		text, l.bullet = body, true
	} else if indent > 3 {
		return l
	}
	if text == "" || text[0] == '|' || text[0] == '#' || strings.HasPrefix(text, "[ ]") {
		return l
	}
	mark := ""
	if strings.HasPrefix(text, "**") || strings.HasPrefix(text, "__") {
		mark, text = text[:2], text[2:]
	}
	head := text[:min(len(text), 80)]
	at := colon(head)
	if mark != "" {
		end := strings.Index(head, mark)
		if end <= 0 {
			return l
		}
		l.bold = true
		l.name = strings.TrimRight(text[:end], ":： ")
		rest := strings.TrimLeft(text[end+2:], " ")
		if inner := colon(text[:end]); inner < 0 || inner < len(l.name) {
			after, ok := cutColon(rest)
			if !ok || inner >= 0 {
				return lineLabel{indent: indent}
			}
			rest = after
		}
		text = rest
	} else {
		if at <= 0 {
			return l
		}
		after, ok := cutColon(text[at:])
		if !ok || after != "" && text[at] == ':' && text[at+1] != ' ' && text[at+1] != ':' &&
			text[at+1] != '\t' {
			return l
		}
		l.bold = strings.HasPrefix(text[at:], "::") // Dataview's field
		l.name, text = text[:at], after
		if len(strings.Fields(l.name)) > 5 || !startsLikeLabel(l.name) {
			return lineLabel{indent: indent}
		}
	}
	if at := strings.Index(text, " | **"); at >= 0 {
		text, l.more = text[:at], text[at+3:]
	}
	l.value = strings.TrimSpace(text)
	return l
}

// cutColon cuts one or two colons from the beginning.
func cutColon(text string) (string, bool) {
	if after, ok := strings.CutPrefix(text, "："); ok {
		return strings.TrimSpace(after), true
	}
	after, ok := strings.CutPrefix(text, ":")
	return strings.TrimSpace(strings.TrimPrefix(after, ":")), ok
}

func startsLikeLabel(name string) bool {
	for _, r := range name {
		return unicode.IsLetter(r) || r > 0x2000 // or an emoji
	}
	return false
}
