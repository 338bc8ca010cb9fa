package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeOllama speaks as much of Ollama's API as the router uses, and can be made
// to fail in ways that a real server only shows by luck.
type fakeOllama struct {
	URL string

	mu           sync.Mutex
	chat         http.HandlerFunc // answers a generation
	load         http.HandlerFunc // answers a load; nil = at once
	control      http.HandlerFunc // answers everything else; nil = as a healthy server
	loaded       bool
	loadedCtx    int
	capabilities string
	contextMost  int
	requests     []chatSent
	paths        map[string]int
	inFlight     atomic.Int64
	mostInFlight atomic.Int64
}

// chatSent is what a call sent.
type chatSent struct {
	Model    string
	Messages []struct{ Role, Content string }
	Options  map[string]any
	Truncate *bool
	Shift    *bool
	Think    json.RawMessage
	Format   json.RawMessage
	Logprobs bool
}

const (
	testModel = "tiny:latest"
	testCtx   = 4096
)

// newFake starts a server with the model loaded that answers reply.
func newFake(t testing.TB, chat http.HandlerFunc) *fakeOllama {
	t.Helper()
	f := &fakeOllama{chat: chat, loaded: true, loadedCtx: testCtx, capabilities: `["completion"]`, contextMost: 131072, paths: map[string]int{}}
	f.serve(t)
	return f
}

func (f *fakeOllama) serve(t testing.TB) {
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	f.URL = s.URL
}

func (f *fakeOllama) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.paths[r.URL.Path]++
	chat, load, control := f.chat, f.load, f.control
	f.mu.Unlock()
	if r.URL.Path != "/api/chat" {
		if control != nil {
			control(w, r)
			return
		}
		f.healthy(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	var sent chatSent
	if err != nil || json.Unmarshal(body, &sent) != nil {
		http.Error(w, `{"error":"unexpected EOF"}`, http.StatusBadRequest)
		return
	}
	if len(sent.Messages) == 0 {
		if load != nil {
			load(w, r)
		}
		if r.Context().Err() == nil {
			f.setLoaded(true)
			fmt.Fprint(w, `{"model":"tiny","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`)
		}
		return
	}
	f.mu.Lock()
	f.requests = append(f.requests, sent)
	f.mu.Unlock()
	n := f.inFlight.Add(1)
	defer f.inFlight.Add(-1)
	for most := f.mostInFlight.Load(); n > most && !f.mostInFlight.CompareAndSwap(most, n); most = f.mostInFlight.Load() {
	}
	chat(w, r)
}

func (f *fakeOllama) healthy(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.URL.Path {
	case "/api/version":
		fmt.Fprint(w, `{"version":"0.24.0"}`)
	case "/api/tags":
		fmt.Fprint(w, `{"models":[{"name":"tiny:latest","digest":"abc"}]}`)
	case "/api/ps":
		if !f.loaded {
			fmt.Fprint(w, `{"models":[]}`)
			return
		}
		fmt.Fprintf(w, `{"models":[{"name":"other:7b","context_length":1},{"name":"tiny:latest","context_length":%d}]}`, f.loadedCtx)
	case "/api/show":
		fmt.Fprintf(w, `{"capabilities":%s,"model_info":{"general.architecture":"llama","llama.context_length":%d}}`, f.capabilities, f.contextMost)
	default:
		http.NotFound(w, r)
	}
}

func (f *fakeOllama) setLoaded(v bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded, f.loadedCtx = v, testCtx
}

func (f *fakeOllama) seen(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paths[path]
}

func (f *fakeOllama) sent(t testing.TB) []chatSent {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]chatSent(nil), f.requests...)
}

// chunk is one line of a streamed answer.
func chunk(content string) string {
	return fmt.Sprintf(`{"model":"tiny","message":{"role":"assistant","content":%q},"done":false}`+"\n", content)
}

// end is the last line of a streamed answer.
func end(reason string, in, out int) string {
	return fmt.Sprintf(`{"model":"tiny","message":{"role":"assistant","content":""},"done":true,"done_reason":%q,"prompt_eval_count":%d,"eval_count":%d}`+"\n", reason, in, out)
}

// says answers with whole lines.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func good() string { return chunk(`{"complexity":`) + chunk(`"low"}`) + end("stop", 700, 9) }

// books is a ledger and a budget that remember.
type books struct {
	mu       sync.Mutex
	rows     []CallRecord
	reserved []float64
	settled  []float64
	refuse   error
}

func (b *books) Call(_ context.Context, c CallRecord) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, c)
	return nil
}

func (b *books) Reserve(_ context.Context, _ Tier, usd float64) (func(context.Context, float64) error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.reserved = append(b.reserved, usd)
	return func(_ context.Context, usd float64) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.settled = append(b.settled, usd)
		return nil
	}, nil
}

func (b *books) results() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.rows {
		out = append(out, string(r.Tier)+" "+r.Result)
	}
	return out
}

const lowSchema = `{"type":"object","properties":{"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["complexity"],"additionalProperties":false}`

func question1() Request {
	return Request{Purpose: "classify", TicketID: "T-1", System: "Classify.", User: "Fix the crash.", Schema: json.RawMessage(lowSchema), MaxTokens: 60}
}

// testConfig has limits that no healthy call reaches on a loaded machine.
func testConfig(t testing.TB, url string) Config {
	t.Helper()
	return Config{OllamaURL: url, Model: "tiny", NumCtx: testCtx, KeepAlive: time.Minute, Slots: 1, SlotDir: t.TempDir(),
		ConnectTimeout: 20 * time.Second, LoadTimeout: time.Minute, FirstTokenTimeout: time.Minute, TokenTimeout: time.Minute, LoadGrace: 50 * time.Millisecond}
}

func newRouter(t testing.TB, cfg Config) (*Router, *books) {
	t.Helper()
	b := &books{}
	r := New(cfg, b, b)
	t.Cleanup(func() {
		r.ollama.client().CloseIdleConnections()
		r.proxy.client().CloseIdleConnections()
	})
	return r, b
}

// within is a context that ends long after anything that works.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), d)
	t.Cleanup(stop)
	return ctx
}

// eventually polls until a condition holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
