package plain

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Writer is the last line of defence of a stream for people: what is written
// passes as by Text. With colours, the plain colour sequences of this program
// pass too, as do the carriage return and the erasure of a line that a progress
// bar needs. A rune that is cut between two writes is kept for the next.
type Writer struct {
	Out     io.Writer
	Colours bool
	Columns int // of the terminal; 0 = not known

	rest []byte
}

// Width returns the columns of the terminal.
func (w *Writer) Width() int { return w.Columns }

// Unwrap returns what is written to.
func (w *Writer) Unwrap() io.Writer { return w.Out }

var ownSequence = lazy.Regexp(`^(\x1b\[(0|2|31|32|33)m|\r?\x1b\[2?K|\r)`)

// Write writes p cleaned. The count is of p's bytes.
func (w *Writer) Write(p []byte) (int, error) {
	data := whole(&w.rest, p)
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		n := segment(data)
		out = append(out, Text(string(data[:n]))...)
		data = data[n:]
		if len(data) == 0 {
			break
		}
		own := ownSequence().Find(data)
		if !w.Colours || own == nil {
			out = append(out, string(mark)...)
			data = data[1:]
			continue
		}
		out = append(out, own...)
		data = data[len(own):]
	}
	if _, err := w.Out.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// segment is how many bytes are before an ESC or a lone carriage return.
func segment(data []byte) int {
	for i, c := range data {
		if c == 0x1b || c == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			return i
		}
	}
	return len(data)
}

// whole returns rest and p, without a rune that is cut short at the end: rest
// keeps that for the next write.
func whole(rest *[]byte, p []byte) []byte {
	data := slices.Concat(*rest, p)
	end := len(data)
	for n := 1; n < utf8.UTFMax && n <= len(data); n++ {
		if start := len(data) - n; utf8.RuneStart(data[start]) {
			if !utf8.FullRune(data[start:]) {
				end = start
			}
			break
		}
	}
	*rest = slices.Clone(data[end:])
	return data[:end]
}

// JSONWriter escapes in JSON what Hidden reports, as \u202e: the values stay
// what they are, and a terminal that shows them is not moved. Outside of strings
// JSON has no such characters but white space, which passes.
type JSONWriter struct {
	Out io.Writer

	rest []byte
}

// Unwrap returns what is written to.
func (w *JSONWriter) Unwrap() io.Writer { return w.Out }

// Write writes p escaped. The count is of p's bytes.
func (w *JSONWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Out, escapeJSON(string(whole(&w.rest, p)))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func escapeJSON(s string) string {
	if isPlain(s, true) {
		return s
	}
	out := make([]byte, 0, len(s)+16)
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || !Hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return string(out)
}

// PrintJSON writes v indented, through a JSONWriter.
func PrintJSON(out io.Writer, v any) error {
	e := json.NewEncoder(&JSONWriter{Out: out})
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
