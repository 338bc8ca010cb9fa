// Package stdio serves an MCP server over a pair of byte streams, one JSON-RPC
// message a line. It puts its own line reader and writer around mcp-go's stdio
// server, which alone reads lines of any length, loses cancels and drops
// answers at the end of input.
//
// Every request travels through mcp-go under an id of our own, and its answer
// leaves under the bytes the client sent. That one mechanism keeps large
// numbers exact, distinguishes "7" from 7, keeps two requests with one id apart, and
// lets a cancel find its request wherever that is.
package stdio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	defaultMaxLine = 4 << 20
	defaultDrain   = 3 * time.Second
	defaultWorkers = 100
	defaultQueue   = 1000

	// grace is how long a cancelled call has to end by itself before it is
	// answered in its place.
	grace = 200 * time.Millisecond
	// openLines bounds the bytes of all open requests, in lines of MaxLine.
	openLines = 8
)

var errNotRead = errors.New("stdio: the client does not read its answers")

// Options are the limits of one Serve; a zero field takes its default.
type Options struct {
	MaxLine int           // bytes of one line without its end, default 4 MiB; a longer one is refused and skipped
	Drain   time.Duration // how long answers are waited for after the end of input, default 3 s
	Workers int           // tool calls that run at once, default 100
	Queue   int           // requests that wait beside them, default 1000; one more is refused
	Log     *slog.Logger  // default: discards
	OnEOF   func()        // called once input has ended and every answer is written
	// Check refuses a request before mcp-go sees it: its error is answered with
	// the code for invalid parameters. nil = none is refused.
	Check func(method string, params json.RawMessage) error
	// Gone reports that nobody can read the answers any more. It is asked at
	// the end of input; nil = not known.
	Gone func() bool
}

func (o Options) withDefaults() Options {
	o.MaxLine = cmp.Or(o.MaxLine, defaultMaxLine)
	o.Drain = cmp.Or(o.Drain, defaultDrain)
	o.Workers = cmp.Or(o.Workers, defaultWorkers)
	o.Queue = cmp.Or(o.Queue, defaultQueue)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Check == nil {
		o.Check = func(string, json.RawMessage) error { return nil }
	}
	if o.Gone == nil {
		o.Gone = func() bool { return false }
	}
	return o
}

// Serve answers the requests read from in on out, each message in one Write,
// until in ends, ctx is cancelled or a write fails. srv must have been made
// with ServerOptions.
//
// At the end of in, open requests have Drain to end; then they are cancelled
// and answered too, and Serve returns nil. When ctx ends, Serve returns nil at
// once, waiting for no handler; a blocked Read of in and a blocked Write to out
// outlive it. It returns an error when reading or writing fails, or when the
// client has stopped reading at the end.
//
// A process has one Serve at a time: mcp-go keeps the session in a global. The
// caller turns signals into the end of ctx and, on Unix, ignores SIGPIPE, which
// otherwise ends the process at the first write to a client that has gone.
func Serve(ctx context.Context, srv *server.MCPServer, in io.Reader, out io.Writer, o Options) error {
	o = o.withDefaults()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	c := newConn(srv, out, o)
	defer c.out.closed.Store(true)
	defer c.feed.Close()
	defer c.workers.close()
	lines := &lineReader{max: o.MaxLine}
	lines.reset(in)

	listened, ended := make(chan error, 1), make(chan error, 1)
	go func() { listened <- c.listen(inner, o) }()
	c.workers.spawn(func() { c.pump(inner, lines, ended) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-c.out.failed:
	case err = <-listened:
	case err = <-ended:
		err = cmp.Or(c.finish(ctx, o, listened), err)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listen runs mcp-go's stdio server on what pump lets through.
func (c *conn) listen(ctx context.Context, o Options) error {
	s := server.NewStdioServer(c.srv)
	server.WithErrorLogger(slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn))(s)
	server.WithWorkerPoolSize(1)(s) // it gets no tool call to see
	server.WithStdioContextFunc(func(ctx context.Context) context.Context {
		c.session = context.WithValue(ctx, connKey{}, c)
		close(c.opened)
		return c.session
	})(s)
	if err := s.Listen(ctx, c.fed, c.out); err != nil {
		return fmt.Errorf("stdio: %w", err)
	}
	return nil
}

// finish sees to it that every open request is answered after the end of in.
func (c *conn) finish(ctx context.Context, o Options, listened <-chan error) error {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		c.drain(ctx, o)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		return nil
	case err := <-c.out.failed:
		return err
	case <-time.After(o.Drain + 2*grace):
		return errNotRead
	}
	// A handler that does not heed its context keeps mcp-go from returning.
	c.feed.Close()
	ending, stop := context.WithTimeout(ctx, grace)
	defer stop()
	select {
	case <-c.workers.close():
	case <-ending.Done():
	}
	select {
	case <-listened: //nolint:errcheck // every answer is written; how mcp-go ends does not matter
	case <-ending.Done():
	}
	if o.OnEOF != nil {
		o.OnEOF()
	}
	return nil
}

// drain waits for the open requests, cancels those that take longer than the
// limit, and answers for those that do not heed that either. Where nobody reads
// the answers any more only what is about to end, such as a record being
// written, is waited for.
func (c *conn) drain(ctx context.Context, o Options) {
	c.cancel(c.calls.cancel(func(r *request) bool { return r.stream() }, false))
	idle := c.calls.idle()
	limit := time.Now().Add(o.Drain)
	for first := true; ; first = false {
		if wait(ctx, idle, min(grace, max(time.Until(limit), 0))) {
			return
		}
		if !time.Now().Before(limit) || o.Gone() && !first {
			break
		}
	}
	c.cancel(c.calls.cancel(func(*request) bool { return true }, false))
	if wait(ctx, idle, grace) {
		return
	}
	c.out.abandon()
}

func wait(ctx context.Context, idle <-chan struct{}, limit time.Duration) bool {
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return true
	case <-time.After(limit):
		return false
	}
}

// Progress writes a notifications/progress for the request behind ctx, before
// its result and past every queue. total 0 is unknown. It does nothing where
// the client gave no token, the request is cancelled or answered, or progress
// is not above the last one; it blocks while the client does not read.
func Progress(ctx context.Context, req mcp.CallToolRequest, progress, total float64, message string) {
	c := connOf(ctx)
	if c == nil || req.Params.Meta == nil || ctx.Err() != nil {
		return
	}
	// The token a handler sees is our own id of the request.
	if id, ok := req.Params.Meta.ProgressToken.(string); ok {
		c.out.progress(id, progress, total, message)
	}
}
