package routing

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
)

// newClient makes the one HTTP client of an endpoint. It follows no redirect:
// a key or a ticket must not travel to a host nobody configured.
func newClient(connect time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
			MaxIdleConns: 128, MaxIdleConnsPerHost: 128, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: max(connect, 5*time.Second), DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tokenWatch cancels a call whose first token, or next token, does not come in
// time, and reports what is happening meanwhile.
type tokenWatch struct {
	ctx         context.Context
	first, next time.Duration
	timer       *time.Timer
	tokens      atomic.Int64
}

// limitError says which limit of time ran out, and which setting moves it.
type limitError struct {
	what    string
	d       time.Duration
	setting string
}

func (e limitError) Error() string {
	return fmt.Sprintf("no %s within %s (%s)", e.what, e.d, e.setting)
}

func watchTokens(ctx context.Context, first, next time.Duration) (*tokenWatch, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &tokenWatch{ctx: ctx, first: first, next: next}
	w.timer = time.AfterFunc(first, func() {
		if w.tokens.Load() == 0 {
			cancel(limitError{"first token", first, "LOCALMODEL_FIRST_TOKEN_TIMEOUT"})
			return
		}
		cancel(limitError{"next token", next, "LOCALMODEL_TOKEN_TIMEOUT"})
	})
	return w, func() { w.timer.Stop(); cancel(nil) }
}

func (w *tokenWatch) token() {
	w.tokens.Add(1)
	w.timer.Reset(w.next)
}

// explain words a failure by the limit that caused it.
func (w *tokenWatch) explain(fault *Error) *Error {
	var limit limitError
	if errors.As(context.Cause(w.ctx), &limit) {
		return fail(Timeout, limit.Error(), fault)
	}
	return fault
}

// lines reads a stream of JSON lines, bounded in line and in whole.
type lines struct {
	r    *bufio.Reader
	left int
}

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, 16<<10), maxReplyBytes} }

// sizeError says which bound of size was passed.
type sizeError struct {
	what string
	most int
}

func (e sizeError) Error() string { return fmt.Sprintf("%s has more than %d bytes", e.what, e.most) }

// next returns the next line that is not blank; it is valid until the next call.
func (l *lines) next() ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := l.r.ReadSlice('\n')
			if l.left -= len(part); l.left < 0 {
				return nil, sizeError{"the reply", maxReplyBytes}
			}
			if len(line)+len(part) > maxLineBytes {
				return nil, sizeError{"a line of the reply", maxLineBytes}
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

// narrate reports every so often what a call is doing, until the returned
// function is called; after that nothing is reported any more.
func narrate(q Request, what func() (string, int)) (stop func()) {
	if q.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				q.report(what())
			}
		}
	})
	return func() { close(done); group.Wait() }
}

// dialTimeout says whether a connection could not be made in time.
func dialTimeout(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && op.Timeout()
}

// netCause words a network failure without addresses and layers.
func netCause(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsTimeout:
		return "host name not resolved in time"
	case errors.As(err, &dns):
		return "host name not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection broken off"
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return "time-out while connecting"
	}
	return "network failure"
}

// shorten makes text fit for a reason: ASCII, one line, at most n bytes.
func shorten(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r < unicode.MaxASCII && unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return '?'
	}, strings.Join(strings.Fields(text), " "))
	if len(text) > n {
		return text[:n-3] + "..."
	}
	return text
}

// sameModel compares model names as Ollama does: no tag means latest.
func sameModel(a, b string) bool {
	tagged := func(s string) string {
		if !strings.Contains(s[strings.LastIndexByte(s, '/')+1:], ":") {
			s += ":latest"
		}
		return strings.ToLower(s)
	}
	return tagged(a) == tagged(b)
}
