package obedient

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// ticket is one ticket on its way through the gates.
type ticket struct {
	client    *Client
	path, id  string
	local     bool // the classification's word
	escalated bool
	next      string // the event id that the last reply handed out
	at        int    // the gate it is at
}

// work runs gates until a reply ends the ticket.
func (t *ticket) work() error {
	if err := t.plan(); err != nil {
		return err
	}
	gates, runs, begun := policy.Gates(), map[policy.Gate]int{}, t.client.Calls
	for {
		gate := gates[t.at]
		runs[gate]++
		event := t.next
		if !strings.Contains(event, ":"+string(gate)+":") {
			event = fmt.Sprintf("%s:%s:%d", t.id, gate, runs[gate])
		}
		r, err := t.record(gate, event, !t.client.fails(t.path, gate))
		if err != nil {
			return err
		}
		ended, err := t.obey(gate, r)
		if ended || err != nil {
			return err
		}
		if n := t.client.Calls - begun; n > maxCalls {
			return fmt.Errorf("a loop: %d calls, still at %s", n, gate)
		}
	}
}

var eventInNext = regexp.MustCompile(`event_id: "([^"]+)"`)

// plan plans what the local model may have; a sub-agent plans the rest.
func (t *ticket) plan() error {
	if !t.local || t.escalated {
		return nil
	}
	r, err := t.client.call("plan_ticket", map[string]any{"ticket_path": t.path})
	if err != nil {
		return err
	}
	if r.Get("next").Str == "" || r.Get("owner").Str == "" {
		return fmt.Errorf("a plan without next step or owner: %s", r.Raw)
	}
	if found := eventInNext.FindStringSubmatch(r.Get("next").Str); found != nil {
		t.next = found[1]
	}
	return nil
}

// obey does what the reply to an outcome says.
func (t *ticket) obey(gate policy.Gate, r gjson.Result) (ended bool, err error) {
	t.next = r.Get("next_event_id").Str
	switch action := policy.Action(r.Get("action").Str); action {
	case policy.Continue:
		t.at++
		return false, nil
	case policy.Retry:
		if gate == policy.Plan {
			return false, t.plan()
		}
		return false, nil
	case policy.Escalate:
		if t.escalated {
			return false, errors.New("escalated twice")
		}
		t.escalated = true
		if r.Get("handoff").Str == "" || r.Get("message").Str == "" {
			return false, fmt.Errorf("escalated without hand-off or message: %s", r.Raw)
		}
		return false, nil
	case policy.Stop, policy.Complete:
		t.client.Ends[action]++
		if action == policy.Stop && r.Get("message").Str == "" {
			return false, fmt.Errorf("a stop that says nothing to the user: %s", r.Raw)
		}
		return true, nil
	}
	return false, fmt.Errorf("unknown action: %s", r.Raw)
}

// record records an outcome, and now and then once more, as after a timeout.
func (t *ticket) record(gate policy.Gate, event string, pass bool) (gjson.Result, error) {
	arguments := map[string]any{"ticket_id": t.id, "gate": gate, "outcome": policy.Pass, "event_id": event}
	if !pass {
		arguments["outcome"], arguments["evidence"] = policy.Fail, "cart.go:4: want 2, got 5"
	}
	r, err := t.client.call("record_gate_outcome", arguments)
	if err != nil {
		return r, err
	}
	t.client.Stats = r.Get("stats")
	if r.Get("repeated").Bool() {
		return r, fmt.Errorf("the first record counts as repeated: %s", r.Raw)
	}
	if strings.Contains(r.Get("summary").Str, "(local ticket)") {
		switch policy.Action(r.Get("action").Str) {
		case policy.Complete:
			t.client.LocalSuccesses++
		case policy.Escalate:
			t.client.LocalEscalations++
		}
	}
	const repeatedOneIn = 20
	if t.client.roll.IntN(repeatedOneIn) > 0 {
		return r, nil
	}
	again, err := t.client.call("record_gate_outcome", arguments)
	if err != nil {
		return r, err
	}
	for _, field := range []string{"action", "next_event_id", "owner", "handoff", "stats"} {
		if again.Get(field).Raw != r.Get(field).Raw || !again.Get("repeated").Bool() {
			return r, fmt.Errorf("%s repeated: %s\nfirst: %s", event, again.Raw, r.Raw)
		}
	}
	return r, nil
}
