package tools

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/contract"
)

// gateKeeper records outcomes as a client does, and remembers the last answer.
type gateKeeper struct {
	t    *testing.T
	deps *Deps
	last *recordResult
}

func (k *gateKeeper) record(in recordInput) *recordResult {
	k.t.Helper()
	r, err := recordGateOutcome(k.t.Context(), k.deps, in, Call{})
	if err != nil {
		k.t.Fatal(err)
	}
	if r.Stats.TotalAttempts != r.Stats.SuccessCount+r.Stats.EscalatedToCloud {
		k.t.Fatalf("%d attempts, %d succeeded and %d escalated", r.Stats.TotalAttempts, r.Stats.SuccessCount, r.Stats.EscalatedToCloud)
	}
	k.last = r
	return r
}

// run records "gate pass" or "gate fail" one after another, the first one with
// a route, and returns the actions.
func (k *gateKeeper) run(id, route string, outcomes ...string) string {
	k.t.Helper()
	var actions []string
	for _, o := range outcomes {
		gate, outcome, _ := strings.Cut(o, " ")
		r := k.record(recordInput{TicketID: id, Gate: gate, Outcome: outcome, Route: route, Evidence: "evidence of " + o})
		actions = append(actions, string(r.Action))
		route = ""
	}
	return strings.Join(actions, " ")
}

func keeper(t *testing.T) *gateKeeper {
	t.Helper()
	return &gateKeeper{t: t, deps: decider(t, &scriptedModel{down: refusedLocally, digest: "d"})}
}

func (k *gateKeeper) wantStats(want projection.Stats) {
	k.t.Helper()
	if want.FailuresByType == nil {
		want.FailuresByType = map[string]int{}
	}
	got, err := k.deps.Journal.Stats(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		k.t.Errorf("stats (-want +got)\n%s", diff)
	}
}

func TestEscalationAtEachGate(t *testing.T) {
	for gate, actions := range map[string]string{
		"plan": "retry escalate", "implement": "retry escalate", "lint": "retry escalate", "review": "retry escalate", "commit": "retry retry",
	} {
		t.Run(gate, func(t *testing.T) {
			k := keeper(t)
			if got := k.run("FEAT-1", "local", gate+" fail", gate+" fail"); got != actions {
				t.Fatalf("%s, want %s", got, actions)
			}
			if gate == "commit" {
				k.run("FEAT-1", "", "commit fail", "commit fail", "commit fail")
				k.wantStats(projection.Stats{})
				if k.run("FEAT-1", "", "commit pass"); k.last.Action != "complete" {
					t.Errorf("then it passes: %s", k.last.Action)
				}
				k.wantStats(projection.Stats{TotalAttempts: 1, SuccessCount: 1})
				return
			}
			r := k.last
			if want := "Local failed on FEAT-1 at " + gate + ". Escalated."; r.Message != want || r.EscalateTo != "sonnet" {
				t.Errorf("message %q to %q, want %q to sonnet", r.Message, r.EscalateTo, want)
			}
			if !strings.Contains(r.Handoff, "# Hand-off: escalated at "+gate) || strings.Count(r.Handoff, "evidence of "+gate+" fail") != 2 {
				t.Errorf("hand-off:\n%s", r.Handoff)
			}
			k.wantStats(projection.Stats{TotalAttempts: 1, EscalatedToCloud: 1, FailuresByType: map[string]int{gate: 1}})
		})
	}
}

func TestOneFailureOfEachGateEscalatesNothing(t *testing.T) {
	k := keeper(t)
	got := k.run("FEAT-1", "local", "plan fail", "plan pass", "implement fail", "implement pass", "lint fail", "lint pass", "review fail", "lint pass", "review pass", "commit fail", "commit pass")
	if want := "retry continue retry continue retry continue retry continue continue retry complete"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	k.wantStats(projection.Stats{TotalAttempts: 1, SuccessCount: 1})
}

// A pass between them does not forget the first failure: it is the second of
// the same gate in the attempt.
func TestSecondFailureAfterAPass(t *testing.T) {
	k := keeper(t)
	if got := k.run("FEAT-1", "local", "lint fail", "lint pass", "review pass", "lint fail"); got != "retry continue continue escalate" {
		t.Error(got)
	}
}

func TestCloudTicketsChangeNothingLocal(t *testing.T) {
	k := keeper(t)
	if got := k.run("FEAT-1", "", "lint fail", "lint fail", "lint fail", "lint fail", "review fail", "commit pass"); got != "retry escalate retry stop retry complete" {
		t.Errorf("never seen before, so the cloud's: %s", got)
	}
	k.run("FEAT-2", "cloud", "lint fail", "lint fail", "commit pass")
	k.wantStats(projection.Stats{})
	if states, err := k.deps.Journal.GuardStates(t.Context()); err != nil || len(states) != 0 {
		t.Errorf("guard %v, %v", states, err)
	}
}

