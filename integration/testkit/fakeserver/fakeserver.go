// Package fakeserver imitates Ollama and LiteLLM in the faults that the real
// servers show only by luck.
package fakeserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Server speaks as much of Ollama's API as the router uses, and can be made
// to fail in ways that a real server only shows by luck.
type Server struct {
	URL string

	mu           sync.Mutex
	Chat         http.HandlerFunc // answers a generation
	Load         http.HandlerFunc // answers a load; nil = at once
	Control      http.HandlerFunc // answers everything else; nil = as a healthy server
	Loaded       bool
	LoadedCtx    int
	Capabilities string
	ContextMost  int
	requests     []Sent
	loads        []Sent
	paths        map[string]int
	inFlight     atomic.Int64
	MostInFlight atomic.Int64
}

// Sent is what a call sent.
type Sent struct {
	Model    string
	Messages []struct{ Role, Content string }
	Options  map[string]any
	Truncate *bool
	Shift    *bool
	Think    json.RawMessage
	Format   json.RawMessage
	Logprobs bool
	Keep     json.RawMessage `json:"keep_alive"`
}

// The model that New's server has, and its window.
const (
	Model  = "tiny:latest"
	NumCtx = 4096
)

// New starts a server with the model loaded that answers reply.
func New(t testing.TB, chat http.HandlerFunc) *Server {
	t.Helper()
	f := &Server{Chat: chat, Loaded: true, LoadedCtx: NumCtx, Capabilities: `["completion"]`, ContextMost: 131072, paths: map[string]int{}}
	f.serve(t)
	return f
}

func (f *Server) serve(t testing.TB) {
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	f.URL = s.URL
}

func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.paths[r.URL.Path]++
	chat, load, control := f.Chat, f.Load, f.Control
	f.mu.Unlock()
	// A server that has not read the body does not see its client hang up.
	body, err := io.ReadAll(r.Body)
	if r.URL.Path != "/api/chat" {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if control == nil {
			control = f.Healthy
		}
		control(w, r)
		return
	}
	var sent Sent
	if err != nil || json.Unmarshal(body, &sent) != nil {
		http.Error(w, `{"error":"unexpected EOF"}`, http.StatusBadRequest)
		return
	}
	if len(sent.Messages) == 0 {
		f.mu.Lock()
		f.loads = append(f.loads, sent)
		f.mu.Unlock()
		if load != nil {
			load(w, r)
		}
		if r.Context().Err() == nil {
			f.SetLoaded(true)
			fmt.Fprint(w, `{"model":"tiny","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`)
		}
		return
	}
	f.mu.Lock()
	f.requests = append(f.requests, sent)
	n := f.inFlight.Add(1)
	f.MostInFlight.Store(max(n, f.MostInFlight.Load()))
	f.mu.Unlock()
	defer f.inFlight.Add(-1)
	chat(w, r)
}

// Healthy answers as a server does that is well.
func (f *Server) Healthy(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.URL.Path {
	case "/api/version":
		fmt.Fprint(w, `{"version":"0.24.0"}`)
	case "/api/tags":
		fmt.Fprint(w, `{"models":[{"name":"tiny:latest","digest":"abc"}]}`)
	case "/api/ps":
		if !f.Loaded {
			fmt.Fprint(w, `{"models":[]}`)
			return
		}
		fmt.Fprintf(w, `{"models":[{"name":"other:7b","context_length":1},{"name":"tiny:latest","context_length":%d}]}`, f.LoadedCtx)
	case "/api/show":
		fmt.Fprintf(w, `{"capabilities":%s,"model_info":{"general.architecture":"llama","llama.context_length":%d}}`, f.Capabilities, f.ContextMost)
	default:
		http.NotFound(w, r)
	}
}

// SetLoaded says whether the model is in memory.
func (f *Server) SetLoaded(v bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Loaded, f.LoadedCtx = v, NumCtx
}

// Seen counts the requests to a path.
func (f *Server) Seen(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paths[path]
}

// Requests lists the generations asked for.
func (f *Server) Requests(t testing.TB) []Sent {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Chunk is one line of a streamed answer.
func Chunk(content string) string {
	return fmt.Sprintf(`{"model":"tiny","message":{"role":"assistant","content":%q},"done":false}`+"\n", content)
}

// End is the last line of a streamed answer.
func End(reason string, in, out int) string {
	return fmt.Sprintf(`{"model":"tiny","message":{"role":"assistant","content":""},"done":true,"done_reason":%q,"prompt_eval_count":%d,"eval_count":%d}`+"\n", reason, in, out)
}

// Says answers with whole lines.
func Says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// Good is a whole answer.
func Good() string { return Chunk(`{"complexity":`) + Chunk(`"low"}`) + End("stop", 700, 9) }

// Books is a ledger and a budget that remember.
type Books struct {
	mu       sync.Mutex
	Rows     []routing.CallRecord
	Reserved []float64
	Settled  []float64
	Refuse   error
	Earlier  []policy.Timing // calls that were made before
}

// Timings are the earlier calls.
func (b *Books) Timings(context.Context, string) ([]policy.Timing, error) { return b.Earlier, nil }

// Call keeps a row.
func (b *Books) Call(_ context.Context, c routing.CallRecord) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Rows = append(b.Rows, c)
	return nil
}

// Reserve keeps an estimate, or refuses.
func (b *Books) Reserve(_ context.Context, _ policy.Tier, usd float64) (func(context.Context, float64) error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Refuse != nil {
		return nil, b.Refuse
	}
	b.Reserved = append(b.Reserved, usd)
	return func(_ context.Context, usd float64) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.Settled = append(b.Settled, usd)
		return nil
	}, nil
}

// Results lists tier and end of each call.
func (b *Books) Results() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.Rows {
		out = append(out, string(r.Tier)+" "+r.Result)
	}
	return out
}

// lowSchema is a reply schema that Good fits.
const lowSchema = `{"type":"object","properties":{"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["complexity"],"additionalProperties":false}`

// Question asks for a complexity.
func Question() routing.Request {
	return routing.Request{Purpose: "classify", TicketID: "T-1", System: "Classify.", User: "Fix the crash.", Schema: json.RawMessage(lowSchema), MaxTokens: 60}
}

// Within is a context that ends long after anything that works.
func Within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), d)
	t.Cleanup(stop)
	return ctx
}

// NewProxy imitates a LiteLLM proxy.
func NewProxy(t testing.TB, chat http.HandlerFunc) *Server {
	t.Helper()
	f := &Server{paths: map[string]int{}, Control: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/chat/completions" {
			chat(w, r)
			return
		}
		fmt.Fprint(w, `{"status":"healthy"}`)
	}}
	f.serve(t)
	return f
}

// ProxySays answers with a complexity.
func ProxySays(complexity string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-litellm-response-cost", "0.001")
		fmt.Fprintf(w, `{"model":"claude-haiku-4-5","choices":[{"finish_reason":"stop","message":{"content":"{\"complexity\":\"%s\"}"}}],"usage":{"prompt_tokens":700,"completion_tokens":9}}`, complexity)
	}
}

// Unanswered is the error of a call that no tier answered.
func Unanswered(t *testing.T, err error) *routing.Unanswered {
	t.Helper()
	var none *routing.Unanswered
	if !errors.As(err, &none) {
		t.Fatalf("got %v", err)
	}
	return none
}

// SetControl changes what answers everything but chats.
func (f *Server) SetControl(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Control = h
}

// Loads lists the loads asked for.
func (f *Server) Loads(t testing.TB) []Sent {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.loads)
}
