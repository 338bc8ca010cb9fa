package faults

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// onReal names the rows that TestRealOllama shows on a real server too.
var onReal = map[string]bool{"refused": true, "model missing": true, "loading": true, "503 busy": true, "500 invalid format": true,
	"200 `done:false`": true, "length cut": true, "schema-invalid": true, "empty content": true, "context overflow, to 0.29": true,
	"slow first byte": true, "stall in mid-stream": true, "runner killed": true, "server killed": true, "low confidence": true}

const (
	enum     = `{"type":"object","properties":{"category":{"type":"string","enum":["BUG","FEAT","TASK"]},"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["category","complexity"],"additionalProperties":false}`
	prose    = `{"type":"object","properties":{"steps":{"type":"array","minItems":1,"items":{"type":"object","properties":{"file":{"type":"string","maxLength":200}},"required":["file"]}}},"required":["steps"]}`
	number   = `{"type":"object","properties":{"n":{"type":"number","minimum":0,"maximum":0.000001}},"required":["n"],"additionalProperties":false}`
	speaking = 3000 // tokens; more than is written while a test acts
)

// realFault makes a real server fail. ready runs before the question, during
// when the model has said something.
type realFault struct {
	row, model string
	req        routing.Request
	cfg        func(*tiers.Config)
	ready      func(*testing.T, *ollamatest.Server)
	during     func(*testing.T, *ollamatest.Server)
	reason     string // "" = as in the matrix
}

func question(schema, user string, most int) routing.Request {
	r := routing.Request{Purpose: "classify", System: "Answer.", User: user, MaxTokens: most}
	if schema != "" {
		r.Schema = json.RawMessage(schema)
	}
	return r
}

func realFaults() []realFault {
	ask, speak := question(enum, "Classify.", 60), question("", "Go on.", speaking)
	kill := func(_ *testing.T, s *ollamatest.Server) { s.KillServer() }
	pause := func(t *testing.T, s *ollamatest.Server) { t.Cleanup(s.Hang(t)) }
	return []realFault{
		// A connection that was kept may still look alive: then it is "broken off".
		{row: "refused", ready: kill, req: ask, reason: "Ollama is not reachable at "},
		{row: "model missing", model: "nope", req: ask, reason: "model nope is not there"},
		{row: "loading", req: ask, cfg: func(c *tiers.Config) { c.LoadGrace = time.Nanosecond }},
		{row: "500 invalid format", req: question(`{"type":"object","properties":{"n":{"type":"string","pattern":"0"}},"required":["n"]}`, "Classify.", 60)},
		{row: "200 `done:false`", model: ollamatest.Looping, req: question(prose, "Plan.", 1600)},
		{row: "length cut", req: question(enum, "Classify.", 3), reason: "the answer was cut at 3 tokens"},
		{row: "schema-invalid", model: ollamatest.TinyQwen, req: question(number, "A number.", 400), reason: "the reply does not fit its schema: at /n: rule m"},
		{row: "empty content", model: "silent", req: question("", "Say nothing.", 60)},
		{row: "context overflow, to 0.29", req: question(enum, strings.Repeat("word ", 1400), 60)},
		{row: "slow first byte", req: ask, cfg: func(c *tiers.Config) { c.FirstTokenTimeout = patience },
			ready: func(t *testing.T, s *ollamatest.Server) { t.Cleanup(stopRunners(t, s)) }},
		{row: "stall in mid-stream", model: ollamatest.Endless, req: speak, cfg: func(c *tiers.Config) { c.TokenTimeout = 2 * time.Second }, during: pause, reason: "no next token within 2s (LOCALMODEL_TOKEN_TIMEOUT)"},
		{row: "runner killed", model: ollamatest.Endless, req: speak, during: func(t *testing.T, s *ollamatest.Server) { s.KillRunner(t) }},
		{row: "server killed", model: ollamatest.Endless, req: speak, during: kill},
		{row: "low confidence", model: ollamatest.Unsure, req: func() routing.Request {
			r := ask
			r.ConfidenceFields = []string{"complexity"}
			return r
		}(), reason: "low confidence ."},
	}
}