func TestTicketComesBack(t *testing.T) {
	k := keeper(t)
	k.run("FEAT-1", "local", "lint fail", "lint fail")
	// It is the cloud's until a commit passes, whatever the route says.
	if got := k.run("FEAT-1", "local", "lint fail"); got != "retry" || len(k.last.Warnings) != 1 || !strings.Contains(k.last.Warnings[0], "was escalated at lint") {
		t.Errorf("after the escalation: %s, warnings %q", got, k.last.Warnings)
	}
	if state, err := k.deps.Journal.TicketState(t.Context(), "FEAT-1"); err != nil || state.EscalatedAt != policy.Lint {
		t.Errorf("escalated at %q, %v", state.EscalatedAt, err)
	}
	if got := k.run("FEAT-1", "", "lint pass", "review fail", "review fail", "commit pass"); got != "continue retry stop complete" {
		t.Errorf("the cloud's outcomes: %s", got)
	}
	one := map[string]int{"lint": 1}
	k.wantStats(projection.Stats{TotalAttempts: 1, EscalatedToCloud: 1, FailuresByType: one})
	// After a commit a new attempt opens, and its failures are counted anew.
	if got := k.run("FEAT-1", "local", "lint fail", "lint pass", "review pass", "commit pass"); got != "retry continue continue complete" {
		t.Errorf("the second attempt: %s", got)
	}
	k.wantStats(projection.Stats{TotalAttempts: 2, SuccessCount: 1, EscalatedToCloud: 1, FailuresByType: one})
	k.run("FEAT-1", "", "lint fail", "lint fail", "commit pass") // completed, so the cloud's
	k.run("FEAT-1", "local", "review fail", "review fail")
	k.wantStats(projection.Stats{TotalAttempts: 3, SuccessCount: 1, EscalatedToCloud: 2, FailuresByType: map[string]int{"lint": 1, "review": 1}})
}

