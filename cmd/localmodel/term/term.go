// Package term speaks to a person at a terminal: 80 columns, colour where it is
// seen, a progress bar, a question. A file or a pipe gets plain text.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Width is the columns that text is laid out for.
const Width = 80

// Is reports whether a stream is a terminal; /dev/null is none.
func Is(stream any) bool {
	if w, ok := stream.(interface{ Unwrap() io.Writer }); ok {
		stream = w.Unwrap()
	}
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// Colours reports whether colours are shown on a stream, and makes a console of
// Windows show them.
func Colours(stream any) bool {
	if !Is(stream) {
		return false
	}
	if w, ok := stream.(interface{ Unwrap() io.Writer }); ok {
		stream = w.Unwrap()
	}
	f, ok := stream.(*os.File)
	return ok && enableColours(f)
}

// Colour is one of the terminal's own, so that it fits the user's theme.
type Colour string

// The colours used.
const (
	Green  Colour = "32"
	Yellow Colour = "33"
	Red    Colour = "31"
	Dim    Colour = "2"
)

// Painter colours text, or leaves it as it is.
type Painter bool

// Paint gives the text in a colour.
func (p Painter) Paint(c Colour, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Wrap lays text out in lines of at most Width columns: the first begins with
// head, the others are indented as far. A word longer than a line stands alone
// and uncut, so that a command or a path can be copied. Both are made plain.
func Wrap(head, text string) string {
	head, text = plain.Line(head), plain.Line(text)
	indent := utf8.RuneCountInString(head)
	var b strings.Builder
	b.WriteString(head)
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > Width:
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

// Ask puts a question and waits for a line. Only y and yes, in any case, are
// yes; the end of the input is no.
func Ask(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprintf(out, "%s [y/N] ", question)
	switch strings.ToLower(Line(in, out)) {
	case "y", "yes":
		return true
	}
	return false
}

// maxLine bounds what is read of an answer, in bytes.
const maxLine = 300

// Line reads a line and no more, so that the next question finds its own. It
// returns it without white space around; "" at the end of the input, for which
// it ends the line that it waited in.
func Line(in io.Reader, out io.Writer) string {
	var line []byte
	for one := make([]byte, 1); len(line) < maxLine; {
		n, err := in.Read(one)
		if n == 1 && one[0] != '\n' {
			line = append(line, one[0])
			continue
		}
		if err != nil {
			fmt.Fprintln(out)
		}
		if n == 1 || err != nil {
			break
		}
	}
	return strings.TrimSpace(string(line))
}
