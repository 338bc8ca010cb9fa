// Package silence shows on a real Ollama that no answer is wrong by silence: a
// prompt is never cut, calls queue instead of thrashing, a cancel arrives, and
// the leading prompt is read once.
package silence

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/deps"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("SILENCE_CHILD"); job != "" {
		os.Exit(child(job))
	}
	os.Exit(ollamatest.Main(m))
}

// rows is a ledger; no call is paid.
type rows struct {
	mu   sync.Mutex
	list []routing.CallRecord
}

func (r *rows) Call(_ context.Context, c routing.CallRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, c)
	return nil
}

func (r *rows) results() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, c := range r.list {
		out = append(out, c.Purpose+" "+c.Result)
	}
	return strings.Join(out, ", ")
}

func settings(t testing.TB, ollama, model string) tiers.Config {
	t.Helper()
	return tiers.Config{OllamaURL: ollama, Model: model, NumCtx: 4096, KeepAlive: time.Hour, Slots: 1, SlotDir: t.TempDir(),
		ConnectTimeout: 30 * time.Second, FirstTokenTimeout: 2 * time.Minute, TokenTimeout: time.Minute}
}

// project is the tools over a project of their own, with one ticket in it.
func project(t *testing.T, asker deps.Asker, body string) *tools.Deps {
	t.Helper()
	root := t.TempDir()
	ticket := "---\nid: N-1\ntitle: The button does nothing\n---\n\n# The button does nothing\n\n" + body +
		"\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n| main.go | modify | |\n\n## Acceptance Criteria\n\n- [ ] AC-1: It does something.\n"
	for name, text := range map[string]string{"ticket.md": ticket, "main.go": "package main\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := statestore.New(journal.Options{State: filepath.Join(root, "state", "journal.db"), Root: root})
	t.Cleanup(func() { _ = store.Close() })
	return &tools.Deps{Root: root, Model: "any", NumCtx: 4096, Deadline: 5 * time.Minute, Guard: policy.Guard{Mode: "always"},
		Asker: asker, Journal: store, Log: slog.New(slog.DiscardHandler)}
}

func use(t *testing.T, d *tools.Deps, name string, arguments map[string]any, result any) {
	t.Helper()
	raw, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.All(d) {
		if tool.Declaration.Name != name {
			continue
		}
		text, err := tool.Run(t.Context(), d, tools.Call{Arguments: raw})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, result); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return
	}
	t.Fatalf("no tool %s", name)
}

type result struct {
	Tickets []struct {
		By, Why string
		Answer  struct{ Reason string }
	}
	By     string
	Plan   string
	Answer struct{ Reason string }
}

// A prompt that does not fit is never answered from its rest. At 40,000 tokens
// the estimate sees it; at 9,000, which it takes for 3,300, the server does. In
// the tiny models a token is a byte.
func TestLongPromptIsNeverCut(t *testing.T) {
	server := ollamatest.Shared(t)
	for _, c := range []struct {
		model, says string
		bytes       int
	}{
		{ollamatest.Steered, "tokens, too long for the window of 4096", 40_000},
		{ollamatest.TinyLlama, "tokens, too long for the window of 4096", 40_000},
		{ollamatest.Steered, "the prompt does not fit the model's context window", 6000},
		{ollamatest.TinyLlama, "the prompt does not fit the model's context window", 6000},
	} {
		t.Run(fmt.Sprintf("%s %d", c.model, c.bytes), func(t *testing.T) {
			kept := &rows{}
			d := project(t, tiers.New(t, settings(t, server.URL, c.model), kept, nil), strings.Repeat("word ", c.bytes/5))
			var classified, planned result
			use(t, d, "classify_ticket", map[string]any{"ticket_paths": []string{"ticket.md"}, "route": "local", "explain": true}, &classified)
			use(t, d, "plan_ticket", map[string]any{"ticket_path": "ticket.md", "route": "local"}, &planned)
			row := classified.Tickets[0]
			if row.By != "rules" || !strings.Contains(row.Answer.Reason, c.says) || !strings.Contains(row.Why, "too big") {
				t.Errorf("classify: %+v", row)
			}
			if planned.By != "template" || !strings.Contains(planned.Answer.Reason, "window") || !strings.Contains(planned.Plan, "main.go") {
				t.Errorf("plan: %+v", planned)
			}
			if got := kept.results(); strings.Contains(got, " ok") || strings.Contains(got, "invalid") {
				t.Errorf("a model answered: %s", got)
			}
		})
	}
}

// counter is a proxy in front of Ollama that counts the generations under way
// and keeps the last line of each.
type counter struct {
	*httptest.Server

	now, most, begun atomic.Int64
	mu               sync.Mutex
	last             []byte
}

// count puts a proxy before the server. Requests with a part in them that is
// named are begun, are not among those at once, and last until their client
// ends: however fast the machine, the model is not done before.
func count(t *testing.T, ollama string, apart ...string) *counter {
	t.Helper()
	target, err := url.Parse(ollama)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Path == "/api/chat" {
			r.Body = &tail{ReadCloser: r.Body, c: c}
		}
		return nil
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.URL.Path == "/api/chat" && !strings.Contains(string(body), `"messages":[]`) {
			n := int64(0)
			client := w
			w = &holding{ResponseWriter: client, ctx: r.Context()}
			if !slices.ContainsFunc(apart, func(part string) bool { return strings.Contains(string(body), part) }) {
				w = client
				n = c.now.Add(1)
				defer c.now.Add(-1)
			}
			c.begun.Add(1)
			for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	t.Cleanup(c.CloseClientConnections)
	return c
}

// holding passes the first pieces of a reply on and keeps the rest back until
// its client has gone.
type holding struct {
	http.ResponseWriter
	ctx    context.Context //nolint:containedctx // of the one request
	pieces int
}

func (h *holding) Write(p []byte) (int, error) {
	if h.pieces++; h.pieces > 3 {
		<-h.ctx.Done()
		return 0, h.ctx.Err()
	}
	return h.ResponseWriter.Write(p)
}

func (h *holding) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// tail keeps the last line that went by.
type tail struct {
	io.ReadCloser
	c    *counter
	text []byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.text = append(t.text, p[:n]...)
	if lines := strings.Split(strings.TrimSpace(string(t.text)), "\n"); len(lines) > 0 {
		t.c.mu.Lock()
		t.c.last = []byte(lines[len(lines)-1])
		t.c.mu.Unlock()
	}
	return n, err
}
