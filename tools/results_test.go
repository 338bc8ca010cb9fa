package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/plan"
)

const asksModel = "---\nid: BUG-7\ntype: bug\naffected_files: [a.go]\n---\n# BUG-7: Fix <b>the</b> \"total\" & co\n\nIt is wrong.\n\n## Acceptance Criteria\n- [ ] AC-1: The total is right\n"
const states = "---\nid: BUG-7\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# BUG-7: Fix it\n\n## Acceptance Criteria\n- [ ] AC-1: It is right\n"

// unansweredFor is a tier that was paid and gave no answer that counts.
func unansweredFor(usd float64) func(context.Context, policy.Route, routing.Request) (routing.Answer, error) {
	return func(context.Context, policy.Route, routing.Request) (routing.Answer, error) {
		return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{
			{Tier: policy.Cheap, Kind: routing.InvalidOutput, Reason: "the reply is no JSON", CostUSD: usd, CostEstimated: true}}}
	}
}

// What was paid is in the summary and said to be an estimate, whoever answered.
func TestPaidWithoutAnAnswer_IsSaid(t *testing.T) {
	for tool, in := range map[string]args{
		"classify_ticket": {"ticket": asksModel},
		"plan_ticket":     {"ticket": states, "route": "cloud"},
	} {
		r := newBench(t, &script{complete: unansweredFor(0.0034)}).run(tool, in)
		if !strings.Contains(r.Get("summary").Str, "paid $0.0034") || !strings.Contains(r.Get("warnings").Raw, "is an estimate") {
			t.Errorf("%s: %s", tool, r.Raw)
		}
	}
}

func TestClassifyResults(t *testing.T) {
	sure := 0.934
	for _, c := range []struct {
		name  string
		s     *script
		in    args
		row   string // of the first row
		local bool
	}{
		{"front matter", &script{}, args{"ticket": states}, `by=front_matter complexity=low category=BUG`, true},
		{"no tier answers", &script{}, args{"ticket": asksModel}, `by=rules complexity=low category=BUG`, true},
		{"paid without an answer", &script{complete: unansweredFor(0.0034)}, args{"ticket": asksModel, "explain": true},
			`by=rules answer.cost_usd=0.0034 answer.fell_back=true`, true},
		{"local", &script{complete: says(`{"complexity":"medium"}`, routing.Answer{Confidence: &sure})}, args{"ticket": asksModel}, `by=local complexity=medium confidence=0.93`, true},
		{"fell back and paid", &script{complete: says(`{"complexity":"high"}`, routing.Answer{Tier: policy.Cheap, CostUSD: 0.0012,
			Attempts: []routing.Attempt{{Tier: policy.Local, Kind: routing.Loading, Reason: "the model is loading"}, {Tier: policy.Cheap}}})},
			args{"ticket": asksModel, "explain": true}, `by=cheap complexity=high answer.fell_back=true answer.cost_usd=0.0012`, false},
		{"explained", &script{}, args{"ticket": states, "explain": true, "wave": []string{"A-1"}}, `rules.0.rule=complexity`, true},
		{"unreadable beside others", &script{}, args{"ticket_paths": []string{"none.md"}, "ticket": states}, `id=none`, false},
		{"nothing stated", &script{}, args{"ticket": "please fix <it> & 日本語 \"now\""}, `id=ticket by=rules complexity=medium`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newBench(t, c.s).run("classify_ticket", c.in)
			row := r.Get("tickets.0")
			for _, pair := range strings.Fields(c.row) {
				key, want, _ := strings.Cut(pair, "=")
				if got := row.Get(key).String(); got != want {
					t.Errorf("%s is %q, want %q: %s", key, got, want, row.Raw)
				}
			}
			if row.Get("error").Exists() == row.Get("why").Exists() {
				t.Errorf("a row has either a reason or an error: %s", row.Raw)
			}
			if got := row.Get("local").Bool(); got != c.local {
				t.Errorf("local %t, want %t: %s", got, c.local, row.Raw)
			}
			if strings.Contains(r.Raw, `\u003c`) || strings.Contains(r.Raw, `\u0026`) {
				t.Errorf("HTML escapes: %s", r.Raw)
			}
		})
	}
}

