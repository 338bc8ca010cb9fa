package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const tooLong = "\x00too long"

// readAll reads every line, with tooLong for a refused one.
func readAll(l *lineReader) (lines []string, err error) {
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, errLineTooLong):
			lines = append(lines, tooLong)
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, err
		default:
			lines = append(lines, string(line))
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 3*readBuffer)
	for _, c := range []struct {
		name, in string
		max      int
		want     []string
	}{
		{"nothing", "", 10, nil},
		{"blank lines", "\n \n\t\r\n\n", 10, nil},
		{"white space around", " a b \r\n\tc", 10, []string{"a b", "c"}},
		{"no newline at the end", "a\nb", 10, []string{"a", "b"}},
		{"as long as allowed", "0123456789\n", 10, []string{"0123456789"}},
		{"one longer", "0123456789x\nb\n", 10, []string{tooLong, "b"}},
		{"one longer, unended", "a\n0123456789x", 10, []string{"a", tooLong}},
		{"longer than the buffer", long + "\nb\n", 4 * readBuffer, []string{long, "b"}},
		{"longer than buffer and limit", long + "\nb\n", 2 * readBuffer, []string{tooLong, "b"}},
		{"as long as the buffer", long[:readBuffer] + "\nb", readBuffer, []string{long[:readBuffer], "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				l := &lineReader{max: c.max}
				l.reset(in)
				got, err := readAll(l)
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("lines (-want +got, error %v):\n%.300s", err, diff)
				}
			}
		})
	}
}

func TestReadErrorEndsTheLines(t *testing.T) {
	broken := errors.New("broken")
	l := &lineReader{max: 100}
	l.reset(io.MultiReader(strings.NewReader("a\nhalf"), iotest.ErrReader(broken)))
	got, err := readAll(l)
	if diff := cmp.Diff([]string{"a"}, got); diff != "" || !errors.Is(err, broken) {
		t.Errorf("error %v, lines (-want +got):\n%s", err, diff)
	}
	if _, err := l.next(); !errors.Is(err, broken) {
		t.Errorf("a later read: %v, want the same error", err)
	}
}

// One long line must not stay in memory for the session.
func TestLongLineIsLetGo(t *testing.T) {
	l := &lineReader{max: 1 << 20}
	l.reset(strings.NewReader(strings.Repeat("x", 1<<20) + "\na\n"))
	if got, err := readAll(l); err != nil || len(got) != 2 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	if got := cap(l.buf); got > readBuffer {
		t.Errorf("%d bytes kept after a short line, want at most %d", got, readBuffer)
	}
}

// FuzzLines compares the reader, on a buffer of a few bytes, with splitting the
// whole input.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "a\n", "a\r\nb", " \n\t\n x \n", strings.Repeat("x", 100) + "\ny", "\r\n\r\n", strings.Repeat("\n", 40),
		strings.Repeat(" ", 64) + "\nz", "{\"a\":1}\n{\"b\":2}"} {
		f.Add([]byte(s), uint8(20), uint8(16))
	}
	f.Fuzz(func(t *testing.T, in []byte, limit, buffer uint8) {
		limit = max(limit, 1)
		var want []string
		for _, piece := range bytes.Split(in, []byte("\n")) {
			switch trimmed := bytes.Trim(piece, " \t\r"); {
			case len(piece) > int(limit):
				want = append(want, tooLong)
			case len(trimmed) > 0:
				want = append(want, string(trimmed))
			}
		}
		l := &lineReader{max: int(limit)}
		l.reset(nil)
		l.r = bufio.NewReaderSize(bytes.NewReader(in), int(buffer)) // at least 16
		got, err := readAll(l)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("lines (-want +got, error %v):\n%s", err, diff)
		}
	})
}
