package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/plan"
)

// recordDraftUse records gate implement with what became of the draft.
func recordDraftUse(t *testing.T, d *Deps, id, use string) *recordResult {
	t.Helper()
	r, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: id, Gate: "implement", Outcome: "pass", Draft: use,
		EventID: id + ":implement:1"}, Call{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// draftSums are the sums of drafts by kind.
func draftSums(t *testing.T, d *Deps) map[calls.Kind]int {
	t.Helper()
	sums := map[calls.Kind]int{}
	all, err := d.Journal.(*statestore.Store).Calls.Usage(t.Context(), anyHour.AddDate(-10, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if strings.HasPrefix(string(u.Kind), "draft") {
			sums[u.Kind] += u.N
		}
	}
	return sums
}

// TestRecord_Draft holds what is counted of a draft from plan to commit, and
// that a repeated call counts once.
func TestRecord_Draft(t *testing.T) {
	d, in := draftingDeps(t, &draftingModel{draft: goodDraft})
	planInputOf(t, d, in)
	planInputOf(t, d, in) // the same draft
	recordOutcome(t, d, "BUG-7", policy.Plan, policy.Pass, "")
	if r := recordDraftUse(t, d, "BUG-7", "applied"); r.Repeated || len(r.Warnings) != 0 {
		t.Errorf("got %+v", r)
	}
	if r := recordDraftUse(t, d, "BUG-7", "applied"); !r.Repeated {
		t.Errorf("the same call again is not repeated: %+v", r)
	}
	_, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "BUG-7", Gate: "implement", Outcome: "pass", Draft: "edited",
		EventID: "BUG-7:implement:1"}, Call{})
	var fault *contract.Error
	if !errors.As(err, &fault) || fault.Code != contract.CodeConflict {
		t.Errorf("another use under one event id: %v, want %s", err, contract.CodeConflict)
	}
	recordOutcome(t, d, "BUG-7", policy.Commit, policy.Pass, "")
	want := map[calls.Kind]int{
		calls.Draft: 1, calls.DraftReady: 1, calls.DraftApplied: 1, calls.DraftKept: 1,
	}
	if diff := cmp.Diff(want, draftSums(t, d)); diff != "" {
		t.Error(diff)
	}
}

// TestRecord_DraftWrongUse holds what is said where there is nothing to count.
func TestRecord_DraftWrongUse(t *testing.T) {
	d, in := draftingDeps(t, &draftingModel{draft: goodDraft})
	r := recordDraftUse(t, d, "BUG-1", "applied")
	if !strings.Contains(strings.Join(r.Warnings, " "), "no draft of BUG-1 is known") {
		t.Errorf("without a draft: %+v", r.Warnings)
	}
	planInputOf(t, d, in)
	recordDraftUse(t, d, "BUG-7", "discarded")
	r, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "BUG-7", Gate: "implement", Outcome: "pass", Draft: "applied"}, Call{})
	if err != nil || !strings.Contains(strings.Join(r.Warnings, " "), "recorded as discarded") {
		t.Errorf("a second use: %+v, %v", r, err)
	}
	for _, gate := range []string{"plan", "lint", "review", "commit"} {
		_, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "BUG-7", Gate: gate, Outcome: "pass", Draft: "applied"}, Call{})
		var fault *contract.Error
		if !errors.As(err, &fault) || fault.Code != contract.CodeArgument || !strings.Contains(fault.Cause, "gate implement alone") {
			t.Errorf("with gate %s: %v", gate, err)
		}
	}
	if n := draftSums(t, d)[calls.DraftApplied]; n != 0 {
		t.Errorf("%d drafts count as applied, want none", n)
	}
}