func TestPlanResults(t *testing.T) {
	const reply = `{"files":{"a.go":{"action":"modify","where":"a","what":"Sum <all> & \"each\" item with a running total.","approach":""}},` +
		`"criteria":{"AC-1":{"file":"a_test.go","name":"TestSum","checks":"The total of two items."}},"risk":""}`
	for _, c := range []struct {
		name string
		s    *script
		in   args
		want string
		plan bool
	}{
		{"local", &script{complete: says(reply, routing.Answer{})}, args{"ticket": states}, `by=local coverage.files=1 answer.model=scripted:1b`, true},
		{"paid", &script{complete: says(reply, routing.Answer{Tier: policy.Balanced, CostUSD: 0.01,
			Attempts: []routing.Attempt{{Tier: policy.Local, Kind: routing.Timeout, Reason: "no token within 40s"}, {Tier: policy.Balanced}}})},
			args{"ticket": states, "route": "cloud"}, `by=balanced answer.cost_usd=0.01 answer.fell_back=true`, true},
		{"paid without an answer", &script{complete: unansweredFor(0.0034)}, args{"ticket": states, "route": "cloud"},
			`by=template answer.cost_usd=0.0034 answer.fell_back=true`, true},
		{"template", &script{}, args{"ticket": states, "include_files": false}, `by=template coverage.criteria=1 answer.fell_back=true`, true},
		{"refused", &script{}, args{"ticket": strings.Replace(states, "low", "high", 1)}, `by=rules id=BUG-7`, false},
		{"bare text", &script{}, args{"ticket": "do something", "route": "cloud"}, `by=template id=ticket`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.s)
			b.write("a.go", "package a\n")
			r := b.run("plan_ticket", c.in)
			for _, pair := range strings.Fields(c.want) {
				key, want, _ := strings.Cut(pair, "=")
				if got := r.Get(key).String(); got != want {
					t.Errorf("%s is %q, want %q: %s", key, got, want, r.Raw)
				}
			}
			if got := r.Get("plan").Exists(); got != c.plan {
				t.Errorf("plan there: %t, want %t: %s", got, c.plan, r.Raw)
			}
			if n := len([]rune(r.Raw)); n > plan.MaxResult {
				t.Errorf("%d characters", n)
			}
		})
	}
}

func TestRecordResults(t *testing.T) {
	b := newBench(t, &script{})
	step := func(in args, want string) gjson.Result {
		t.Helper()
		r := b.run("record_gate_outcome", in)
		for _, pair := range strings.Fields(want) {
			key, want, _ := strings.Cut(pair, "=")
			if got := r.Get(key).String(); got != want {
				t.Errorf("%v: %s is %q, want %q: %s", in, key, got, want, r.Raw)
			}
		}
		// What is handed over, and its message, is what the ticket needs at once.
		if n := len([]rune(r.Raw)) - len([]rune(r.Get("handoff").Raw)) - len([]rune(r.Get("message").Raw)); n > 800 {
			t.Errorf("%v: %d characters without the hand-off", in, n)
		}
		return r
	}
	outcome := func(gate, outcome, event string, more ...any) args {
		in := args{"ticket_id": "BUG-7", "gate": gate, "outcome": outcome, "event_id": event}
		for i := 0; i < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return in
	}
	step(outcome("plan", "pass", "BUG-7:plan:1", "route", "local"), "action=continue next_event_id=BUG-7:implement:1")
	step(outcome("plan", "pass", "BUG-7:plan:1", "route", "local"), "action=continue repeated=true")
	step(outcome("lint", "fail", "BUG-7:lint:1", "evidence", "a.go:3: <unused> & \"odd\""), "action=retry next_event_id=BUG-7:lint:2")
	r := step(outcome("lint", "fail", "BUG-7:lint:2"), "action=escalate escalate_to=sonnet stats.escalatedToCloud=1 stats.failuresByType.lint=1")
	if h := r.Get("handoff").Str; !strings.Contains(h, "<unused> & \"odd\"") || len([]rune(h)) > maxHandoff {
		t.Errorf("hand-off: %s", h)
	}
	step(outcome("commit", "pass", "BUG-7:commit:1"), "action=complete")
	step(args{"ticket_id": "FEAT-1", "gate": "commit", "outcome": "pass", "route": "local", "quality_score": 88}, "action=complete stats.successCount=1 stats.avgQualityScore=88")
}

