// Package term speaks to a person at a terminal: text in the terminal's columns,
// colour where it is seen, a progress bar, a question. A file or a pipe gets
// plain text in 80 columns.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Is reports whether a stream is a terminal; /dev/null is none.
func Is(stream any) bool {
	f, ok := file(stream)
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

// file is the file beneath a stream.
func file(stream any) (*os.File, bool) {
	switch wrapped := stream.(type) {
	case interface{ Unwrap() io.Writer }:
		stream = wrapped.Unwrap()
	case interface{ Unwrap() io.Reader }:
		stream = wrapped.Unwrap()
	}
	f, ok := stream.(*os.File)
	return f, ok
}

// Colours reports whether colours are shown on a stream, and makes a console of
// Windows show them.
func Colours(stream any) bool {
	f, ok := file(stream)
	return ok && Is(f) && enableColours(f)
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

// Mark is what a person sees of a state.
type Mark struct {
	Sign   string
	Colour Colour
}

// Marked writes an item of a list behind its mark, with what fixes it beneath.
func (p Painter) Marked(out io.Writer, m Mark, head, text string, fixes []string) {
	item := Wrap(Width(out), m.Sign+" "+head+"  ", text)
	fmt.Fprint(out, strings.Replace(item, m.Sign, p.Paint(m.Colour, m.Sign), 1))
	for _, fix := range fixes {
		Print(out, "  → ", fix)
	}
}

// Ask puts a question and waits for a line. Only y and yes, in any case, are
// yes; the end of the input is no.
func Ask(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, strings.TrimSuffix(Wrap(Width(out), "", question+" [y/N]"), "\n")+" ")
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
