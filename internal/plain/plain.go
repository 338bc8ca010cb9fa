// Package plain makes foreign text safe to show to a person: on a terminal, in a
// log, in a table, in a page. Control characters move the cursor or recolour
// what was printed before; bidirectional controls and invisible characters make
// text read other than it is; newlines forge lines.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mark is put where one or more characters were taken out, so that what was
// there is not joined in silence.
const mark = utf8.RuneError

// Line returns s as one line: white space becomes a space, other control,
// bidirectional and invisible characters and invalid UTF-8 become U+FFFD, one
// for each run of them.
func Line(s string) string { return clean(s, false) }

// Text is Line for text of several lines: newlines and tabs stay, and a
// carriage return before a newline goes.
func Text(s string) string { return clean(strings.ReplaceAll(s, "\r\n", "\n"), true) }

// Cell returns s for a cell of a CSV file: one line, and where a spreadsheet
// would take it for a formula, with an apostrophe before it. Where the comma is the
// decimal sign a spreadsheet parts cells at semicolons, so that each part of s may
// begin a cell.
func Cell(s string) string {
	parts := strings.Split(Line(s), ";")
	for i, part := range parts {
		first, _ := utf8.DecodeRuneInString(strings.TrimLeft(part, " \"\u00a0\u3000"))
		forced := i == 0 && (strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r"))
		if first != utf8.RuneError && strings.ContainsRune("=+-@＝＋－＠", first) || forced {
			parts[i] = "'" + part
		}
	}
	return strings.Join(parts, ";")
}

func clean(s string, lines bool) string {
	if isPlain(s, lines) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	marked := false
	for _, r := range s { // invalid UTF-8 comes as utf8.RuneError
		switch {
		case r == '\n' && lines, r == '\t' && lines:
		case r == '\n', r == '\t', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			r = ' '
		case Hidden(r):
			r = mark
		}
		if r != mark || !marked {
			b.WriteRune(r)
		}
		marked = r == mark
	}
	return b.String()
}

// isPlain spares the usual text a copy.
func isPlain(s string, lines bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
				return Hidden(r) && (!lines || r != '\n' && r != '\t')
			}) < 0
		}
		if c < ' ' && (!lines || c != '\n' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// hidden are the characters without a shape of their own, beside the controls:
// zero-width and invisible operators, fillers, annotation anchors, tags. The
// joiners U+200C and U+200D and the selectors U+FE00 to U+FE0F stay: scripts and
// emoji need them.
var hidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00ad, Hi: 0x00ad, Stride: 1},
		{Lo: 0x034f, Hi: 0x034f, Stride: 1},
		{Lo: 0x115f, Hi: 0x1160, Stride: 1}, // Hangul's fillers are letters
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1},
		{Lo: 0x200b, Hi: 0x200b, Stride: 1},
		{Lo: 0x2028, Hi: 0x2029, Stride: 1},
		{Lo: 0x2060, Hi: 0x206f, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
		{Lo: 0xfff0, Hi: 0xfffb, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1bca0, Hi: 0x1bca3, Stride: 1},
		{Lo: 0x1d173, Hi: 0x1d17a, Stride: 1},
		{Lo: 0xe0000, Hi: 0xe0fff, Stride: 1},
	},
}

// Hidden reports whether r is a control character, C1 included, a bidirectional
// control or an invisible character.
func Hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Bidi_Control, hidden)
}

// Clip shortens s to at most n characters, with a mark where it was cut.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:max(0, n-3)]) + "..."
}