// A plan that the local model served opens the attempt, so route may be left out.
func TestPlanOpensTheAttempt(t *testing.T) {
	k := keeper(t)
	key := guard.Key{Class: "low", Digest: "d/1"}
	plan := statestore.Plan{TicketID: "FEAT-1", ByLocal: true, Key: key, Text: "- Modify `main.go`", Model: "qwen3-coder:30b"}
	if _, err := k.deps.Journal.RecordPlan(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	k.run("FEAT-1", "", "plan pass", "implement pass", "lint fail", "lint fail")
	if !strings.Contains(k.last.Handoff, "Planned by qwen3-coder:30b (local)") || !strings.Contains(k.last.Handoff, "- Modify `main.go`") {
		t.Errorf("hand-off:\n%s", k.last.Handoff)
	}
	states, err := k.deps.Journal.GuardStates(t.Context())
	if s := policy.ParseGuardState(states[key]); err != nil || s.K != 1 || s.N != 1 {
		t.Errorf("guard of the attempt's class and digest: %+v, %v", s, err)
	}
}

// An outcome recorded as the cloud's in the middle of a local attempt counts as
// local's, with a warning.
func TestCloudOutcomeInALocalAttempt(t *testing.T) {
	k := keeper(t)
	k.run("FEAT-1", "local", "lint fail")
	if r := k.record(recordInput{TicketID: "FEAT-1", Gate: "lint", Outcome: "fail", Route: "cloud"}); r.Action != "escalate" || len(r.Warnings) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestQualityScore(t *testing.T) {
	k := keeper(t)
	score := func(v float64) *float64 { return &v }
	k.record(recordInput{TicketID: "A", Gate: "review", Outcome: "fail", Route: "local", QualityScore: score(10)})
	k.record(recordInput{TicketID: "A", Gate: "review", Outcome: "pass", QualityScore: score(80)}) // the last one counts
	k.run("A", "", "commit pass")
	k.wantStats(projection.Stats{TotalAttempts: 1, SuccessCount: 1, AvgQualityScore: 80})
	k.run("B", "local", "lint pass", "commit pass") // none given: not in the mean
	k.wantStats(projection.Stats{TotalAttempts: 2, SuccessCount: 2, AvgQualityScore: 80})
	k.record(recordInput{TicketID: "C", Gate: "review", Outcome: "fail", Route: "local", QualityScore: score(20)})
	k.wantStats(projection.Stats{TotalAttempts: 2, SuccessCount: 2, AvgQualityScore: 80}) // still open
	k.run("C", "", "review fail")
	k.wantStats(projection.Stats{TotalAttempts: 3, SuccessCount: 2, EscalatedToCloud: 1, FailuresByType: map[string]int{"review": 1}, AvgQualityScore: 50})
	k.record(recordInput{TicketID: "D", Gate: "commit", Outcome: "pass", Route: "cloud", QualityScore: score(0)})
	k.wantStats(projection.Stats{TotalAttempts: 3, SuccessCount: 2, EscalatedToCloud: 1, FailuresByType: map[string]int{"review": 1}, AvgQualityScore: 50})
}

// The same outcome again is answered again, hand-off included, and counted once.
func TestRecordedTwice(t *testing.T) {
	k := keeper(t)
	in := recordInput{TicketID: "FEAT-1", Gate: "lint", Outcome: "fail", Route: "local", EventID: "FEAT-1:lint:1", Evidence: "first"}
	first := k.record(in)
	if first.NextEventID != "FEAT-1:lint:2" || first.Repeated {
		t.Fatalf("%+v", first)
	}
	again := k.record(in)
	if !again.Repeated || again.Action != "retry" || again.NextEventID != "FEAT-1:lint:2" || !strings.HasPrefix(again.Summary, "already recorded, counted once: ") {
		t.Errorf("again: %+v", again)
	}
	other := in
	other.Evidence = "other"
	_, err := recordGateOutcome(t.Context(), k.deps, other, Call{})
	var fault *contract.Error
	if !errors.As(err, &fault) || fault.Code != contract.CodeConflict {
		t.Fatalf("the key with another payload: %v", err)
	}
	in.EventID, in.Route, in.Evidence = first.NextEventID, "", "second"
	escalated := k.record(in)
	told := k.record(in)
	if told.Handoff != escalated.Handoff || told.Message != escalated.Message || told.EscalateTo != "sonnet" || !told.Repeated {
		t.Errorf("told again: %+v\nfirst: %+v", told, escalated)
	}
	k.wantStats(projection.Stats{TotalAttempts: 1, EscalatedToCloud: 1, FailuresByType: map[string]int{"lint": 1}})
	// The client's own id of the call serves where no event id is given.
	for range 2 {
		if _, err := recordGateOutcome(t.Context(), k.deps, recordInput{TicketID: "B", Gate: "lint", Outcome: "fail", Route: "local"}, Call{ToolUseID: "toolu_1"}); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := k.deps.Journal.TicketState(t.Context(), "B"); err != nil || state.Phase != policy.PhaseLocal {
		t.Error("one failed lint, sent twice, was counted as two")
	}
	if got := k.run(" B ", "", "lint fail"); got != "escalate" {
		t.Errorf("spaces around an id make another ticket of it: %s", got)
	}
}

func TestCanceledRecordCountsNothing(t *testing.T) {
	k := keeper(t)
	k.run("A", "local", "lint fail")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := recordGateOutcome(ctx, k.deps, recordInput{TicketID: "A", Gate: "lint", Outcome: "fail"}, Call{}); err == nil {
		t.Error("recorded for a client that was gone")
	}
	if state, err := k.deps.Journal.TicketState(t.Context(), "A"); err != nil || state.Phase != policy.PhaseLocal {
		t.Errorf("%+v, %v", state, err)
	}
}

// Without a hand-off an answer costs at most 800 characters, whatever is sent;
// the guard's sums and the counters agree at all times.
func TestRecordSizesAndSums(t *testing.T) {
	k := keeper(t)
	rng := rand.New(rand.NewPCG(5, 0)) //nolint:gosec // the same every time, on purpose
	ids := []string{"A", "FEAT-0000001", strings.Repeat("X", 98) + "-1", strings.Repeat("票", 97) + "-12", `a "quoted" <id>`}
	longest, closed := 0, 0
	for i := range 400 {
		in := recordInput{TicketID: ids[rng.IntN(len(ids))], Gate: string(policy.Gates()[rng.IntN(len(policy.GateRules))]), Outcome: []string{"pass", "fail"}[rng.IntN(2)],
			Route: []string{"", "local", "cloud"}[rng.IntN(3)], Evidence: strings.Repeat("line of evidence\n", rng.IntN(470))}
		if rng.IntN(2) == 0 {
			in.EventID = fmt.Sprintf("%.100s:%s:%d", in.TicketID, in.Gate, i)
		}
		if rng.IntN(3) == 0 {
			q := float64(rng.IntN(10001)) / 100
			in.QualityScore = &q
		}
		r := k.record(in)
		if n := utf8.RuneCountInString(r.Handoff); n >= maxHandoff {
			t.Fatalf("hand-off of %d characters", n)
		}
		if (r.Action == policy.Escalate) != (r.Handoff != "" && r.EscalateTo == "sonnet") {
			t.Fatalf("%+v", r)
		}
		if r.Handoff == "" {
			text, err := contract.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, utf8.RuneCount(text))
		}
		if r.Stats.TotalAttempts < closed {
			t.Fatalf("attempts fell from %d to %d", closed, r.Stats.TotalAttempts)
		}
		closed = r.Stats.TotalAttempts
		failures := 0
		for _, n := range r.Stats.FailuresByType {
			failures += n
		}
		if failures != r.Stats.EscalatedToCloud {
			t.Fatalf("%d failures by type, %d escalated", failures, r.Stats.EscalatedToCloud)
		}
	}
	t.Logf("longest answer without hand-off: %d characters, %d attempts closed", longest, closed)
	if longest > resultChars {
		t.Errorf("%d characters, at most %d", longest, resultChars)
	}
	if closed < 20 {
		t.Errorf("only %d attempts closed: this says little", closed)
	}
}