func TestHealthResults(t *testing.T) {
	longModel := "registry.example.com/some-team/qwen3-coder-instruct-tuned:30b-a3b-q4_K_M"
	up := routing.Check{OK: true, URL: "http://127.0.0.1:11434", Version: "0.24.0", Model: "qwen3-coder:30b", Present: true}
	loaded := up
	loaded.Loaded, loaded.ContextLength, loaded.Generated = true, 32768, "1234 ms"
	missing := up
	missing.OK, missing.Present, missing.Model = false, false, longModel
	missing.Error, missing.Fix = "model "+longModel+" is not there", "ollama pull "+longModel
	down := routing.Check{URL: "http://gpu-box-17.internal.example.com:11434", Model: longModel,
		Error: "Ollama is not reachable at http://gpu-box-17.internal.example.com:11434 (dial tcp: lookup gpu-box-17.internal.example.com: no such host)", Fix: "ollama serve"}
	proxy := routing.Check{OK: true, Used: true, URL: "http://127.0.0.1:8000", Version: "1.80.0"}
	proxyDown := routing.Check{Used: true, URL: "https://litellm.internal.example.com/team/proxy",
		Error: "LiteLLM is not reachable at https://litellm.internal.example.com/team/proxy (dial tcp: lookup litellm.internal.example.com: no such host)",
		Fix:   "docker compose -f integration/compose.yaml up -d litellm"}
	for _, c := range []struct {
		name  string
		h     routing.Health
		mode  policy.GuardMode
		open  bool
		state string
		ok    bool
		fixes int
	}{
		{"all well", routing.Health{Ollama: loaded, Proxy: proxy}, policy.Adaptive, false, "loaded", true, 0},
		{"cold", routing.Health{Ollama: up, Proxy: proxy}, policy.Adaptive, false, "cold", true, 0},
		{"model missing", routing.Health{Ollama: missing, Proxy: proxy}, policy.Adaptive, false, "missing", false, 1},
		{"Ollama down", routing.Health{Ollama: down, Proxy: proxy}, policy.Adaptive, false, "down", false, 1},
		{"proxy down", routing.Health{Ollama: up, Proxy: proxyDown}, policy.Adaptive, false, "cold", true, 1},
		{"all down", routing.Health{Ollama: down, Proxy: proxyDown}, policy.Adaptive, false, "down", false, 2},
		{"proxy not used", routing.Health{Ollama: loaded, Proxy: routing.Check{URL: "http://127.0.0.1:8000"}}, policy.Adaptive, false, "loaded", true, 0},
		{"all down, guard open", routing.Health{Ollama: down, Proxy: proxyDown}, policy.Adaptive, true, "down", false, 2},
		{"guard never", routing.Health{Ollama: down, Proxy: proxyDown}, policy.Never, true, "down", false, 2},
		{"guard fixed", routing.Health{Ollama: down, Proxy: proxyDown}, policy.Fixed, true, "down", false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, &script{health: c.h})
			b.Model, b.Guard.Mode = c.h.Ollama.Model, c.mode
			if c.open {
				b.fail("low", 5)
				b.fail("medium", 5)
			}
			r := b.run("check_local_health", args{})
			if r.Get("ok").Bool() != c.ok || r.Get("ollama.state").Str != c.state || len(r.Get("fixes").Array()) != c.fixes {
				t.Errorf("want ok %t, state %s, %d fixes: %s", c.ok, c.state, c.fixes, r.Raw)
			}
			if got := len(r.Get("guard.open").Array()) > 0; got != c.open {
				t.Errorf("guard open: %t, want %t: %s", got, c.open, r.Raw)
			}
			if n := len([]rune(r.Raw)); n > 800 {
				t.Errorf("%d characters, want at most 800: %s", n, r.Raw)
			}
			t.Logf("%d characters", len([]rune(r.Raw)))
		})
	}
}

