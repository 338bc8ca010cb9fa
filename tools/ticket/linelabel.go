package ticket

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineLabel is a line "Label: value".
type lineLabel struct {
	name, value  string
	more         string // further labels of the line: "**A**: x | **B**: y"
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
	text, indent := dedent(line)
	for strings.HasPrefix(text, ">") { // fields in a quotation
		text, _ = dedent(text[1:])
	}
	body := item(text)
	l := lineLabel{indent: indent, bullet: body != ""}
	text = cmp.Or(body, text)
	if !l.bullet && indent > 3 || text == "" || text[0] == '|' || text[0] == '#' || strings.HasPrefix(text, "[ ]") {
		return lineLabel{}
	}
	if mark := text[:min(len(text), 2)]; mark == "**" || mark == "__" {
		text = text[2:]
		end := strings.Index(text[:min(len(text), 80)], mark)
		if end <= 0 {
			return lineLabel{}
		}
		l.bold, l.name = true, strings.TrimRight(text[:end], ":： ")
		inner := colon(text[:end])
		rest := strings.TrimLeft(text[end+2:], " ")
		after, ok := cutColon(rest)
		switch {
		case inner < 0 && ok:
			text = after
		case inner >= len(l.name):
			text = rest
		case inner < 0 && strings.TrimSpace(rest) == "" && hasMeaning(l.name): // a heading in bold
			text = ""
		default:
			return lineLabel{}
		}
	} else {
		at := colon(text[:min(len(text), 80)])
		first, _ := utf8.DecodeRuneInString(text)
		if at <= 0 || len(strings.Fields(text[:at])) > 5 || !unicode.IsLetter(first) && first <= 0x2000 { // or an emoji
			return lineLabel{}
		}
		after, _ := cutColon(text[at:])
		if after != "" && text[at] == ':' && strings.IndexByte(" :\t", text[at+1]) < 0 {
			return lineLabel{}
		}
		l.bold = strings.HasPrefix(text[at:], "::") // Dataview's field
		l.name, text = text[:at], after
	}
	text, l.more = cutLabels(text)
	l.value = strings.TrimSpace(text)
	return l
}

// cutLabels splits a value from the next label of its line: "x | **B**: y", "x | B: y",
// "x **B:** y".
func cutLabels(text string) (value, more string) {
	const most = 500 // bytes looked at
	head := text[:min(len(text), most)]
	for at := 0; ; at++ {
		next := strings.IndexAny(head[at:], "|·*")
		if next < 0 {
			return text, ""
		}
		at += next
		rest := strings.TrimLeft(text[at:], "|· ")
		if at == 0 || text[at-1] != ' ' || text[at] == '*' && !strings.HasPrefix(rest, "**") {
			continue
		}
		bold := strings.HasPrefix(rest, "**")
		name := strings.TrimLeft(rest[:min(len(rest), 42)], "*")
		if end := colon(name); end > 0 && (hasMeaning(name[:end]) || bold && text[at] != '*') {
			return text[:at], rest
		}
	}
}

// cutColon cuts one or two colons from the beginning.
func cutColon(text string) (string, bool) {
	if after, ok := strings.CutPrefix(text, "："); ok {
		return strings.TrimSpace(after), true
	}
	after, ok := strings.CutPrefix(text, ":")
	return strings.TrimSpace(strings.TrimPrefix(after, ":")), ok
}