// TestPlan_DraftsSwitchedOff holds that a class whose drafts are not applied is
// not drafted any more, that its figures are said, and that a probe comes.
func TestPlan_DraftsSwitchedOff(t *testing.T) {
	m := &draftingModel{draft: goodDraft}
	d, in := draftingDeps(t, m)
	d.Guard.Mode = policy.Adaptive
	text, err := os.ReadFile(filepath.Join(d.Root, in.TicketPath))
	if err != nil {
		t.Fatal(err)
	}
	planned := func(n int) *plan.Result {
		id := fmt.Sprintf("BUG-%d", 100+n)
		writeTicket(t, d.Root, id+".md", strings.ReplaceAll(string(text), "BUG-7", id))
		in.TicketPath = id + ".md"
		return planInputOf(t, d, in)
	}
	for n := range 10 {
		if r := planned(n); r.Draft == nil || r.Draft.State != draft.StateReady {
			t.Fatalf("ticket %d: %+v, want a draft", n, r.Draft)
		}
		recordDraftUse(t, d, fmt.Sprintf("BUG-%d", 100+n), map[bool]string{true: "applied", false: "discarded"}[n%2 == 0])
	}
	off := planned(10)
	if off.Draft == nil || off.Draft.State != draft.StateOff || off.Plan == "" ||
		!strings.Contains(off.Draft.Why, "no drafts for medium BUG: 5 of the last 10 were applied, under 60 %; next try in 9 tickets") {
		t.Fatalf("got %+v, want it switched off with the figures", off.Draft)
	}
	if again := planned(10); again.Draft.Why != off.Draft.Why {
		t.Errorf("the same ticket again counts: %q, then %q", off.Draft.Why, again.Draft.Why)
	}
	for n := 11; n < 19; n++ {
		if r := planned(n); r.Draft.State != draft.StateOff {
			t.Fatalf("ticket %d: %+v, want none", n, r.Draft)
		}
	}
	if r := planned(19); r.Draft.State != draft.StateReady {
		t.Errorf("the tenth ticket: %+v, want a probe", r.Draft)
	}
	h, err := checkLocalHealth(t.Context(), d, healthInput{}, Call{})
	if err != nil || !strings.Contains(strings.Join(h.Guard.Open, "; "), "no drafts for medium BUG") {
		t.Errorf("health says %q, %v", h.Guard.Open, err)
	}
}

// TestPlan_DraftChecked_ByTrustedCommands holds that a draft is verified where
// the project's commands are trusted and pass, and not handed over where they
// fail.
func TestPlan_DraftChecked_ByTrustedCommands(t *testing.T) {
	for name, row := range map[string]struct {
		lines    []string
		why      string
		state    string
		verified bool
		said     string
	}{
		"they pass":        {lines: []string{"grep -q 'i > 0' cart.go", "test -f cart_test.go"}, state: draft.StateReady, verified: true, said: "passed"},
		"one fails":        {lines: []string{"true", "echo no such total; exit 1"}, state: draft.StateNone, said: "no such total"},
		"one is not there": {lines: []string{"no-such-linter"}, state: draft.StateReady, said: "no-such-linter: could not run"},
		"not trusted":      {why: "not trusted: localmodel trust --commands", state: draft.StateReady, said: "localmodel trust --commands"},
	} {
		t.Run(name, func(t *testing.T) {
			d, in := draftingDeps(t, &draftingModel{draft: goodDraft})
			d.TrustedCommands = func(context.Context) ([]string, string) { return row.lines, row.why }
			d.Environ = os.Environ
			r := planInputOf(t, d, in)
			if r.Draft == nil || r.Draft.State != row.state || r.Draft.Verified != row.verified ||
				!strings.Contains(r.Draft.Checks[draft.CheckCommands], row.said) {
				t.Errorf("got %+v, want %s, verified %t, %q", r.Draft, row.state, row.verified, row.said)
			}
			if (r.Draft.Patch != "") != (row.state == draft.StateReady) {
				t.Errorf("patch file %q with state %s", r.Draft.Patch, r.Draft.State)
			}
		})
	}
}

// TestDraft_Temperature holds that a draft is sampled as it is set, else as the
// model's maker has it.
func TestDraft_Temperature(t *testing.T) {
	for set, want := range map[float64]routing.Sampling{0: {Free: true}, 0.4: {Free: true, Temperature: 0.4}} {
		var got routing.Sampling
		d, in := draftingDeps(t, &draftingModel{draft: func(ctx context.Context, req routing.Request) string {
			got = req.Sampling
			return goodDraft(ctx, req)
		}})
		d.DraftTemperature = set
		if planInputOf(t, d, in); got != want {
			t.Errorf("set to %g: %+v, want %+v", set, got, want)
		}
	}
}