// fail records attempts of one class that were escalated.
func (b *bench) fail(complexity string, n int) {
	b.t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", strings.ToUpper(complexity), i)
		key := guard.Key{Class: complexity, Digest: decide.GuardDigest(b.t.Context(), b.Deps)}
		if _, err := b.Journal.RecordPlan(b.t.Context(), statestore.Plan{TicketID: id, ByLocal: true, Key: key}); err != nil {
			b.t.Fatal(err)
		}
		for range 2 {
			b.run("record_gate_outcome", args{"ticket_id": id, "gate": "lint", "outcome": "fail"})
		}
	}
}

// A model that is at work for another call until the deadline is an answer, and
// no failure of the look at it.
func TestHealth_DeepUntilTheDeadline(t *testing.T) {
	busy := routing.Check{OK: true, Model: "m", Version: "1", Present: true, Loaded: true, Note: "no answer yet: waited for a slot"}
	b := newBench(t, &script{slow: true, health: routing.Health{Ollama: busy}})
	b.Deadline = time.Second
	r := b.run("check_local_health", args{"deep": true})
	if !r.Get("ok").Bool() || !strings.Contains(r.Get("warnings").Raw, "no answer yet") {
		t.Errorf("got %s", r.Raw)
	}
}

// While the journal's server is away outcomes are kept, and health says so.
func TestHealth_ServerAway(t *testing.T) {
	b := newBench(t, &script{health: routing.Health{Ollama: routing.Check{Model: "m", Version: "1"}}})
	dir := t.TempDir()
	store := statestore.New(journal.Options{State: "postgres://user@127.0.0.1:1/none", Dir: dir, Project: "p", Log: b.Log})
	t.Cleanup(func() { _ = store.Close() }) // what it keeps stays unsent
	b.Journal = store
	b.run("record_gate_outcome", args{"ticket_id": "A-1", "gate": "lint", "outcome": "fail"})
	said := b.run("check_local_health", args{}).Get("warnings").Raw
	if strings.Contains(said, "nothing can be recorded") || !strings.Contains(said, "outcomes are kept until") || !strings.Contains(said, "1 records wait in") {
		t.Errorf("warnings %s", said)
	}
}

// What cannot be used of the configuration is named, all of it.
func TestHealthNamesEveryProblem(t *testing.T) {
	b := newBench(t, &script{health: routing.Health{Ollama: routing.Check{OK: true, URL: "http://127.0.0.1:11434", Model: "m", Version: "1", Present: true}}})
	for i := range 30 {
		b.Problems = append(b.Problems, fmt.Sprintf("LOCALMODEL_%d=%q is not a number; the default 1 is used", i, strings.Repeat("x", 60)))
	}
	r := b.run("check_local_health", args{})
	for _, p := range b.Problems {
		if !strings.Contains(r.Get("warnings").Raw, strings.SplitN(p, "=", 2)[0]) {
			t.Errorf("%q is not named", p)
		}
	}
}

func TestHealthPreloads(t *testing.T) {
	h := routing.Health{Ollama: routing.Check{OK: true, URL: "http://127.0.0.1:11434", Version: "0.24.0", Model: "m", Present: true}}
	if r := newBench(t, &script{health: h}).run("check_local_health", args{"preload": true}); r.Get("ollama.state").Str != "loading" {
		t.Errorf("preload of a cold model: %s", r.Raw)
	}
	r := newBench(t, &script{health: h, preload: errors.New("no room")}).run("check_local_health", args{"preload": true})
	if r.Get("ollama.state").Str != "cold" || !strings.Contains(r.Get("warnings.0").Str, "no room") {
		t.Errorf("preload that fails: %s", r.Raw)
	}
}
