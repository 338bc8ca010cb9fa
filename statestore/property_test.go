package statestore

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// naive computes every figure from the whole list of events, by the rules of
// policy, and keeps nothing beside it.
type naive struct{ events []Outcome }

func (n naive) stats() projection.Stats {
	s := projection.Stats{FailuresByType: map[string]int{}}
	states, scores := map[string]policy.TicketState{}, map[string]*float64{}
	sum, scored := 0.0, 0
	for _, e := range n.events {
		state, d := policy.OnOutcome(states[e.TicketID], policy.GateOutcome{TicketID: e.TicketID, Gate: e.Gate, Outcome: e.Outcome,
			Route: e.Route, Eligible: true})
		states[e.TicketID] = state
		if d.OpensAttempt {
			scores[e.TicketID] = nil
		}
		if e.Quality != nil && (state.Phase == policy.PhaseLocal || d.ClosesAttempt) {
			scores[e.TicketID] = e.Quality
		}
		if !d.ClosesAttempt {
			continue
		}
		s.TotalAttempts++
		if d.Succeeded {
			s.SuccessCount++
		} else {
			s.EscalatedToCloud++
			s.FailuresByType[string(e.Gate)]++
		}
		if q := scores[e.TicketID]; q != nil {
			sum, scored = sum+*q, scored+1
		}
	}
	if scored > 0 {
		s.AvgQualityScore = math.Round(sum/float64(scored)*100) / 100
	}
	return s
}

// randomOutcome is likely to fail, and likely to meet a ticket again.
func randomOutcome(r *rand.Rand, tickets int) Outcome {
	o := Outcome{TicketID: fmt.Sprintf("T-%d", r.IntN(tickets)), Gate: policy.Gates()[r.IntN(gates)],
		Outcome: []policy.Outcome{policy.Pass, policy.Fail}[r.IntN(2)], Route: []policy.Owner{"", "", "local", "local", "cloud"}[r.IntN(5)]}
	if r.IntN(3) == 0 {
		v := float64(r.IntN(101))
		o.Quality = &v
	}
	return o
}

// For any sequence of outcomes the counters are those of the naive model, after
// every step, repetitions counting nothing.
func TestCountersEqualNaiveModel(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		rounds, length := 12, 60
		if o.State != "" {
			rounds = 4
		}
		if full {
			rounds, length = 200, 200
		}
		for seed := range rounds {
			r := rand.New(rand.NewPCG(uint64(seed), 4))
			model := naive{}
			s := newStore(t, journal.Options{Root: t.TempDir()})
			if s2 := o; o.State != "" {
				s2.Root = t.TempDir()
				s2.State = pgtest.Shared(t).Schema(t)
				s = newStore(t, s2)
			}
			for i := range length {
				e := randomOutcome(r, 6)
				if r.IntN(2) == 0 {
					e.EventID = fmt.Sprint(i)
				}
				model.events = append(model.events, e)
				got := record(t, s, e)
				want := model.stats()
				if diff := cmp.Diff(want, got.Stats); diff != "" {
					t.Fatalf("seed %d, step %d, %+v (-want +got):\n%s", seed, i, e, diff)
				}
				if got.Stats.TotalAttempts != got.Stats.SuccessCount+got.Stats.EscalatedToCloud {
					t.Fatalf("seed %d, step %d: %+v", seed, i, got.Stats)
				}
				if e.EventID != "" && r.IntN(3) == 0 {
					again := record(t, s, e)
					if diff := cmp.Diff(want, mustStats(t, s)); diff != "" || !again.Repeated {
						t.Fatalf("seed %d, step %d: a repetition counted, repeated %t:\n%s", seed, i, again.Repeated, diff)
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if block, found := s.Written(context.Background()); !found || !cmp.Equal(block, model.stats()) {
				t.Fatalf("seed %d: the state file says %+v", seed, block)
			}
		}
	})
}

// The guard's step is called exactly when a local attempt closes, with the
// record under the attempt's own key.
func TestStepCalls(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := newStore(t, o)
		var calls []string
		step := func(state []byte, c Closed) ([]byte, error) {
			calls = append(calls, fmt.Sprintf("%s %t %s", c.TicketID, c.Escalated, state))
			return append(state, 'x'), nil
		}
		if _, err := s.RecordPlan(ctx, Plan{TicketID: "A", ByLocal: true, Key: guard.Key{Class: "low", Digest: "d1"}}); err != nil {
			t.Fatal(err)
		}
		// B's class is that of its last decision, C's is not known.
		if err := s.SaveDecision(ctx, decisions.Decision{Hash: "b", TicketID: "B", Complexity: "low", Digest: "d1"}); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"A lint fail", "A lint fail", "A commit pass", "B commit pass local", "C commit pass local", "D commit pass"} {
			if _, err := s.Record(ctx, out(text), step); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"A true ", "B false x", "C false "}, calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		states, err := s.GuardStates(ctx)
		want := map[guard.Key][]byte{{Class: "low", Digest: "d1"}: []byte("xx"), {Class: "medium"}: []byte("x")}
		if diff := cmp.Diff(want, states); diff != "" || err != nil {
			t.Errorf("records, %v (-want +got):\n%s", err, diff)
		}
	})
}
