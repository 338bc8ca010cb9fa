package proxy_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// hungHost accepts connections and never says a word: no real server hangs on
// demand.
func hungHost(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return "http://" + l.Addr().String()
}

// promises sets the plan's proxy beside ours, with a provider and servers that no
// other test asks.
type promises struct {
	plan, ours *litellmtest.Proxy
	provider   *litellmtest.Provider
	ollama     *ollamatest.Server // the plan's; its window is 512 tokens, so that truncation is quick
}

func newPromises(t *testing.T) *promises {
	t.Helper()
	p := &promises{ollama: ollamatest.New(t, "OLLAMA_CONTEXT_LENGTH=512")}
	var stop func()
	p.provider, stop = litellmtest.NewProvider()
	t.Cleanup(stop)
	ours := &litellmtest.Stack{Provider: p.provider, Ollama: ollamatest.New(t)}
	for _, s := range []*ollamatest.Server{p.ollama, ours.Ollama} {
		s.Copy(t, ollamatest.Steered, litellmtest.Local)
	}
	p.ours = litellmtest.New(t, litellmtest.Config(t, "offline-test.yaml"), ours.Env()...)
	path, err := filepath.Abs("testdata/plan.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The plan's compose file sets OLLAMA_HOST and nothing reads it.
	p.plan = litellmtest.New(t, path, append(ours.Env(), "OLLAMA_API_BASE="+p.ollama.URL, "HUNG_OLLAMA="+hungHost(t), "OLLAMA_HOST=http://127.0.0.1:9")...)
	return p
}

func tagged(tags ...string) fields { return fields{"metadata": fields{"tags": tags}} }

func by(r said) string { return r.header.Get("x-litellm-model-group") }

func TestPromisesOfThePlan(t *testing.T) {
	t.Parallel()
	p := newPromises(t)
	p.provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: "OK"})
	for _, c := range []struct {
		promise string
		check   func(t *testing.T) (plan, ours string)
	}{
		{"the tag local sends a request to Ollama", p.tagRoutes},
		{"requests without the tag go to the cloud", p.untaggedGoesToCloud},
		{"spend tags (ticket:ID) can be sent", p.spendTags},
		{"the model's own chat template and tools", p.chatTemplate},
		{"a dead Ollama costs little", p.deadOllama},
		{"a hung Ollama costs little", p.hungOllama},
		{"a prompt beyond the window falls back to cheap", p.longPrompt},
		{"model_max_budget caps a tier", p.budget},
		{"the answer says who gave it", p.whoAnswered},
		{"the test script sees that the local model works", p.testScript},
	} {
		t.Run(c.promise, func(t *testing.T) {
			plan, ours := c.check(t)
			t.Logf("measured: %s\n  plan: %s\n  ours: %s", c.promise, plan, ours)
		})
	}
}

func (p *promises) tagRoutes(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "cheap", "hi", tagged("local"))
	if r.status != 200 || by(r) != "cheap" {
		t.Errorf("the plan's tag does something after all: %d by %s", r.status, by(r))
	}
	o := chat(t, p.ours, "free", "hi", nil)
	if o.status != 200 || by(o) != "free" {
		t.Errorf("ours: %d by %s", o.status, by(o))
	}
	return "FAILS: model cheap with the tag local is answered by " + by(r) + ", a paid model", "the group's name decides: free is answered by " + by(o)
}

func (p *promises) untaggedGoesToCloud(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "free", "hi", nil)
	if r.status != 200 || by(r) != "free" {
		t.Errorf("the plan's missing tag does something after all: %d by %s", r.status, by(r))
	}
	return "FAILS: free without any tag is answered by " + by(r), "promised by no tag; localmodel names the tier it asks"
}

func (p *promises) spendTags(t *testing.T) (plan, ours string) {
	// Where the plan put the switch nothing reads it; where it is read, this.
	r := chat(t, p.ours, "tagged", "hi", tagged("ticket:42"))
	o := chat(t, p.ours, "cheap", "hi", tagged("ticket:42", "gate:plan"))
	if r.status != 401 || o.status != 200 {
		t.Errorf("with filtering %d, ours %d", r.status, o.status)
	}
	return fmt.Sprintf("FAILS where the switch is read: %d %s", r.status, r.get("error.message")), "200, the tags are labels"
}

func (p *promises) chatTemplate(t *testing.T) (plan, ours string) {
	tool := fields{"tools": []fields{{"type": "function", "function": fields{"name": "f", "parameters": fields{"type": "object", "properties": fields{}}}}}}
	r := chat(t, p.plan, "free", "hi", tool)
	o := chat(t, p.ours, "free", "hi", fields{"tools": tool["tools"], "disable_fallbacks": true})
	generate, ourChat := strings.Count(p.ollama.Log(), `"/api/generate"`), strings.Contains(o.body, "does not support tools")
	if generate < 2 || !ourChat { // the line above the runs lists the routes
		t.Errorf("plan used /api/generate %d times; ours: %d %.300s", generate-1, o.status, o.body)
	}
	return fmt.Sprintf("FAILS: /api/generate is asked, tools become a prompt (%s tokens for \"hi\"), answer %d", r.get("usage.prompt_tokens"), r.status),
		"/api/chat gets the tools (this tiny model refuses them, which shows that they arrived)"
}

