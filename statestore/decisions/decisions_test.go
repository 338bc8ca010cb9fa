package decisions

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Two decisions of one millisecond are kept in the order they were made.
func TestLastDecision_SameTime(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		h := New(journaltest.Open(t, o))
		at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		for _, hash := range []string{"c", "a", "b"} {
			if err := h.SaveDecision(ctx, Decision{Hash: hash, TicketID: "T", Complexity: "low", At: at}); err != nil {
				t.Fatal(err)
			}
			if d, found, err := h.LastDecision(ctx, "T"); d.Hash != hash || !found || err != nil {
				t.Errorf("got %q, %t, %v; want %q", d.Hash, found, err, hash)
			}
		}
	})
}

// The newest decision is the last one made, though the clock went back.
func TestDecision_ClockWentBack(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		h := New(journaltest.Open(t, o))
		at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		for i, why := range []string{"first", "second"} {
			d := Decision{Hash: "h", TicketID: "T", Source: why, Why: why, At: at.AddDate(0, 0, -i)}
			if err := h.SaveDecision(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
		if d, found, err := h.Decision(ctx, "T", "h", "elsewhere"); d.Why != "second" || !found || err != nil {
			t.Errorf("the newest decision: %q, %t, %v; want second", d.Why, found, err)
		}
		if d, found, err := h.Decision(ctx, "T", "h", "first"); d.Why != "first" || !found || err != nil {
			t.Errorf("from its own source: %q, %t, %v; want first", d.Why, found, err)
		}
	})
}
