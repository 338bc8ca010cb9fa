package stdio

import (
	"bufio"
	"errors"
	"io"
)

var errTooLong = errors.New("line too long")

// reader yields lines up to a limit. A longer one is skipped, never held, and
// reported once as errTooLong. A last line without its newline is a line too.
type reader struct {
	r   *bufio.Reader
	max int
}

func newReader(r io.Reader, limit int) *reader { return &reader{bufio.NewReaderSize(r, 64<<10), limit} }

// next returns the next line without its newline; the slice is the caller's.
func (r *reader) next() ([]byte, error) {
	var line []byte
	size := 0
	for {
		part, err := r.r.ReadSlice('\n')
		content := part
		if err == nil {
			content = part[:len(part)-1]
		}
		if size += len(content); size <= r.max {
			line = append(line, content...)
		} else {
			line = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && size == 0:
			return nil, err
		case size > r.max:
			return nil, errTooLong
		}
		return line, nil
	}
}
