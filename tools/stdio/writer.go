package stdio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"
)

const subscriptionID = `_meta.io\.modelcontextprotocol/subscriptionId`

// writer is the only way out: one message, one line, one Write. It gives
// answers back the client's id and drops those nobody waits for.
type writer struct {
	mu     sync.Mutex // held over a whole message, so that no progress follows its result
	out    io.Writer
	calls  *requests
	failed chan error // the first failed write
	closed atomic.Bool
}

func newWriter(out io.Writer, calls *requests) *writer {
	return &writer{out: out, calls: calls, failed: make(chan error, 1)}
}

// Write takes one message of mcp-go. It never fails: what became of the client
// is reported by failed, once.
func (w *writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := gjson.GetBytes(line, "id")
	switch {
	case id.Type == gjson.String: // only our ids are strings
		if r := w.calls.find(id.Str); r != nil {
			w.answer(r, line, id)
		}
	case gjson.GetBytes(line, "method").Str == mcp.MethodNotificationSubscriptionsAcknowledged:
		w.acknowledge(line)
	default:
		w.emit(line)
	}
	return len(line), nil
}

func (w *writer) answer(r *request, line []byte, id gjson.Result) {
	if w.calls.isSilent(r) {
		w.calls.remove(r)
		return
	}
	line, _ = splice(line, id, string(r.original))
	if r.stream() && gjson.GetBytes(line, "result").Exists() {
		line, _ = splice(line, gjson.GetBytes(line, "result."+subscriptionID), string(r.original))
		if !r.acknowledged {
			// The acknowledgement took mcp-go's slower way; it must come first.
			r.held = bytes.Clone(line)
			return
		}
	}
	w.emit(line)
	w.calls.remove(r)
}

// acknowledge writes the opening of a stream, and what was held back for it.
func (w *writer) acknowledge(line []byte) {
	id := gjson.GetBytes(line, "params."+subscriptionID)
	r := w.calls.find(id.String())
	if r == nil || w.calls.isSilent(r) {
		return
	}
	line, _ = splice(line, id, string(r.original))
	w.emit(line)
	r.acknowledged = true
	if r.held != nil {
		w.emit(r.held)
		w.calls.remove(r)
	}
}

func (w *writer) progress(id string, progress, total float64, message string) {
	if math.IsNaN(progress+total) || math.IsInf(progress+total, 0) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.calls.find(id)
	if r == nil || r.token == nil || progress <= r.last || w.calls.isSilent(r) {
		return
	}
	r.last = progress
	w.send(struct {
		JSONRPC string                         `json:"jsonrpc"`
		Method  string                         `json:"method"`
		Params  mcp.ProgressNotificationParams `json:"params"`
	}{mcp.JSONRPC_VERSION, methodProgress, mcp.ProgressNotificationParams{
		ProgressToken: r.token, Progress: progress, Total: total, Message: message}})
}

func (w *writer) refuse(r refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sendRefusal(r)
}

// abandon answers every request that is still open; what its handler has to
// say later is dropped.
func (w *writer) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.calls.all() {
		if !w.calls.isSilent(r) {
			w.sendRefusal(refusal{r.original, mcp.INTERNAL_ERROR, "canceled: input ended and the call did not end in time"})
		}
		w.calls.remove(r)
	}
}

func (w *writer) sendRefusal(r refusal) {
	w.send(struct { // as mcp.JSONRPCError, but with the id to the byte
		JSONRPC string                  `json:"jsonrpc"`
		ID      json.RawMessage         `json:"id"` // nil encodes as null
		Error   mcp.JSONRPCErrorDetails `json:"error"`
	}{mcp.JSONRPC_VERSION, r.id, mcp.NewJSONRPCErrorDetails(r.code, r.text, nil)})
}

func (w *writer) send(v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) == nil { // cannot fail: its raw parts have been parsed
		w.emit(b.Bytes())
	}
}

// emit writes one line, unless Serve has ended or an earlier write failed.
func (w *writer) emit(line []byte) {
	if w.closed.Load() {
		return
	}
	if _, err := w.out.Write(line); err != nil {
		w.closed.Store(true)
		w.failed <- fmt.Errorf("stdio: write: %w", err)
	}
}
