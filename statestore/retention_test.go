package statestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// What is old goes, of every project; counters, sums, what is open and where a
// ticket is stay. An event id of before counts nothing.
func TestRetain(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		c := journaltest.NewClock(2025, 1, 10, 12)
		o.Now = c.Now
		s := newStore(t, o)
		for i := range 250 {
			id := fmt.Sprint("T-", i)
			plan := Plan{TicketID: id, ByLocal: true, Key: guard.Key{Class: "low", Digest: "d"}, Text: "p", Model: "qwen"}
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
		if _, err := s.RecordPlan(ctx, Plan{TicketID: "open", ByLocal: true, Key: guard.Key{Class: "low", Digest: "d"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveDecision(ctx, decisions.Decision{TicketID: "T-1", Hash: "h", At: c.Now()}); err != nil {
			t.Fatal(err)
		}
		if err := s.Calls.Add(ctx, calls.Call{At: c.Now(), Model: "m", Paid: true}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Reserve(ctx, "cheap", 1, 5); err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(ctx, guard.Key{Class: "low", Digest: "d"}, "T-9", count); err != nil {
			t.Fatal(err)
		}
		before := mustStats(t, s)
		retainAll := func() {
			t.Helper()
			for more := true; more; {
				var err error
				if more, err = s.Retain(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}

		c.Set(c.Now().AddDate(0, 0, 399))
		retainAll()
		if n := countOutcomes(t, s, "T-1"); n != 1 {
			t.Errorf("deleted before its time: %d outcomes", n)
		}
		record(t, s, out("new lint fail"))
		c.Add(2 * 24 * time.Hour)
		retainAll()
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
		figures, err := s.Figures(ctx, time.Time{})
		for _, f := range figures {
			if f.Gate == "" {
				done += f.N
			} else {
				escalated += f.N
			}
		}
		if err != nil || done != 245 || escalated != 5 {
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
