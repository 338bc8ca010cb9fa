package term

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const (
	// DefaultWidth is the columns of text where no terminal has a width.
	DefaultWidth = 80
	// widest bounds the lines on a wide terminal: longer ones are hard to read.
	widest = 100
	// narrowest and most bound COLUMNS.
	narrowest, most = 20, 1000
	// tableWidth is the columns that tables need; below it they are lists.
	tableWidth = 72
)

// Columns is the width to lay text out for on a stream: the variable COLUMNS,
// else the terminal's width up to 100, else 80.
func Columns(stream any, columns string) int {
	if n, err := strconv.Atoi(columns); err == nil && n >= narrowest && n <= most {
		return n
	}
	f, ok := file(stream)
	if !ok || !Is(f) {
		return DefaultWidth
	}
	if n := size(f); n > 0 {
		return min(max(n, narrowest), widest)
	}
	return DefaultWidth
}

// Width is the columns of a stream that knows its own, else 80.
func Width(out any) int {
	if w, ok := out.(interface{ Width() int }); ok && w.Width() > 0 {
		return w.Width()
	}
	return DefaultWidth
}

// Narrow reports whether a stream has too few columns for a table.
func Narrow(out any) bool { return Width(out) < tableWidth }

// Print writes text as Wrap lays it out for the stream.
func Print(out io.Writer, head, text string) { fmt.Fprint(out, Wrap(Width(out), head, text)) }

// Wrap lays text out in lines of at most width columns: the first begins with
// head, the others are indented as far. Where head leaves less than half of the
// line, or too little for a word, the text begins on a line of its own. A word
// longer than a line is alone and uncut, so that a command or a path can be
// copied. Both are made plain.
func Wrap(width int, head, text string) string {
	head, text = plain.Line(head), plain.Line(text)
	indent := utf8.RuneCountInString(head)
	words := strings.Fields(text)
	longest := 0
	for _, word := range words {
		longest = max(longest, utf8.RuneCountInString(word))
	}
	const hanging = "    "
	tight := indent > width/2 || longest > width-indent && longest <= width-len(hanging) && indent > len(hanging)
	if tight && indent+utf8.RuneCountInString(text) > width && len(words) > 0 {
		return strings.TrimRight(head, " ") + "\n" + fill(width, hanging, len(hanging), words)
	}
	return fill(width, head, indent, words)
}

// WrapColumn is Wrap for the last column of a table, which stays one however
// little of the line is left for it.
func WrapColumn(width int, head, text string) string {
	head = plain.Line(head)
	return fill(width, head, utf8.RuneCountInString(head), strings.Fields(plain.Line(text)))
}

// fill writes words after head, and beneath each other from column indent on.
func fill(width int, head string, indent int, words []string) string {
	var b strings.Builder
	b.WriteString(head)
	column := indent
	for i, word := range words {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
	return b.String()
}

// beginning is the indentation of a line of Markdown, with the mark of a list's
// item.
var beginning = lazy.Regexp(`^ *(?:[-*] (?:\[[ x]\] )?|\d{1,3}\. )?`)

// Quote writes text line by line behind a prefix. A line that is too long goes
// on beneath its own beginning, an item of a list beneath its text.
func Quote(out io.Writer, prefix, text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = plain.Line(strings.TrimRight(line, "\r\n"))
		if utf8.RuneCountInString(prefix+line) <= Width(out) {
			fmt.Fprintln(out, prefix+line)
			continue
		}
		start := beginning().FindString(line)
		rest := Wrap(Width(out)-utf8.RuneCountInString(prefix), start, line[len(start):])
		for part := range strings.Lines(rest) {
			fmt.Fprint(out, prefix+part)
		}
	}
}
