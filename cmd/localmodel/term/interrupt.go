package term

import (
	"context"
	"io"
)

// Interruptible is in for a program that ends by ctx instead of by a signal: a
// Read that waits, as for the answer to a question, returns ctx's error once ctx
// has ended. The wait itself stays behind until the process ends.
func Interruptible(ctx context.Context, in io.Reader) io.Reader {
	return interruptible{ctx, in}
}

type interruptible struct {
	ctx context.Context //nolint:containedctx // a Reader is handed none
	in  io.Reader
}

// Unwrap returns the reader beneath, which may be a terminal.
func (r interruptible) Unwrap() io.Reader { return r.in }

func (r interruptible) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	own := make([]byte, len(p)) // p is the caller's again when ctx ends first
	done := make(chan result, 1)
	go func() {
		n, err := r.in.Read(own)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		return copy(p, own[:got.n]), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
