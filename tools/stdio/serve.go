// Package stdio is the transport: mcp-go's stdio server behind our own line
// reader and writer. stdout carries JSON-RPC and nothing else.
//
// Each request gets an id of our own on the way in and its own bytes back on
// the way out. So large and oddly typed ids come back as they were sent, a
// cancel finds its call whether it runs, waits or has just been sent, and
// progress is written before the result it belongs to, never after.
package stdio

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Options bound the transport; zero values take the defaults.
type Options struct {
	MaxLine int           // bytes of one message; 4 MiB
	Drain   time.Duration // after EOF calls in flight have so long to answer; 3 s
	Workers int           // calls served side by side; 64
	Queue   int           // calls that wait; 4096
	Log     *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxLine == 0 {
		o.MaxLine = 4 << 20
	}
	if o.Drain == 0 {
		o.Drain = 3 * time.Second
	}
	if o.Workers == 0 {
		o.Workers = 64
	}
	if o.Queue == 0 {
		o.Queue = 4096
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// afterDrain is what a call has to answer in once it was canceled at the end.
const afterDrain = 500 * time.Millisecond

// ServerOptions are what a server needs to be served by Serve: a middleware
// that ties each call's context to its cancel.
func ServerOptions() []server.ServerOption {
	return []server.ServerOption{server.WithToolHandlerMiddleware(cancellable)}
}

// Serve serves until the input ends, ctx ends or the output breaks. It returns
// nil at the end of input, when every call has been answered, and on the end of
// ctx at once, without waiting for a read on in; else the error of writing.
func Serve(ctx context.Context, srv *server.MCPServer, in io.Reader, out io.Writer, o Options) error {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := newConn(out, o)
	feed, lines := io.Pipe()
	go c.read(ctx, in, lines)

	s := server.NewStdioServer(srv)
	s.SetErrorLogger(log.New(logWriter{o.Log}, "", 0))
	server.WithWorkerPoolSize(o.Workers)(s)
	server.WithQueueSize(o.Queue)(s)
	s.SetContextFunc(func(ctx context.Context) context.Context { return context.WithValue(ctx, connKey{}, c) })

	done := make(chan error, 1)
	go func() { done <- s.Listen(ctx, feed, c) }()
	var err error
	select {
	case err = <-done:
	case err = <-c.broken:
		return err
	case <-ctx.Done():
		_ = feed.CloseWithError(context.Canceled)
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) {
		err = nil
	}
	select {
	case err = <-c.broken:
	default:
	}
	return err
}

type connKey struct{}

type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(p []byte) (int, error) {
	w.log.Warn("transport", "message", string(p))
	return len(p), nil
}

// cancellable runs a handler under a context that the client's cancel ends,
// and not at all if the cancel came first.
func cancellable(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		c, call := callOf(ctx, req)
		if c == nil {
			return next(ctx, req)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if !c.started(call, cancel) {
			return mcp.NewToolResultError("E_CANCELED: canceled before it began. retryable: yes"), nil
		}
		return next(ctx, req)
	}
}

// callOf finds the connection and our id of a call.
func callOf(ctx context.Context, req mcp.CallToolRequest) (*conn, string) {
	c, _ := ctx.Value(connKey{}).(*conn)
	if c == nil || req.Params.Meta == nil {
		return nil, ""
	}
	call, _ := req.Params.Meta.AdditionalFields[callField].(string)
	if call == "" {
		return nil, ""
	}
	return c, call
}

// Progress reports on a call to its client, straight to the output and so
// before its result. It does nothing where the client asked for none, or after
// the result. Values only rise; total 0 = unknown. Messages are for people.
func Progress(ctx context.Context, req mcp.CallToolRequest, done, total float64, message string) {
	if c, call := callOf(ctx, req); c != nil {
		c.progress(call, done, total, message)
	}
}
