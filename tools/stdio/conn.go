package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type connKey struct{}

// conn is one client: the requests it waits for, the way into mcp-go (feed,
// read back as fed; the workers for tool calls) and the way out.
type conn struct {
	calls   *requests
	out     *writer
	feed    *io.PipeWriter
	fed     *io.PipeReader
	workers *workers
	max     int
	check   func(method string, params json.RawMessage) error
	log     *slog.Logger

	initialized <-chan struct{} // closed when the last initialize is answered; nil = none; the reader's

	srv     *server.MCPServer
	session context.Context //nolint:containedctx // of mcp-go's session; set when opened is closed
	opened  chan struct{}
}

func newConn(srv *server.MCPServer, out io.Writer, o Options) *conn {
	calls := newRequests(o.Workers+o.Queue, openLines*o.MaxLine)
	fed, feed := io.Pipe()
	return &conn{calls: calls, out: newWriter(out, calls), feed: feed, fed: fed, workers: newWorkers(o.Workers),
		max: o.MaxLine, check: o.Check, log: o.Log, srv: srv, opened: make(chan struct{})}
}

// pump hands the client's lines on until they end; what ended them goes to
// ended, nil for the end of the file. It returns sooner where another goroutine
// went on with the lines while it ran a call.
func (c *conn) pump(ctx context.Context, lines *lineReader, ended chan<- error) {
	for {
		call, err := c.readCall(ctx, lines)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			ended <- err
			return
		}
		if !c.workers.enter(call) {
			continue
		}
		if c.workers.run(call, lines.r.Buffered() > 0, func() { c.pump(ctx, lines, ended) }) {
			return
		}
	}
}

// readCall reads until there is a tool call, and hands on what comes before it.
func (c *conn) readCall(ctx context.Context, lines *lineReader) (call func(), err error) {
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, errLineTooLong):
			c.out.refuse(refusal{idIn(line), mcp.INVALID_REQUEST, fmt.Sprintf("line longer than %d bytes refused", c.max)})
			continue
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case err != nil:
			return nil, fmt.Errorf("stdio: read: %w", err)
		}
		m, refused := parse(line)
		if refused == nil {
			call, refused = c.accept(ctx, m, len(line))
		}
		if refused != nil {
			c.out.refuse(*refused)
		}
		if call != nil {
			return call, nil
		}
	}
}

// accept passes one message on, but for a tool call, which it returns.
func (c *conn) accept(ctx context.Context, m message, size int) (call func(), refused *refusal) {
	switch {
	case m.Method == nil:
		// An answer to a question of ours; this server asks none.
	case m.ID == nil && *m.Method == methodCancelled:
		c.cancel(c.calls.cancel(cancelled(m.Params), true))
	case m.ID == nil:
		c.pass(m.encode(""))
	default:
		if err := c.check(*m.Method, m.Params); err != nil {
			return nil, &refusal{m.ID, mcp.INVALID_PARAMS, err.Error()}
		}
		r := c.calls.open(&m, size)
		if r == nil {
			return nil, &refusal{m.ID, codeOverloaded, "too many open requests; wait for an answer and try again"}
		}
		text := m.encode(r.id)
		if *m.Method == methodCall {
			first := c.initialized
			return func() { c.call(ctx, first, r.id, text) }, nil
		}
		if r.ended != nil {
			c.initialized = r.ended
		}
		c.pass(text)
	}
	return nil, nil
}

// call runs a tool call. It goes past mcp-go's read loop and queue: they parse
// it five times and hand it through four goroutines, which takes as long as a
// durable record takes beside its flush. It waits for the answer to an initialize
// before it: a client that sends both at once may read them in that order.
func (c *conn) call(ctx context.Context, initialized <-chan struct{}, id string, text []byte) {
	for _, first := range []<-chan struct{}{c.opened, initialized} {
		if first == nil {
			continue
		}
		select {
		case <-first:
		case <-ctx.Done():
			return
		}
	}
	response := c.handle(id, text)
	if response == nil {
		return
	}
	line, err := json.Marshal(response)
	if err != nil {
		c.log.Error("result not written", "err", err)
		line, _ = json.Marshal(internalError(id, err)) // strings always marshal
	}
	_, _ = c.out.Write(append(line, '\n')) // it never fails
}

// handle is HandleMessage; a panic outside a handler costs one answer, not the
// session.
func (c *conn) handle(id string, text []byte) (response mcp.JSONRPCMessage) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a tool call", "panic", p, "stack", string(debug.Stack()))
			response = internalError(id, fmt.Errorf("internal panic: %v", p))
		}
	}()
	return c.srv.HandleMessage(c.session, text)
}

func internalError(id string, err error) mcp.JSONRPCError {
	return mcp.NewJSONRPCError(mcp.NewRequestId(id), mcp.INTERNAL_ERROR, err.Error(), nil)
}

// cancelled finds the requests a notifications/cancelled means.
func cancelled(params json.RawMessage) func(*request) bool {
	var p struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(params, &p) != nil || p.RequestID == nil {
		return func(*request) bool { return false }
	}
	wanted := key(p.RequestID)
	return func(r *request) bool { return r.key == wanted }
}

// cancel cancels the contexts of requests already marked as cancelled.
func (c *conn) cancel(ids []string) {
	for _, id := range ids {
		c.pass(cancelLine(id))
	}
}

// pass writes to mcp-go; it fails only once Serve has ended.
func (c *conn) pass(line []byte) { _, _ = c.feed.Write(line) }

var errCanceled = errors.New("request canceled before it started")

// ServerOptions are the options a server needs so that Serve can cancel a
// request that has not started yet:
//
//	server.NewMCPServer(name, version, append(options, stdio.ServerOptions()...)...)
//
// They set the server's hooks. Add own hooks to server.GetHooks() afterwards: a
// second server.WithHooks would replace these. Without Serve they do nothing.
func ServerOptions() []server.ServerOption {
	h := &server.Hooks{}
	// mcp-go forgets a cancel that comes before it has made the request's
	// context. By the time of this hook it has: the cancel is made up for here,
	// and one that comes later finds the context.
	h.AddBeforeAny(func(ctx context.Context, id any, _ mcp.MCPMethod, _ any) {
		if c := connOf(ctx); c != nil && c.calls.isCanceled(id) {
			server.ServerFromContext(ctx).HandleMessage(ctx, cancelLine(id.(string)))
		}
	})
	return []server.ServerOption{server.WithHooks(h), server.WithToolHandlerMiddleware(unlessCanceled)}
}

// unlessCanceled keeps a handler from starting with a dead context.
func unlessCanceled(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if ctx.Err() != nil {
			return nil, errCanceled
		}
		return next(ctx, req)
	}
}

func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}
