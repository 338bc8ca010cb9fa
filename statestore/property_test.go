package statestore

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// naive is the same rules written the slow way: every figure is computed from
// the whole list of events, and nothing is kept beside it.
type naive struct{ events []Outcome }

// walk goes through a ticket's events and says where the last one left it.
func (n naive) walk(ticket string) (attempts [][]Outcome, endings []string, route, action string) {
	var current []Outcome // of the open attempt
	isOpen, banned := false, false
	for _, e := range n.events {
		if e.TicketID != ticket {
			continue
		}
		local := e.Route == "local" && (isOpen || !banned) || e.Route == "" && isOpen
		route, action = "cloud", "continue"
		if !e.Pass {
			action = "retry"
		} else if e.Gate == "commit" {
			action, banned = "complete", false
		}
		if !local {
			continue
		}
		route, isOpen = "local", true
		current = append(current, e)
		failures := 0
		for _, c := range current {
			if c.Gate == e.Gate && !c.Pass {
				failures++
			}
		}
		ending := ""
		switch {
		case e.Gate == "commit" && e.Pass:
			ending = "done"
		case !e.Pass && e.Gate != "commit" && failures == 2:
			ending, action, banned = e.Gate, "escalate", true
		}
		if ending != "" {
			attempts, endings = append(attempts, current), append(endings, ending)
			current, isOpen = nil, false
		}
	}
	return attempts, endings, route, action
}

func (n naive) stats() Stats {
	s := Stats{FailuresByType: map[string]int{}}
	seen := map[string]bool{}
	sum, scored := 0.0, 0
	for _, e := range n.events {
		if seen[e.TicketID] {
			continue
		}
		seen[e.TicketID] = true
		attempts, endings, _, _ := n.walk(e.TicketID)
		for i, ending := range endings {
			if ending == "done" {
				s.SuccessCount++
			} else {
				s.EscalatedToCloud++
				s.FailuresByType[ending]++
			}
			s.TotalAttempts++
			last := math.NaN()
			for _, o := range attempts[i] {
				if o.Quality != nil {
					last = *o.Quality
				}
			}
			if !math.IsNaN(last) {
				sum, scored = sum+last, scored+1
			}
		}
	}
	if scored > 0 {
		s.AvgQualityScore = math.Round(sum/float64(scored)*100) / 100
	}
	return s
}

// randomOutcome is likely to fail, and likely to meet a ticket again.
func randomOutcome(r *rand.Rand, tickets int) Outcome {
	o := Outcome{TicketID: fmt.Sprintf("T-%d", r.IntN(tickets)), Gate: Gates[r.IntN(len(Gates))], Pass: r.IntN(2) == 0,
		Route: []string{"", "", "local", "local", "cloud"}[r.IntN(5)]}
	if r.IntN(3) == 0 {
		v := float64(r.IntN(101))
		o.Quality = &v
	}
	return o
}

// For any sequence of outcomes the counters are those of the naive model, after
// every step, repetitions counting nothing.
func TestCountersEqualNaiveModel(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
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
			s := newStore(t, Options{Root: t.TempDir()})
			if s2 := o; o.State != "" {
				s2.Root = t.TempDir()
				s2.State = freshSchema(t)
				s = newStore(t, s2)
			}
			for i := range length {
				e := randomOutcome(r, 6)
				if r.IntN(2) == 0 {
					e.EventID = fmt.Sprint(i)
				}
				model.events = append(model.events, e)
				got := record(t, s, e)
				_, _, route, action := model.walk(e.TicketID)
				if got.Route != route || got.Action != action {
					t.Fatalf("seed %d, step %d, %+v: got %s by %s, want %s by %s", seed, i, e, got.Action, got.Route, action, route)
				}
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
			if block, found := s.mirror.file.Read(); !found || !cmp.Equal(Stats(block), model.stats()) {
				t.Fatalf("seed %d: the state file says %+v", seed, block)
			}
		}
	})
}

// The guard's step is called exactly when a local attempt closes, with the
// record under the attempt's own key.
func TestStepCalls(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		s := newStore(t, o)
		var calls []string
		step := func(state []byte, c Closed) ([]byte, error) {
			calls = append(calls, fmt.Sprintf("%s %t %s", c.TicketID, c.Escalated, state))
			return append(state, 'x'), nil
		}
		if _, err := s.OpenAttempt(ctx, "A", GuardKey{Class: "low", Digest: "d1"}, "", ""); err != nil {
			t.Fatal(err)
		}
		// B's class is that of its last decision, C's is not known.
		if err := s.SaveDecision(ctx, Decision{Hash: "b", TicketID: "B", Complexity: "low", Digest: "d1"}); err != nil {
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
		want := map[GuardKey][]byte{{Class: "low", Digest: "d1"}: []byte("xx"), {Class: "medium"}: []byte("x")}
		if diff := cmp.Diff(want, states); diff != "" || err != nil {
			t.Errorf("records, %v (-want +got):\n%s", err, diff)
		}
		if err := s.ResetGuard(ctx); err != nil {
			t.Fatal(err)
		}
		if states, err = s.GuardStates(ctx); len(states) != 0 || err != nil {
			t.Errorf("after the reset: %v, %v", states, err)
		}
		if st := mustStats(t, s); st.TotalAttempts != 3 {
			t.Errorf("the reset changed the counters: %+v", st)
		}
	})
}