// TestRealOllama shows on a real server the rows that it can be made to show:
// the paid tier answers and says why, and without one it is said that nobody
// did.
func TestRealOllama(t *testing.T) {
	t.Parallel()
	byName := map[string]localFault{}
	for _, l := range localFaults() {
		byName[l.name] = l
	}
	for _, f := range realFaults() {
		proxies := []string{"up", "refused"}
		if f.spoils() { // a server each; the matrix has them without a proxy too
			proxies = proxies[:1]
		}
		for _, proxy := range proxies {
			t.Run(f.row+" x "+proxy, func(t *testing.T) {
				want := byName[f.row]
				if f.reason == "" {
					f.reason = want.reason
				}
				if f.model == "" {
					f.model = ollamatest.Steered
				}
				s := server(t, f)
				url := litellm(upFor(f.req.Schema))(t)
				if proxy == "refused" {
					url = refused(t)
				}
				attempts, tier := askReal(t, s, url, f)
				if attempts[0].Kind != want.kind || !strings.Contains(attempts[0].Reason, f.reason) {
					t.Errorf("got %s %q, want %s %q", attempts[0].Kind, attempts[0].Reason, want.kind, f.reason)
				}
				if proxy == "up" && tier != policy.Cheap || proxy == "refused" && tier != "" {
					t.Errorf("answered by %q", tier)
				}
			})
		}
	}
}

// spoils says whether the fault leaves a server that others cannot use.
func (f realFault) spoils() bool { return f.ready != nil || f.during != nil || f.row == "loading" }

// server is shared by the faults that leave it as it was.
func server(t *testing.T, f realFault) *ollamatest.Server {
	t.Helper()
	s := ollamatest.Shared(t)
	if f.spoils() {
		s = ollamatest.New(t)
	}
	if f.model == ollamatest.Endless {
		s.Endless(t)
	}
	s.Create(t, "silent", tinygguf.Options{Arch: tinygguf.Qwen3, Say: []tinygguf.Text{{Text: tinygguf.Start + tinygguf.End, Boost: 60}}})
	return s
}

func askReal(t *testing.T, s *ollamatest.Server, proxy string, f realFault) ([]routing.Attempt, policy.Tier) {
	t.Helper()
	cfg := settings(s.URL, proxy, t.TempDir())
	cfg.Model, cfg.LoadGrace, cfg.FirstTokenTimeout, cfg.TokenTimeout = f.model, time.Minute, time.Minute, time.Minute
	if f.cfg != nil {
		f.cfg(&cfg)
	}
	r := tiers.New(t, cfg, &free{}, &free{})
	if f.ready != nil {
		if err := r.Preload(t.Context()); err != nil {
			t.Fatal(err)
		}
		loaded := func() bool { return r.Health(t.Context(), false).Ollama.Loaded }
		testkit.Eventually(t, "the model is loaded", loaded)
		f.ready(t, s)
	}
	var once sync.Once
	f.req.Progress = func(_ string, tokens, _ int) {
		if tokens > 0 && f.during != nil {
			once.Do(func() { f.during(t, s) })
		}
	}
	a, err := r.Complete(t.Context(), policy.Auto, f.req)
	var none *routing.Unanswered
	if errors.As(err, &none) {
		return none.Attempts, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return a.Attempts, a.Tier
}

// A burst on a cold server whose queue holds one: a genuine 503.
func TestRealBusyServer(t *testing.T) {
	s := ollamatest.New(t, "OLLAMA_MAX_QUEUE=1")
	var mu sync.Mutex
	busy := 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			cfg := settings(s.URL, refused(t), "")
			cfg.SlotDir = t.TempDir() // another machine each, so that nobody holds them back
			cfg.Model, cfg.LoadGrace, cfg.FirstTokenTimeout, cfg.Fallback = ollamatest.Steered, time.Minute, time.Minute, nil
			a, err := tiers.New(t, cfg, &free{}, &free{}).Complete(t.Context(), policy.Auto, question(enum, "Classify.", 60))
			attempts := a.Attempts
			var none *routing.Unanswered
			if errors.As(err, &none) {
				attempts = none.Attempts
			}
			mu.Lock()
			defer mu.Unlock()
			if len(attempts) > 0 && attempts[0].Kind == routing.Busy && strings.Contains(attempts[0].Reason, "Ollama answers 503: server busy") {
				busy++
			} else if err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	if busy == 0 {
		t.Error("nobody learned that the server is busy")
	}
}