func (p *promises) deadOllama(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "free-dead", "hi", nil)
	again := chat(t, p.plan, "free-dead", "hi", nil)
	o := chat(t, p.ours, "free-down", "hi", fields{"fallbacks": []string{"cheap"}})
	if by(r) != "cheap" || r.took < 3*time.Second || again.took < 3*time.Second || o.status != 200 || by(o) != "cheap" {
		t.Errorf("plan %s, then %s; ours %d by %s", r.took, again.took, o.status, by(o))
	}
	return fmt.Sprintf("FAILS: cheap answers after %s, and the next time after %s: no cooldown shields it", r.took.Round(100*time.Millisecond), again.took.Round(100*time.Millisecond)),
		fmt.Sprintf("cheap answers after %s", o.took.Round(10*time.Millisecond))
}

func (p *promises) hungOllama(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "free-hung", "hi", nil)
	p.provider.Says(t, "slow", litellmtest.Said{Text: "late", After: time.Minute})
	o := chat(t, p.ours, "slow", "hi", fields{"num_retries": 0, "fallbacks": []string{"cheap"}}) // its time-out is 1 s too
	if by(r) != "cheap" || r.took < 6*time.Second || by(o) != "cheap" {
		t.Errorf("plan %s after %s, ours %s", by(r), r.took, by(o))
	}
	return fmt.Sprintf("FAILS: with 1 s for its 120 s cheap answers after %s: three waits and the pauses, so about 6 minutes", r.took.Round(100*time.Millisecond)),
		fmt.Sprintf("with 1 s for its 90 s cheap answers after %s; localmodel itself gives up after LOCALMODEL_FIRST_TOKEN_TIMEOUT", o.took.Round(100*time.Millisecond))
}

func (p *promises) longPrompt(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "free", strings.Repeat("word ", 600), fields{"max_tokens": 5})
	o := chat(t, p.ours, "free", strings.Repeat("word ", 40000), fields{"max_tokens": 5})
	if r.status != 200 || by(r) != "free" || !strings.Contains(p.ollama.Log(), "truncating input prompt") {
		t.Errorf("plan: %d by %s", r.status, by(r))
	}
	if o.status != 200 || by(o) != "cheap" {
		t.Errorf("ours: %d by %s", o.status, by(o))
	}
	return "FAILS: 200 by free; Ollama cut the prompt to " + r.get("usage.prompt_tokens") + " tokens in silence",
		fmt.Sprintf("the proxy counts before it asks: %s answers after %s, Ollama is not asked", by(o), o.took.Round(10*time.Millisecond))
}

func (p *promises) budget(t *testing.T) (plan, ours string) {
	for range 3 {
		if r := chat(t, p.plan, "cheap", "hi", nil); r.status != 200 {
			t.Errorf("the plan's cap works after all: %d %s", r.status, r.body)
		}
	}
	if r := chat(t, p.plan, "free", "hi", fields{"max_tokens": 1}); r.status != 200 {
		t.Errorf("free: 0 blocks: %d", r.status)
	}
	var o said
	testkit.Eventually(t, "our cap closes the group", func() bool {
		o = chat(t, p.ours, "over-budget", "hi", fields{"num_retries": 0})
		return o.status != 200
	})
	if o.status != 429 || !strings.Contains(o.body, "crossed budget") {
		t.Errorf("ours: %d %s", o.status, o.body)
	}
	return "FAILS: three calls over a cap of $0.000001 are all answered; neither model_max_budget nor provider_budget_config is read there", "429 " + strings.SplitN(o.get("error.message"), ":", 2)[0]
}

func (p *promises) whoAnswered(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "cheap", "hi", nil)
	o := chat(t, p.ours, "cheap", "hi", nil)
	if r.get("model") != "cheap" || o.header.Get("x-litellm-model-id") != "cheap-haiku-4-5" {
		t.Errorf("plan %s, ours %s", r.get("model"), o.header.Get("x-litellm-model-id"))
	}
	return "FAILS: body model is " + r.get("model") + ", the name that was asked, and the id a hash: " + r.header.Get("x-litellm-model-id")[:12] + "...",
		"x-litellm-model-id is " + o.header.Get("x-litellm-model-id")
}

// testScript is the plan's first test: the answer contains "choices".
func (p *promises) testScript(t *testing.T) (plan, ours string) {
	r := chat(t, p.plan, "free-dead", "Reply with only: OK", fields{"max_tokens": 5})
	if !strings.Contains(r.body, "choices") {
		t.Errorf("the script would have seen it: %s", r.body)
	}
	o := chat(t, p.ours, "free-down", "Reply with only: OK", fields{"max_tokens": 5, "disable_fallbacks": true, "num_retries": 0})
	if o.status != 500 {
		t.Errorf("ours: %d", o.status)
	}
	return "FAILS: with Ollama dead the script still finds \"choices\" and passes: " + by(r) + " was paid for it", fmt.Sprintf("disable_fallbacks: %d, exit code 1 of localmodel ask", o.status)
}
