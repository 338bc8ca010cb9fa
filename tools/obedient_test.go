package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

const (
	obedientTickets = 200
	obedientWave    = 25
	// maxObedientCalls is far above what any path of one ticket takes: reaching it
	// is a loop.
	maxObedientCalls = 60
)

// obedientClient does what the skill and the replies say and nothing else. It
// knows no rule of its own.
type obedientClient struct {
	t     *testing.T
	deps  *Deps
	tools map[string]Tool
	roll  *rand.Rand
	calls int

	ends                            map[string]int // by the action that ended a ticket
	localSuccesses, localEscalation int
	actions                         map[string]int
}

func newObedientClient(t *testing.T, d *Deps, seed uint64) *obedientClient {
	t.Helper()
	c := &obedientClient{t: t, deps: d, tools: map[string]Tool{}, roll: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // no secret
		ends: map[string]int{}, actions: map[string]int{}}
	for _, tool := range All(d) {
		c.tools[tool.Declaration.Name] = tool
	}
	return c
}

func (c *obedientClient) call(name string, arguments map[string]any) gjson.Result {
	c.t.Helper()
	c.calls++
	in, err := json.Marshal(arguments)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := c.tools[name].Run(c.t.Context(), c.deps, Call{Arguments: in})
	if err != nil {
		c.t.Fatalf("%s %s: %v", name, in, err)
	}
	return gjson.ParseBytes(text)
}

// wave takes tickets through the gates. A ticket is a path; failing says at which
// rate a gate of it fails.
func (c *obedientClient) wave(paths []string, failing func(path string, gate policy.Gate) float64) {
	c.t.Helper()
	for len(paths) > 0 {
		rows := c.call("classify_ticket", map[string]any{"ticket_paths": paths}).Get("tickets").Array()
		if len(rows) != len(paths) {
			c.t.Fatalf("%d rows for %d tickets", len(rows), len(paths))
		}
		escalated := false
		for len(rows) > 0 && !escalated { // after an escalation what is left is classified again
			path := paths[0]
			escalated = c.ticket(path, rows[0], func(gate policy.Gate) float64 { return failing(path, gate) })
			paths, rows = paths[1:], rows[1:]
		}
	}
}

var eventInNext = regexp.MustCompile(`event_id: "([^"]+)"`)

// ticket takes one ticket through its gates until a reply ends it. escalated says
// whether it was handed to another model on the way.
func (c *obedientClient) ticket(path string, row gjson.Result, failing func(policy.Gate) float64) (escalated bool) {
	c.t.Helper()
	id, next := row.Get("id").Str, ""
	plan := func() {
		if !row.Get("local").Bool() || escalated {
			return // a sub-agent plans it
		}
		r := c.call("plan_ticket", map[string]any{"ticket_path": path})
		if found := eventInNext.FindStringSubmatch(r.Get("next").Str); found != nil {
			next = found[1]
		}
		if r.Get("next").Str == "" || r.Get("owner").Str == "" {
			c.t.Fatalf("%s: a plan without next step or owner: %s", id, r.Raw)
		}
	}
	plan()
	gates, at, counts := policy.Gates(), 0, map[policy.Gate]int{}
	begun := c.calls
	for {
		gate := gates[at]
		counts[gate]++
		event := next
		if !strings.Contains(event, ":"+string(gate)+":") {
			event = fmt.Sprintf("%s:%s:%d", id, gate, counts[gate])
		}
		r := c.record(id, gate, event, c.roll.Float64() >= failing(gate))
		next = r.Get("next_event_id").Str
		switch policy.Action(r.Get("action").Str) {
		case policy.Continue:
			at++
		case policy.Retry:
			if gate == policy.Plan {
				plan()
			}
		case policy.Escalate:
			if escalated || r.Get("handoff").Str == "" || r.Get("escalate_to").Str == "" || r.Get("message").Str == "" {
				c.t.Fatalf("%s: escalated before: %t; %s", id, escalated, r.Raw)
			}
			escalated = true
		case policy.Stop:
			if r.Get("message").Str == "" {
				c.t.Fatalf("%s: a stop that says nothing to the user: %s", id, r.Raw)
			}
			c.ends["stop"]++
			return escalated
		case policy.Complete:
			c.ends["complete"]++
			return escalated
		default:
			c.t.Fatalf("%s: unknown action: %s", id, r.Raw)
		}
		if c.calls-begun > maxObedientCalls {
			c.t.Fatalf("%s: a loop: %d calls, still at %s", id, c.calls-begun, gate)
		}
	}
}

