package statestore

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/statestore/journal"
)

// The plan that failed its gate is shown, whatever was planned since.
func TestPlanFailure_ShowsTheRefusedPlan(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := newStore(t, o)
		plan := func(text string) {
			t.Helper()
			if _, err := s.RecordPlan(ctx, Plan{TicketID: "T", ByLocal: true, Text: text, Model: "qwen"}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(when string, want PlanFailure) {
			t.Helper()
			got, err := s.PlanFailure(ctx, "T")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		fail := func(evidence string) Recorded {
			t.Helper()
			failed := out("T plan fail")
			failed.Evidence = evidence
			return record(t, s, failed)
		}
		plan("p1")
		want("before a failure", PlanFailure{})
		fail("no test")
		want("after it", PlanFailure{Evidence: "no test", Plan: "p1", Count: 1})
		plan("p2")
		want("after another plan", PlanFailure{Evidence: "no test", Plan: "p1", Count: 1})
		plan("p3")
		if r := fail("no file"); r.Attempt == nil || r.Attempt.Plan != "p3" {
			t.Errorf("the hand-off has another plan than the last: %+v", r.Attempt)
		}
		want("after the escalation", PlanFailure{Evidence: "no file", Plan: "p3"})
		record(t, s, out("T commit pass"))
		want("after the commit", PlanFailure{})

		// Another tier made the plan while the local attempt was open.
		plan("p4")
		if _, err := s.RecordPlan(ctx, Plan{TicketID: "T", By: "cheap tier", Text: "p5", Model: "haiku"}); err != nil {
			t.Fatal(err)
		}
		fail("no line")
		want("after a plan of another", PlanFailure{Evidence: "no line", Plan: "p5", Count: 1})
		r := fail("no line again")
		if a := r.Attempt; a == nil || a.Plan != "p5" || a.Planner != "cheap tier" || a.Model != "qwen" {
			t.Errorf("the hand-off does not have the plan of another: %+v", a)
		}
	})
}

func TestKnown_ItselfAndNear(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		s := newStore(t, o)
		ids := []string{"A-1", "FEAT-1", "FEAT-2", "FEAT-3", "Z-1", "lower-1"}
		for _, id := range ids {
			record(t, s, out(id+" implement pass"))
		}
		for _, row := range []struct {
			name, id string
			limit    int
			known    bool
			near     []string
		}{
			{"recorded", "FEAT-2", 9, true, nil},
			{"other case", "feat-2", 9, false, append(slices.Clone(ids[:5]), "lower-1")},
			{"one on each side", "FEAT-25", 1, false, []string{"FEAT-2", "FEAT-3"}},
			{"far case, limit", "LOWER-1", 1, false, []string{"FEAT-3", "Z-1", "lower-1"}},
		} {
			t.Run(row.name, func(t *testing.T) {
				known, near, err := s.Known(t.Context(), row.id, row.limit)
				slices.Sort(near)
				if err != nil || known != row.known || !known && !slices.Equal(near, row.near) {
					t.Errorf("got %v, %q, %v, want %v, %q", known, near, err, row.known, row.near)
				}
			})
		}
	})
}
