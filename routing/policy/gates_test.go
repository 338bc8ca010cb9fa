package policy

import (
	"fmt"
	"testing"
)

// event is one step of a history: a plan by one side, or an outcome.
type event struct {
	plan     bool
	byLocal  bool
	gate     Gate
	outcome  Outcome
	route    Owner
	eligible bool
}

func (e event) String() string {
	if e.plan {
		return fmt.Sprintf("plan(local=%v)", e.byLocal)
	}
	return fmt.Sprintf("%s:%s route=%q eligible=%v", e.gate, e.outcome, e.route, e.eligible)
}

// history is what a client and the store would see of one ticket.
type history struct {
	state                        TicketState
	open                         bool
	attempts, success, escalated int                 // local figures
	escalations                  int                 // since the last commit, local or cloud
	retries                      [len(GateRules)]int // in a row, by gate
	last                         event
	before                       *history
}

// path is how the history came about.
func (h history) path() []event {
	if h.before == nil {
		return nil
	}
	return append(h.before.path(), h.last)
}

func (h history) apply(t *testing.T, e event) history {
	earlier := h
	h.last, h.before = e, &earlier
	var d Decision
	before := h.state
	if e.plan {
		h.state, d = OnPlan(h.state, e.byLocal, "template")
	} else {
		h.state, d = OnOutcome(h.state, GateOutcome{TicketID: "T-1", Gate: e.gate, Outcome: e.outcome,
			Route: e.route, Eligible: e.eligible, IneligibleWhy: "tag SECURITY"})
	}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s\nhistory: %v\nbefore: %+v\nafter: %+v\ndecision: %+v", fmt.Sprintf(format, args...), h.path(), before, h.state, d)
	}
	if d.OpensAttempt {
		if h.open {
			fail("a second attempt opened")
		}
		h.open = true
		h.attempts++
	}
	if d.ClosesAttempt {
		if !h.open {
			fail("closed an attempt that was not open")
		}
		h.open = false
		if d.Succeeded {
			h.success++
		} else {
			h.escalated++
		}
	}
	open := 0
	if h.open {
		open = 1
	}
	if h.attempts != h.success+h.escalated+open {
		fail("totals: %d attempts, %d succeeded, %d escalated, %d open", h.attempts, h.success, h.escalated, open)
	}
	if h.open != (h.state.Phase == PhaseLocal) {
		fail("phase %q with open=%v", h.state.Phase, h.open)
	}
	if e.plan {
		return h
	}
	gate := e.gate.index()
	switch d.Action {
	case Retry:
		if h.retries[gate]++; h.retries[gate] > 2 {
			fail("%s was answered retry %d times in a row", e.gate, h.retries[gate])
		}
	case Escalate:
		if h.escalations++; h.escalations > 1 {
			fail("escalated twice")
		}
		if d.EscalateTo == "" || d.Message == "" {
			fail("an escalation without model or message")
		}
	case Stop:
		if d.Message == "" {
			fail("stop without a message for the user")
		}
	case Complete:
		if h.open || e.gate != Commit {
			fail("complete left an attempt open")
		}
		h.escalations = 0
		h.retries = [len(GateRules)]int{}
	case Continue:
		h.retries[gate] = 0
	default:
		fail("unknown action %q", d.Action)
	}
	if (e.outcome == Pass) != (d.Action == Continue || d.Action == Complete) {
		fail("outcome %s was answered %s", e.outcome, d.Action)
	}
	return h
}

// reaches the same future: everything the invariants depend on.
type futureKey struct {
	state       TicketState
	escalations int
	retries     [len(GateRules)]int
}

