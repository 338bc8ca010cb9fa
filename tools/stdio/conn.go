package stdio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mark3labs/mcp-go/mcp"
)

type connKey struct{}

// conn is one client: the requests it waits for, the way into mcp-go (feed,
// read back as fed) and the way out.
type conn struct {
	calls *requests
	out   *writer
	feed  *io.PipeWriter
	fed   *io.PipeReader
	max   int
	check func(method string, params json.RawMessage) error
}

func newConn(out io.Writer, o Options) *conn {
	calls := newRequests(o.Workers+o.Queue, openLines*o.MaxLine)
	fed, feed := io.Pipe()
	return &conn{calls: calls, out: newWriter(out, calls), feed: feed, fed: fed, max: o.MaxLine, check: o.Check}
}

// pump hands the client's lines to mcp-go until they end; nil is end of file.
func (c *conn) pump(lines *lineReader) error {
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, errLineTooLong):
			c.out.refuse(refusal{idIn(line), mcp.INVALID_REQUEST, fmt.Sprintf("line longer than %d bytes refused", c.max)})
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("stdio: read: %w", err)
		}
		m, refused := parse(line)
		if refused == nil {
			refused = c.accept(m, len(line))
		}
		if refused != nil {
			c.out.refuse(*refused)
		}
	}
}

// accept passes one message on.
func (c *conn) accept(m message, size int) *refusal {
	switch {
	case m.Method == nil:
		// An answer to a question of ours; this server asks none.
	case m.ID == nil && *m.Method == methodCancelled:
		c.cancel(c.calls.cancel(cancelled(m.Params), true))
	case m.ID == nil:
		c.pass(m.encode(""))
	default:
		if err := c.check(*m.Method, m.Params); err != nil {
			return &refusal{m.ID, mcp.INVALID_PARAMS, err.Error()}
		}
		r := c.calls.open(&m, size)
		if r == nil {
			return &refusal{m.ID, codeOverloaded, "too many open requests; wait for an answer and try again"}
		}
		c.pass(m.encode(r.id))
	}
	return nil
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
