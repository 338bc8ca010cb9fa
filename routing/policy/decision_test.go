package policy

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// marks has a count at one gate.
func marks(g Gate, n uint8) (counts [len(GateRules)]uint8) {
	counts[g.index()] = n
	return counts
}

// TestOnOutcome_Decision holds whole decisions, with what they say to the user,
// and the states they lead to.
func TestOnOutcome_Decision(t *testing.T) {
	for name, c := range map[string]struct {
		state   TicketState
		outcome GateOutcome
		after   TicketState
		want    Decision
	}{
		"a gate that is not known": {
			TicketState{Phase: PhaseLocal}, GateOutcome{Gate: "none", Outcome: Fail},
			TicketState{Phase: PhaseLocal},
			Decision{Action: Stop, Owner: OwnerLocal, Message: `unknown gate "none"`},
		},
		"a new ticket, local": {
			TicketState{}, GateOutcome{Gate: Plan, Outcome: Pass, Route: OwnerLocal, Eligible: true},
			TicketState{Phase: PhaseLocal},
			Decision{Action: Continue, Owner: OwnerLocal, OpensAttempt: true, Changed: "recorded as local: an attempt of the local model is open"},
		},
		"a new ticket, of no one": {
			TicketState{}, GateOutcome{Gate: Plan, Outcome: Pass},
			TicketState{Phase: PhaseCloud},
			Decision{Action: Continue, Owner: OwnerCloud},
		},
		"a local commit passes": {
			TicketState{Phase: PhaseLocal}, GateOutcome{Gate: Commit, Outcome: Pass},
			TicketState{Phase: PhaseDone},
			Decision{Action: Complete, Owner: OwnerLocal, ClosesAttempt: true, Succeeded: true},
		},
		"a cloud commit passes": {
			TicketState{Phase: PhaseCloud}, GateOutcome{Gate: Commit, Outcome: Pass},
			TicketState{Phase: PhaseDone},
			Decision{Action: Complete, Owner: OwnerCloud},
		},
		"local fails twice": {
			TicketState{Phase: PhaseLocal, Failures: marks(Lint, 1), Retries: marks(Lint, 1)}, GateOutcome{Gate: Lint, Outcome: Fail},
			TicketState{Phase: PhaseEscalated, EscalatedAt: Lint, Retries: marks(Lint, 1)},
			Decision{Action: Escalate, Owner: OwnerLocal, EscalateTo: EscalationModel, ClosesAttempt: true,
				Message: "Local failed on T-1 at lint. Escalated.", Changed: "escalated at lint: from here a cloud ticket"},
		},
		"the cloud fails twice": {
			TicketState{Phase: PhaseCloud, Failures: marks(Lint, 1)}, GateOutcome{Gate: Lint, Outcome: Fail},
			TicketState{Phase: PhaseEscalated, EscalatedAt: Lint},
			Decision{Action: Escalate, Owner: OwnerCloud, EscalateTo: EscalationModel, Message: "Cloud failed on T-1 at lint. Escalated."},
		},
		"retried often before, fails once": {
			TicketState{Phase: PhaseLocal, Retries: marks(Lint, maxRetriesInRow)}, GateOutcome{Gate: Lint, Outcome: Fail},
			TicketState{Phase: PhaseEscalated, EscalatedAt: Lint, Retries: marks(Lint, maxRetriesInRow)},
			Decision{Action: Escalate, Owner: OwnerLocal, EscalateTo: EscalationModel, ClosesAttempt: true,
				Message: "Local failed on T-1 at lint. Escalated.", Changed: "escalated at lint: from here a cloud ticket"},
		},
		"a gate that passes may be retried again": {
			TicketState{Phase: PhaseEscalated, EscalatedAt: Lint, Retries: marks(Lint, maxRetriesInRow)}, GateOutcome{Gate: Lint, Outcome: Pass},
			TicketState{Phase: PhaseEscalated, EscalatedAt: Lint},
			Decision{Action: Continue, Owner: OwnerCloud},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.outcome.TicketID = "T-1"
			after, got := OnOutcome(c.state, c.outcome)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.after, after); diff != "" {
				t.Errorf("state after it (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnPlan_Decision(t *testing.T) {
	for name, c := range map[string]struct {
		state TicketState
		local bool
		want  Decision
	}{
		"local, new":          {TicketState{}, true, Decision{Action: Continue, Owner: OwnerLocal, OpensAttempt: true, Changed: "planned by the local model: from here a local ticket"}},
		"local, open already": {TicketState{Phase: PhaseLocal}, true, Decision{Action: Continue, Owner: OwnerLocal}},
		"local, escalated":    {TicketState{Phase: PhaseEscalated}, true, Decision{Action: Continue, Owner: OwnerCloud}},
		"cloud, new":          {TicketState{}, false, Decision{Action: Continue, Owner: OwnerCloud, Changed: "planned by the template: from here a cloud ticket"}},
		"cloud, local open":   {TicketState{Phase: PhaseLocal}, false, Decision{Action: Continue, Owner: OwnerLocal}},
	} {
		if _, got := OnPlan(c.state, c.local, "template"); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// TestGuard_AtTheThreshold holds that what reaches a limit exactly counts as
// having reached it. Nothing is forgotten here, so that counts stay whole.
func TestGuard_AtTheThreshold(t *testing.T) {
	p := parameters{halfLife: math.Inf(1), minSample: 5, z: 1, fastTrip: 3, small: 3, first: 10, growth: 2, most: 48, credit: 1}
	at := wilsonLower(4, 5, p.z)
	for name, c := range map[string]struct {
		threshold float64
		before    GuardState
		failed    bool
		open      bool
	}{
		"the bound reaches the threshold with the last of enough": {at, GuardState{K: 3, N: 4}, true, true},
		"one outcome fewer":                           {at, GuardState{K: 3, N: 3}, true, false},
		"a run of failures while the sample is small": {.99, GuardState{K: 2, N: 2, Run: 2}, true, true},
		"... and when it no longer is":                {.99, GuardState{K: 2, N: 3, Run: 2}, true, false},
		"open, the rate falls to the threshold":       {.3, GuardState{K: 3, N: 9, Open: true, Interval: 10}, false, true},
		"... and beneath it":                          {.3, GuardState{K: 3, N: 10, Open: true, Interval: 10}, false, false},
	} {
		s := c.before
		Guard{Mode: Adaptive, Threshold: c.threshold, tune: &p}.settle("T", &s, c.failed)
		if s.Open != c.open {
			t.Errorf("%s: open %t, want %t; %+v", name, s.Open, c.open, s)
		}
	}
	v := Guard{Mode: Adaptive, Threshold: at, tune: &p}.Look("low", GuardState{K: 4, N: 5, Open: true, Interval: 10}, Totals{}, anyDay)
	if want := "lower bound " + floorDigits(at) + " >= " + floorDigits(at); !strings.Contains(v.Why, want) {
		t.Errorf("got %q, want it to say %q", v.Why, want)
	}
}

// TestAdmit_DamagedMemo holds that a memo that breaks off after its time counts
// as none.
func TestAdmit_DamagedMemo(t *testing.T) {
	at, err := anyDay.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(`{"opening":1,"at":` + string(at) + `,"verdict":7}`)
	now := anyDay.Add(time.Hour)
	g := Guard{Mode: Adaptive}
	state, err := json.Marshal(settled(g, GuardState{}, "FFF"))
	if err != nil {
		t.Fatal(err)
	}
	if v, after, _, err := g.Admit("low", "A", state, damaged, Totals{}, now); err != nil || ParseGuardState(after).Waited != 1 || v.Why == "" {
		t.Errorf("guard: got %+v, %s, %v; want the ticket counted and a reason", v, after, err)
	}
	drafts := draftHistory(t, "dddddddddd")
	if v, after, _, err := g.AdmitDraft("low", "A", drafts, damaged, now); err != nil || ParseDraftRecord(after).Waited != 1 || v.Why == "" {
		t.Errorf("drafts: got %+v, %s, %v; want the ticket counted and a reason", v, after, err)
	}
	if v, _, _, err := (Guard{Mode: Always}).AdmitDraft("low", "A", drafts, nil, now); err != nil || !v.Admit {
		t.Errorf("LOCALMODEL_GUARD=always: got %+v, %v; want the change drafted", v, err)
	}
}

// TestEligible_SizeOfFiles holds that a ticket with files has a size.
func TestEligible_SizeOfFiles(t *testing.T) {
	for _, sure := range []bool{true, false} {
		f := admitted()
		f.Files, f.SizeUnknown, f.Sure = []string{"a.go"}, true, sure
		if _, _, all := Eligible(f); all[2].Why != "1 file <= 3" {
			t.Errorf("sure %t: got %q, want %q", sure, all[2].Why, "1 file <= 3")
		}
	}
}
