package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

const (
	idPrefix  = "localmodel-call-"
	callField = "localmodel/call" // in a call's _meta: our id of it
)

// conn is one client's connection: the requests not answered yet, and the one
// writer.
type conn struct {
	o      Options
	broken chan error // the output's first error

	mu   sync.Mutex
	last int
	open map[string]*request
	idle chan struct{} // closed and replaced whenever a request is answered

	out     sync.Mutex // one line at a time
	w       io.Writer
	partial []byte
}

// request is one that the client waits for.
type request struct {
	rawID    []byte
	token    string // raw progress token; "" = none asked for
	progress float64
	stream   bool // stays open by design, until the connection ends
	canceled bool // by the client: it expects no reply
	cancel   context.CancelFunc
}

func newConn(w io.Writer, o Options) *conn {
	return &conn{o: o, w: w, broken: make(chan error, 1), open: map[string]*request{}, idle: make(chan struct{})}
}

// read moves messages from the client to the server until the input ends and
// what is in flight is answered.
func (c *conn) read(ctx context.Context, in io.Reader, to *io.PipeWriter) {
	r := newReader(in, c.o.MaxLine)
	for {
		line, err := r.next()
		if err == errTooLong { //nolint:errorlint // our own, never wrapped
			c.refuse(-32600, fmt.Sprintf("message too long: at most %d bytes in one line", c.o.MaxLine))
			continue
		}
		if err != nil {
			break
		}
		if line = c.accept(line); line == nil {
			continue
		}
		if _, err := to.Write(append(line, '\n')); err != nil {
			return
		}
	}
	c.drain(ctx)
	_ = to.Close()
}

// accept checks a line and gives it as the server gets it; nil = dealt with.
func (c *conn) accept(line []byte) []byte {
	line = bytes.TrimSpace(line)
	switch {
	case len(line) == 0:
		return nil
	case !json.Valid(line):
		c.refuse(-32700, "parse error: the line is not one JSON value")
		return nil
	case line[0] != '{':
		c.refuse(-32600, "invalid request: one JSON-RPC object a line; batches are not supported")
		return nil
	}
	method, id := gjson.GetBytes(line, "method"), gjson.GetBytes(line, "id")
	switch {
	case method.Str == "notifications/cancelled":
		c.cancelled(gjson.GetBytes(line, "params.requestId").Raw)
		return nil
	case method.Type != gjson.String || !id.Exists() || id.Type == gjson.Null:
		return line
	}
	return c.request(line, method.Str, id.Raw)
}

// request notes a request and puts our id in the place of the client's.
func (c *conn) request(line []byte, method, rawID string) []byte {
	r := &request{rawID: []byte(rawID), stream: method == "subscriptions/listen"}
	if t := gjson.GetBytes(line, "params._meta.progressToken"); t.Type == gjson.String || t.Type == gjson.Number {
		r.token = t.Raw
	}
	c.mu.Lock()
	c.last++
	key := idPrefix + strconv.Itoa(c.last)
	c.open[key] = r
	c.mu.Unlock()
	out, err := sjson.SetBytes(line, "id", key)
	if err == nil && method == "tools/call" && gjson.GetBytes(line, "params").IsObject() {
		out, err = sjson.SetBytes(out, "params._meta."+callField, key)
	}
	if err != nil { // an object that cannot be edited, such as a _meta that is none
		c.answer(key)
		c.write(errorLine(r.rawID, -32600, "invalid request: "+err.Error()))
		return nil
	}
	return out
}

// cancelled ends the newest open request with the client's id.
func (c *conn) cancelled(rawID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var newest *request
	highest := -1
	for key, r := range c.open {
		if n, _ := strconv.Atoi(strings.TrimPrefix(key, idPrefix)); string(r.rawID) == rawID && n > highest {
			newest, highest = r, n
		}
	}
	if newest == nil {
		return
	}
	newest.canceled = true
	if newest.cancel != nil {
		newest.cancel()
	}
}

