package proxy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

const openTicket = `---
id: %s
title: Crash when the list is empty
---

## Affected Files
| File | Action | Description |
|------|--------|-------------|
| main.go | modify | Check the length first |

## Acceptance Criteria
- [ ] AC-1: An empty list is no error
`

// asAsked answers what the reply schema asks for: a classification or a plan.
func asAsked(a litellmtest.Asked) litellmtest.Said {
	properties := gjson.Get(a.Schema, "properties")
	if properties.Get("files").Exists() {
		return litellmtest.Said{Text: `{"files":{"main.go":{"action":"modify","where":"main","what":"Return early for a slice without elements.","approach":""}},` +
			`"criteria":{"AC-1":{"file":"main_test.go","name":"TestEmpty","checks":"Passing nil returns zero without panicking"}},"risk":""}`, In: 900, Out: 80}
	}
	var fields []string
	for name, value := range map[string]string{"category": "BUG", "complexity": "low"} {
		if properties.Get(name).Exists() {
			fields = append(fields, fmt.Sprintf("%q:%q", name, value))
		}
	}
	return litellmtest.Said{Text: "{" + strings.Join(fields, ",") + "}", In: 400, Out: 12}
}

// outage is the shipped configuration with everything of its own, so that a
// test may break it part by part.
type outage struct {
	provider *litellmtest.Provider
	proxy    *litellmtest.Proxy
	ollama   *ollamatest.Server
	shell    *shell
	tickets  int
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{ollama: ollamatest.New(t)}
	var stop func()
	o.provider, stop = litellmtest.NewProvider()
	t.Cleanup(stop)
	stack := &litellmtest.Stack{Provider: o.provider, Ollama: o.ollama}
	o.proxy = litellmtest.New(t, litellmtest.Config(t, "config.yaml"), stack.Env()...)
	o.provider.Answer(t, litellmtest.Haiku, asAsked)
	o.provider.Answer(t, litellmtest.Sonnet, asAsked)
	o.shell = newShell(t, "OLLAMA_HOST="+o.ollama.URL, "LOCALMODEL_MODEL="+ollamatest.Steered, "LOCALMODEL_NUM_CTX=8192",
		"LITELLM_BASE_URL="+o.proxy.URL, "LITELLM_MASTER_KEY="+o.proxy.Key)
	o.shell.write(t, "main.go", "package main\n")
	return o
}

// both classifies and plans a new ticket and returns who answered each, with
// the plan's and the row's whole result. No tier may have been waited for until
// its time was up.
func (o *outage) both(t *testing.T) (row, plan gjson.Result, slowest time.Duration) {
	t.Helper()
	o.tickets++
	name := fmt.Sprintf("T-%d.md", o.tickets)
	o.shell.write(t, name, fmt.Sprintf(openTicket, fmt.Sprintf("T-%d", o.tickets)))
	c := o.shell.run(t, "", "call", "classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q],"explain":true}`, name))
	p := o.shell.run(t, "", "call", "plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, name))
	if c.code != 0 || p.code != 0 {
		t.Fatalf("classify: %s\nplan: %s", c, p)
	}
	t.Logf("classify %s: by %s, %s", c.took.Round(time.Millisecond), c.get("tickets.0.by"), c.get("tickets.0.answer"))
	t.Logf("plan %s: by %s, %s", p.took.Round(time.Millisecond), p.get("by"), p.get("answer"))
	if strings.Contains(c.out+p.out, "LOCALMODEL_DEADLINE") {
		t.Errorf("a tier was waited for:\n%s\n%s", c.out, p.out)
	}
	return c.get("tickets.0"), gjson.Parse(p.out), max(c.took, p.took)
}

func TestTiersTakeOverOneAfterAnother(t *testing.T) {
	t.Parallel() // it waits for proxies and servers of its own
	o := newOutage(t)
	row, plan, took := o.both(t)
	t.Logf("measured: all up: %s", took)
	if row.Get("by").Str != "local" || plan.Get("by").Str != "local" || plan.Get("answer.fell_back").Bool() {
		t.Errorf("with all up: %s\n%s", row, plan)
	}
	if asked := o.provider.Asked(""); len(asked) != 0 {
		t.Errorf("with all up %d paid calls were made", len(asked))
	}

	o.ollama.KillServer()
	row, plan, took = o.both(t)
	for _, r := range []gjson.Result{row, plan} {
		a := r.Get("answer")
		if r.Get("by").Str != "cheap" || !strings.Contains(a.Get("model").Str, "haiku") || a.Get("cost_usd").Float() <= 0 ||
			!a.Get("fell_back").Bool() || !strings.Contains(a.Get("reason").Str, "Ollama is not reachable") {
			t.Errorf("without Ollama: %s", r)
		}
	}
	t.Logf("measured: Ollama stopped, cheap answers: the slower of classify and plan takes %s", took)

	o.provider.Says(t, litellmtest.Haiku, litellmtest.Said{Status: 500, Error: "api_error: Internal server error"})
	row, plan, took = o.both(t)
	for _, r := range []gjson.Result{row, plan} {
		a := r.Get("answer")
		if r.Get("by").Str != "balanced" || !strings.Contains(a.Get("model").Str, "sonnet") || a.Get("cost_usd").Float() <= 0 ||
			!strings.Contains(a.Get("reason").Str, "cheap: ") {
			t.Errorf("without cheap: %s", r)
		}
	}
	t.Logf("measured: cheap down too, balanced answers: %s", took)

	o.provider.Says(t, litellmtest.Sonnet, litellmtest.Said{Status: 500, Error: "api_error: Internal server error"})
	row, plan, took = o.both(t)
	o.floor(t, row, plan)
	t.Logf("measured: all three down, the floor answers: %s", took)
	o.proxy.Kill()
	row, plan, _ = o.both(t)
	o.floor(t, row, plan)
	if !strings.Contains(plan.Get("answer.reason").Str, "the proxy is not reachable") {
		t.Errorf("without the proxy: %s", plan)
	}
}

// floor checks that rules and template answered, with the reason of each tier.
func (o *outage) floor(t *testing.T, row, plan gjson.Result) {
	t.Helper()
	if row.Get("by").Str != "rules" || plan.Get("by").Str != "template" || !strings.Contains(plan.Get("plan").Str, "main.go") {
		t.Errorf("the floor: %s\n%s", row, plan)
	}
	for _, r := range []gjson.Result{row, plan} {
		for _, tier := range []string{"local: ", "cheap: ", "balanced: "} {
			if !strings.Contains(r.Get("answer.reason").Str, tier) {
				t.Errorf("no reason of %q in %s", tier, r.Get("answer"))
			}
		}
	}
}
