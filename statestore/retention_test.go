package statestore

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/statestore/journal"
)

// What is old is folded into daily figures, once, by however many processes;
// counters, keys and what is open stay.
func TestFold(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		c := newClock(2026, 6, 1, 12)
		start := c.now()
		o.Now = c.now
		s := newStore(t, o)
		const tickets = 30 // more than one piece
		for i := range tickets {
			id := fmt.Sprint("T-", i)
			if _, err := s.OpenAttempt(ctx, id, GuardKey{Class: "low", Digest: "d"}, "p", "qwen"); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				record(t, s, out(id+" lint fail"))
				record(t, s, out(id+" lint fail #"+id))
			} else {
				o := out(id + " commit pass #" + id)
				score := 80.0
				o.Quality = &score
				record(t, s, o)
			}
		}
		record(t, s, out("cloud lint fail"))
		record(t, s, out("cloud commit pass"))
		if _, err := s.OpenAttempt(ctx, "open", GuardKey{Class: "low", Digest: "d"}, "p", "qwen"); err != nil {
			t.Fatal(err)
		}
		c.set(start.AddDate(0, 0, 1))
		record(t, s, out("T-0 commit pass"))        // the cloud's, a day later
		record(t, s, out("next commit pass local")) // and one that is not old yet
		before := mustStats(t, s)

		c.set(start.AddDate(0, 0, 90).Add(time.Second))
		var wg sync.WaitGroup
		for range 3 {
			other := newStore(t, o)
			wg.Go(func() {
				if err := other.Fold(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()

		var days []DailyFigures
		if err := s.Daily(ctx, time.Time{}, func(d DailyFigures) error { days = append(days, d); return nil }); err != nil {
			t.Fatal(err)
		}
		want := []DailyFigures{
			{Day: "2026-06-01", EscalatedByGate: map[string]int{}, GatesPassed: map[string]int{"commit": 1}, GatesFailed: map[string]int{"lint": 1}},
			{Day: "2026-06-01", Key: GuardKey{Class: "low", Digest: "d"}, Model: "qwen", Done: 20, Escalated: 10, QualitySum: 1600, QualityN: 20,
				EscalatedByGate: map[string]int{"lint": 10}, GatesPassed: map[string]int{"commit": 20}, GatesFailed: map[string]int{"lint": 20}},
		}
		if diff := cmp.Diff(want, days); diff != "" {
			t.Errorf("days (-want +got):\n%s", diff)
		}
		var left []string
		if err := s.Attempts(ctx, time.Time{}, func(a Attempt) error { left = append(left, a.TicketID+" "+a.State); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.Done(ctx, time.Time{}, func(d DailyFigures) error { left = append(left, fmt.Sprint(d.Done, " done")); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"open open", "1 done"}, left); diff != "" {
			t.Errorf("attempts left (-want +got):\n%s", diff)
		}
		if n := countOutcomes(t, s, "cloud"); n != 0 {
			t.Errorf("%d outcomes of the cloud's are left", n)
		}
		if diff := cmp.Diff(before, mustStats(t, s)); diff != "" {
			t.Errorf("counters (-before +after):\n%s", diff)
		}
		// Keys outlive it, with their answers; so does where a ticket stands.
		if r := record(t, s, out("T-3 lint fail #T-3")); !r.Repeated || r.Action != "escalate" || r.Attempt != nil {
			t.Errorf("a key of a folded attempt: %+v", r)
		}
		if _, at, err := s.TicketState(ctx, "T-3"); at != "lint" || err != nil {
			t.Errorf("escalated at %q, %v", at, err)
		}
		if r := record(t, s, out("open commit pass")); r.Route != "local" {
			t.Errorf("the open attempt: %+v", r)
		}
		// A second day's worth is added to the same figures.
		c.set(c.now().AddDate(0, 0, 365))
		if err := s.Fold(ctx); err != nil {
			t.Fatal(err)
		}
		done := 0
		if err := s.Daily(ctx, c.now().AddDate(-2, 0, 0), func(d DailyFigures) error { done += d.Done; return nil }); err != nil || done != 22 {
			t.Errorf("%d done in all, %v; want 22", done, err)
		}
		since := 0
		if err := s.Daily(ctx, time.Date(2026, 6, 2, 3, 0, 0, 0, time.UTC), func(d DailyFigures) error { since++; return nil }); err != nil || since == 0 {
			t.Errorf("since the second day: %d, %v", since, err)
		}
	})
}

// Folding goes on by itself in a process that lives, and ends with it.
func TestFoldsInBackground(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	o := Options{Root: t.TempDir(), Now: func() time.Time { return now }}
	s := newStore(t, o)
	for i := range 2 * journal.FoldAtOnce {
		record(t, s, out(fmt.Sprint("T-", i, " commit pass local")))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.Now = func() time.Time { return now.AddDate(1, 0, 0) }
	s = newStore(t, o)
	mustStats(t, s)
	s.folding.stop()
	s.foldLater() // what the timer does after foldDelay
	wait(t, "all is folded", func() bool {
		var n int
		query(t, s, &n, `SELECT COUNT(*) FROM attempts`)
		return n == 0
	})
}
