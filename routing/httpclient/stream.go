package httpclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/routing"
)

// Watch cancels a call whose first token, or next token, does not come in
// time, and reports what is happening meanwhile.
type Watch struct {
	Ctx         context.Context
	first, next time.Duration
	timer       *time.Timer
	Tokens      atomic.Int64
}

// WatchTokens starts the watch; stop frees it.
func WatchTokens(ctx context.Context, first, next time.Duration) (*Watch, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Watch{Ctx: ctx, first: first, next: next}
	w.timer = time.AfterFunc(first, func() {
		if w.Tokens.Load() == 0 {
			cancel(routing.LimitError{What: "first token", Limit: first, Setting: "LOCALMODEL_FIRST_TOKEN_TIMEOUT"})
			return
		}
		cancel(routing.LimitError{What: "next token", Limit: next, Setting: "LOCALMODEL_TOKEN_TIMEOUT"})
	})
	return w, func() { w.timer.Stop(); cancel(nil) }
}

// Token notes that a token came.
func (w *Watch) Token() {
	w.Tokens.Add(1)
	w.timer.Reset(w.next)
}

// Explain describes a failure by the limit that caused it.
func (w *Watch) Explain(fault *routing.Error) *routing.Error {
	if limit, ok := errors.AsType[routing.LimitError](context.Cause(w.Ctx)); ok {
		return routing.Fail(routing.Timeout, limit.Error(), fault)
	}
	return fault
}

// Bounds of what is read.
const (
	MaxReplyBytes = 8 << 20 // a whole reply
	MaxLineBytes  = 1 << 20 // one chunk of a streamed one
)

// Lines reads a stream of JSON lines, bounded in line and in whole.
type Lines struct {
	r    *bufio.Reader
	Left int // bytes it may still read
}

// NewLines reads r.
func NewLines(r io.Reader) *Lines { return &Lines{bufio.NewReaderSize(r, 16<<10), MaxReplyBytes} }

// SizeError says which bound of size was passed.
type SizeError struct {
	What string
	Most int
}

func (e SizeError) Error() string { return fmt.Sprintf("%s has more than %d bytes", e.What, e.Most) }

// Next returns the next line that is not blank; it is valid until the next call.
func (l *Lines) Next() ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := l.r.ReadSlice('\n')
			if l.Left -= len(part); l.Left < 0 {
				return nil, SizeError{"the reply", MaxReplyBytes}
			}
			if len(line)+len(part) > MaxLineBytes {
				return nil, SizeError{"a line of the reply", MaxLineBytes}
			}
			if err == nil && line == nil {
				line = part // the common case: whole in the buffer, no copy
				break
			}
			line = append(line, part...)
			if err == nil || (errors.Is(err, io.EOF) && len(line) > 0) {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return nil, err
			}
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
}