// started ties a call to its cancel; false = it was canceled before.
func (c *conn) started(key string, cancel context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.open[key]
	if r == nil {
		return true
	}
	r.cancel = cancel
	return !r.canceled
}

// answer takes a request off the list.
func (c *conn) answer(key string) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.open[key]
	if r != nil {
		delete(c.open, key)
		close(c.idle)
		c.idle = make(chan struct{})
	}
	return r
}

// drain waits for what is in flight at the end of input, then cancels it and
// waits a little for those answers too.
func (c *conn) drain(ctx context.Context) {
	if c.wait(ctx, c.o.Drain) {
		return
	}
	c.mu.Lock()
	for _, r := range c.open {
		if r.cancel != nil {
			r.cancel()
		}
	}
	c.mu.Unlock()
	c.wait(ctx, afterDrain)
}

// wait returns true when every request that ends by itself is answered.
func (c *conn) wait(ctx context.Context, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		c.mu.Lock()
		waiting, idle := 0, c.idle
		for _, r := range c.open {
			if !r.stream {
				waiting++
			}
		}
		c.mu.Unlock()
		if waiting == 0 {
			return true
		}
		select {
		case <-idle:
		case <-t.C:
			return false
		case <-ctx.Done():
			return true
		}
	}
}

// Write takes the server's lines and gives each reply its client's id back.
func (c *conn) Write(p []byte) (int, error) {
	c.out.Lock()
	defer c.out.Unlock()
	c.partial = append(c.partial, p...)
	for {
		i := bytes.IndexByte(c.partial, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := c.partial[:i]
		if err := c.reply(line); err != nil {
			return 0, err
		}
		c.partial = c.partial[i+1:]
		if len(c.partial) == 0 {
			c.partial = nil
		}
	}
}

// reply writes one of the server's messages; c.out is held.
func (c *conn) reply(line []byte) error {
	key := gjson.GetBytes(line, "id").Str
	if !strings.HasPrefix(key, idPrefix) {
		return c.line(line)
	}
	r := c.take(key)
	if r == nil {
		return nil
	}
	var err error
	if !r.canceled {
		if line, err = sjson.SetRawBytes(line, "id", r.rawID); err == nil {
			err = c.line(line)
		}
	}
	c.answer(key)
	return err
}

// take looks a request up without taking it off the list: it counts as open
// until its reply is written.
func (c *conn) take(key string) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.open[key]
	if r != nil {
		r.token = "" // no progress after the result
	}
	return r
}

func (c *conn) refuse(code int, message string) { c.write(errorLine([]byte("null"), code, message)) }

func errorLine(id []byte, code int, message string) []byte {
	text, _ := json.Marshal(message) // a string always marshals
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s}}`, id, code, text)
}

func (c *conn) write(line []byte) {
	c.out.Lock()
	defer c.out.Unlock()
	_ = c.line(line) // line itself reports it
}

// line writes one line in one write; c.out is held.
func (c *conn) line(line []byte) error {
	_, err := c.w.Write(append(bytes.Clone(line), '\n'))
	if err != nil {
		select {
		case c.broken <- fmt.Errorf("write to client: %w", err):
		default:
		}
	}
	return err
}

// progress writes a notification, unless the result is out already.
func (c *conn) progress(key string, done, total float64, message string) {
	c.out.Lock()
	defer c.out.Unlock()
	c.mu.Lock()
	r := c.open[key]
	if r == nil || r.token == "" || r.canceled {
		c.mu.Unlock()
		return
	}
	if done <= r.progress {
		done = r.progress + 1
	}
	r.progress = done
	token := r.token
	c.mu.Unlock()
	params := struct {
		Token    json.RawMessage `json:"progressToken"`
		Progress float64         `json:"progress"`
		Total    float64         `json:"total,omitempty"`
		Message  string          `json:"message,omitempty"`
	}{json.RawMessage(token), done, max(total, 0), message}
	if params.Total > 0 && params.Total < done {
		params.Total = done
	}
	text, err := json.Marshal(params)
	if err != nil {
		return
	}
	_ = c.line(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/progress","params":%s}`, text)) // line itself reports it
}
