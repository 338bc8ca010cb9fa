package statestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/statestore/calls"
)

// What is old goes, of every project; counters, sums, what is open and where a
// ticket is stay. An event id of before counts nothing.
func TestRetain(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		c := newClock(2025, 1, 10, 12)
		o.Now = c.now
		s := newStore(t, o)
		for i := range 250 {
			id := fmt.Sprint("T-", i)
			plan := Plan{TicketID: id, ByLocal: true, Key: GuardKey{Class: "low", Digest: "d"}, Text: "p", Model: "qwen"}
			if _, err := s.RecordPlan(ctx, plan); err != nil {
				t.Fatal(err)
			}
			if i%50 == 0 {
				record(t, s, out(fmt.Sprintf("%s lint fail #%s:lint:1", id, id)))
				record(t, s, out(fmt.Sprintf("%s lint fail #%s:lint:2", id, id)))
			} else {
				record(t, s, out(fmt.Sprintf("%s commit pass #%s:commit:1", id, id)))
			}
		}
		if _, err := s.RecordPlan(ctx, Plan{TicketID: "open", ByLocal: true, Key: GuardKey{Class: "low", Digest: "d"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveDecision(ctx, Decision{TicketID: "T-1", Hash: "h", At: c.now()}); err != nil {
			t.Fatal(err)
		}
		if err := s.Calls.Add(ctx, calls.Call{At: c.now(), Model: "m", Paid: true}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Reserve(ctx, "cheap", 1, 5); err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(ctx, GuardKey{Class: "low", Digest: "d"}, "T-9", count); err != nil {
			t.Fatal(err)
		}
		before := mustStats(t, s)

		c.set(c.now().AddDate(0, 0, 399))
		if err := s.Retain(ctx); err != nil {
			t.Fatal(err)
		}
		if n := countOutcomes(t, s, "T-1"); n != 1 {
			t.Errorf("deleted before its time: %d outcomes", n)
		}
		record(t, s, out("new lint fail"))
		c.add(2 * 24 * time.Hour)
		if err := s.Retain(ctx); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"outcomes": 1, "attempts": 1, "decisions": 0, "calls": 0, "reservations": 0, "guard_memo": 0, "tickets": 252} {
			var n int
			if query(t, s, &n, `SELECT COUNT(*) FROM `+table); n != want {
				t.Errorf("%d rows are left in %s, want %d", n, table, want)
			}
		}
		if st := mustStats(t, s); fmt.Sprint(st) != fmt.Sprint(before) {
			t.Errorf("counters %+v, before %+v", st, before)
		}
		done, escalated := 0, 0
		if err := s.Figures(ctx, time.Time{}, func(f Figures) error {
			if f.Gate == "" {
				done += f.N
			} else {
				escalated += f.N
			}
			return nil
		}); err != nil || done != 245 || escalated != 5 {
			t.Errorf("sums: %d done, %d escalated, %v", done, escalated, err)
		}
		if _, err := s.Record(ctx, out("T-1 commit pass #T-1:commit:1"), nil); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "T-1:commit:2 is free") {
			t.Errorf("an event id of before: %v", err)
		}
		if r := record(t, s, out("T-0 lint fail")); r.Owner != "cloud" || r.Stats.EscalatedToCloud != 5 {
			t.Errorf("an escalated ticket comes back: %+v", r)
		}
		if r := record(t, s, out("open commit pass")); r.Stats.SuccessCount != before.SuccessCount+1 {
			t.Errorf("the open attempt: %+v", r)
		}
	})
}

// It goes on by itself in a process that lives, and ends with it.
func TestRetain_InBackground(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	o := Options{Root: t.TempDir(), Now: func() time.Time { return now }}
	s := newStore(t, o)
	for i := range 2 {
		record(t, s, out(fmt.Sprint("T-", i, " commit pass local")))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.Now = func() time.Time { return now.AddDate(2, 0, 0) }
	s = newStore(t, o)
	mustStats(t, s)
	s.keeping.Stop()
	s.retainLater() // what the timer does after retainDelay
	wait(t, "all is deleted", func() bool {
		var n int
		query(t, s, &n, `SELECT COUNT(*) FROM attempts`)
		return n == 0
	})
}