// record records an outcome, and now and then once more, as after a time-out.
func (c *obedientClient) record(id string, gate policy.Gate, event string, pass bool) gjson.Result {
	c.t.Helper()
	arguments := map[string]any{"ticket_id": id, "gate": gate, "outcome": policy.Pass, "event_id": event}
	if !pass {
		arguments["outcome"], arguments["evidence"] = policy.Fail, "cart.go:4: want 2, got 5"
	}
	r := c.call("record_gate_outcome", arguments)
	action := r.Get("action").Str
	c.actions[action]++
	if strings.Contains(r.Get("summary").Str, "(local ticket)") {
		switch policy.Action(action) {
		case policy.Complete:
			c.localSuccesses++
		case policy.Escalate:
			c.localEscalation++
		}
	}
	if r.Get("repeated").Bool() {
		c.t.Fatalf("%s: the first record counts as repeated: %s", event, r.Raw)
	}
	if c.roll.IntN(20) == 0 {
		again := c.call("record_gate_outcome", arguments)
		for _, field := range []string{"action", "next_event_id", "owner", "handoff"} {
			if again.Get(field).String() != r.Get(field).String() || !again.Get("repeated").Bool() {
				c.t.Fatalf("%s repeated: %s\nfirst: %s", event, again.Raw, r.Raw)
			}
		}
	}
	return r
}

// obedientBacklog writes tickets of every kind: simple ones, hard ones, forbidden
// ones, and some that depend on the one before.
func obedientBacklog(t *testing.T, root string) (paths []string) {
	t.Helper()
	writeTicket(t, root, "cart.go", cartGo)
	for i := range obedientTickets {
		head := []string{fmt.Sprintf("id: TASK-%d", i+1), "complexity: simple"}
		switch i % 8 {
		case 3:
			head[1] = "complexity: complex"
		case 5:
			head = append(head, "tags: [SECURITY]")
		case 6:
			head = append(head, fmt.Sprintf("depends_on: [TASK-%d]", i))
		}
		path := fmt.Sprintf("TASK-%d.md", i+1)
		writeTicket(t, root, path, fm(head...)+"# Negative amounts\n\nTotal must not count negative amounts.\n"+
			fileTable("cart.go")+"\n## Acceptance Criteria\n- [ ] AC-1: negative amounts count as nothing\n")
		paths = append(paths, path)
	}
	return paths
}

// Whatever answers, and however gates fail, a client that does what the replies
// say ends each ticket, and what is counted is what happened.
func TestObedientClient(t *testing.T) {
	deadProxy := append([]routing.Attempt{}, refusedLocally...)
	for _, tier := range []policy.Tier{policy.Cheap, policy.Balanced} {
		deadProxy = append(deadProxy, routing.Attempt{Tier: tier, Kind: routing.Unavailable, Reason: "connection refused"})
	}
	for _, c := range []struct {
		name  string
		asker func() (Asker, func(*Deps))
		local bool // the local model may succeed
	}{
		{"no model", func() (Asker, func(*Deps)) { return &scriptedModel{down: refusedLocally}, nil }, false},
		{"local model", func() (Asker, func(*Deps)) {
			m := &draftingModel{}
			m.says = func(string) (string, string) { return "BUG", "low" }
			return m, nil
		}, true},
		{"dead proxy", func() (Asker, func(*Deps)) {
			return &scriptedModel{down: deadProxy}, func(d *Deps) { d.PaidTier = true }
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asker, change := c.asker()
			d := decider(t, &scriptedModel{})
			if d.Asker = asker; change != nil {
				change(d)
			}
			client := newObedientClient(t, d, 7)
			paths := obedientBacklog(t, d.Root)
			usual := map[policy.Gate]float64{policy.Plan: .15, policy.Implement: .2, policy.Lint: .3, policy.Review: .2, policy.Commit: .1}
			hopeless := map[string]policy.Gate{} // one ticket in eight fails one gate for ever
			for i, path := range paths {
				if i%8 == 2 {
					hopeless[path] = policy.Gates()[i/8%len(policy.GateRules)]
				}
			}
			for i := 0; i < len(paths); i += obedientWave {
				client.wave(paths[i:i+obedientWave], func(path string, gate policy.Gate) float64 {
					if hopeless[path] == gate {
						return 1
					}
					return usual[gate]
				})
			}
			client.check(c.local, len(hopeless))
		})
	}
}

// check holds the client's own count against the journal's.
func (c *obedientClient) check(local bool, hopeless int) {
	c.t.Helper()
	if done := c.ends["complete"] + c.ends["stop"]; done != obedientTickets {
		c.t.Errorf("%d tickets ended, want %d", done, obedientTickets)
	}
	if c.ends["stop"] < hopeless {
		c.t.Errorf("%d tickets stopped, want at least the %d hopeless ones", c.ends["stop"], hopeless)
	}
	stats, err := c.deps.Journal.Stats(context.WithoutCancel(c.t.Context()))
	if err != nil {
		c.t.Fatal(err)
	}
	if stats.SuccessCount != c.localSuccesses || stats.EscalatedToCloud != c.localEscalation ||
		stats.TotalAttempts != c.localSuccesses+c.localEscalation {
		c.t.Errorf("stats %+v, want %d successes and %d escalated", stats, c.localSuccesses, c.localEscalation)
	}
	if local != (c.localSuccesses > 0) {
		c.t.Errorf("%d local successes, want some: %t", c.localSuccesses, local)
	}
	c.t.Logf("%d tickets: %v, %d stayed local, %d escalated from local; %.1f calls a ticket; actions %v",
		obedientTickets, c.ends, c.localSuccesses, c.localEscalation, float64(c.calls)/obedientTickets, c.actions)
}
