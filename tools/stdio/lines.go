package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	readBuffer = 64 << 10
	headBytes  = 4 << 10 // kept of a line that is too long, to find its id
)

var errLineTooLong = errors.New("line too long")

// lineReader cuts a stream into lines and holds at most one line of max bytes.
type lineReader struct {
	r    *bufio.Reader
	max  int
	buf  []byte
	head []byte // the first bytes of a line that was too long
	end  error  // sticky: a terminal may go on after its end of file, a session does not
}

func (l *lineReader) reset(in io.Reader) { l.r, l.end = bufio.NewReaderSize(in, readBuffer), nil }

// next returns the next line that is not blank, without the white space around
// it; it is valid until the following call. A last line needs no newline. The
// error is errLineTooLong for a line that was skipped, of which the first
// headBytes are returned and after which reading goes on, or what ended the
// stream.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.line()
		if err != nil {
			return line, err
		}
		if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
			return line, nil
		}
	}
}

func (l *lineReader) line() ([]byte, error) {
	if l.end != nil {
		return nil, l.end
	}
	if l.buf = l.buf[:0]; cap(l.buf) > readBuffer {
		l.buf = nil // one long line must not stay for the whole session
	}
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
		}
		if !long && len(l.buf)+len(part) > l.max {
			long = true
			l.head = append(l.head[:0], l.buf[:min(len(l.buf), headBytes)]...)
			l.head = append(l.head, part[:min(len(part), headBytes-len(l.head))]...)
		}
		if long {
			l.buf = nil
		} else {
			l.buf = append(l.buf, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.end = err
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case long:
			return l.head, errLineTooLong
		case err != nil && len(l.buf) == 0:
			return nil, err
		}
		return l.buf, nil
	}
}