// TestGates_EveryHistory walks every sequence of up to 7 events: plans of both
// sides and each gate's outcomes with each route, let through or not. Histories
// that are at the same point are walked on once.
func TestGates_EveryHistory(t *testing.T) {
	var events []event
	for _, byLocal := range []bool{true, false} {
		events = append(events, event{plan: true, byLocal: byLocal})
	}
	for _, gate := range Gates() {
		for _, outcome := range []Outcome{Pass, Fail} {
			events = append(events, event{gate: gate, outcome: outcome},
				event{gate: gate, outcome: outcome, route: OwnerCloud, eligible: true},
				event{gate: gate, outcome: outcome, route: OwnerLocal, eligible: true},
				event{gate: gate, outcome: outcome, route: OwnerLocal})
		}
	}
	level := []history{{}}
	seen := map[futureKey]bool{}
	steps := 0
	for depth := 0; depth < 7; depth++ {
		var next []history
		for _, h := range level {
			for _, e := range events {
				after := h.apply(t, e)
				steps++
				key := futureKey{after.state, after.escalations, after.retries}
				if !seen[key] {
					seen[key] = true
					next = append(next, after)
				}
			}
		}
		level = next
	}
	t.Logf("%d steps over %d distinct situations", steps, len(seen))
}

// TestGates_FailingForEver_Ends holds that a client that does what it is told
// and meets nothing but failures gets `stop`.
func TestGates_FailingForEver_Ends(t *testing.T) {
	for _, gate := range Gates() {
		for _, local := range []bool{true, false} {
			var s TicketState
			var d Decision
			s, _ = OnPlan(s, local, "template")
			var actions []Action
			for len(actions) < 10 && d.Action != Stop {
				s, d = OnOutcome(s, GateOutcome{TicketID: "T-1", Gate: gate, Outcome: Fail})
				actions = append(actions, d.Action)
			}
			want := []Action{Retry, Escalate, Retry, Stop}
			if gate == Commit {
				want = []Action{Retry, Retry, Stop}
			}
			if fmt.Sprint(actions) != fmt.Sprint(want) {
				t.Errorf("%s failing (local=%v): got %v, want %v", gate, local, actions, want)
			}
		}
	}
}

func TestGateNext(t *testing.T) {
	for _, row := range []struct {
		gate    Gate
		outcome Outcome
		want    Gate
	}{
		{Plan, Pass, Gates()[1]}, {Plan, Fail, Plan}, {Commit, Pass, Plan}, {Commit, Fail, Commit},
		{Gates()[len(GateRules)-2], Pass, Commit}, {"none", Pass, "none"},
	} {
		if got := row.gate.Next(row.outcome); got != row.want {
			t.Errorf("after %s:%s got %s, want %s", row.gate, row.outcome, got, row.want)
		}
	}
}

// TestOnOutcome_RouteOfTheCaller holds what a route that the caller gives is
// taken for.
func TestOnOutcome_RouteOfTheCaller(t *testing.T) {
	local, _ := OnPlan(TicketState{}, true, "local")
	escalated := TicketState{Phase: PhaseEscalated, EscalatedAt: Lint}
	for name, row := range map[string]struct {
		state   TicketState
		outcome GateOutcome
		owner   Owner
		warns   bool
	}{
		"local, eligible":            {TicketState{}, GateOutcome{Route: OwnerLocal, Eligible: true}, OwnerLocal, false},
		"local, refused by rules":    {TicketState{}, GateOutcome{Route: OwnerLocal}, OwnerCloud, true},
		"nothing said":               {TicketState{}, GateOutcome{Eligible: true}, OwnerCloud, false},
		"cloud while local is open":  {local, GateOutcome{Route: OwnerCloud}, OwnerLocal, true},
		"local after an escalation":  {escalated, GateOutcome{Route: OwnerLocal, Eligible: true}, OwnerCloud, true},
		"nothing said, local open":   {local, GateOutcome{}, OwnerLocal, false},
		"cloud's, as said":           {TicketState{Phase: PhaseCloud}, GateOutcome{Route: OwnerCloud}, OwnerCloud, false},
		"escalated, nothing said":    {escalated, GateOutcome{Eligible: true}, OwnerCloud, false},
		"local again after a commit": {TicketState{Phase: PhaseDone}, GateOutcome{Route: OwnerLocal, Eligible: true}, OwnerLocal, false},
	} {
		row.outcome.TicketID, row.outcome.Gate, row.outcome.Outcome = "T-1", Lint, Pass
		_, d := OnOutcome(row.state, row.outcome)
		if d.Owner != row.owner || (d.Warning != "") != row.warns {
			t.Errorf("%s: owner %s, warning %q; want owner %s, warns %v", name, d.Owner, d.Warning, row.owner, row.warns)
		}
	}
}
