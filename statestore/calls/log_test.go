package calls

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// open opens the calls of a fresh journal.
func open(t *testing.T) *Log {
	t.Helper()
	return New(journaltest.Open(t, journal.Options{Root: t.TempDir()}))
}

func TestEach_SeveralPages(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	l := open(t)
	var want []Call
	for i := range 1203 { // several pages
		c := Call{At: now.Add(time.Duration(i) * time.Millisecond), Purpose: "classify", TicketID: "T-1", Tier: "local", Model: "m",
			Digest: "d", PromptVersion: "p", TokensIn: i, TokensOut: 2, CostUSD: 0.5, Estimated: i%2 == 0, MS: 7, Result: "ok"}
		if err := l.Add(ctx, c); err != nil {
			t.Fatal(err)
		}
		want = append(want, c)
	}
	if err := l.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	var got []Call
	if err := l.Each(ctx, now.Add(2*time.Millisecond), func(c Call) error {
		c.At = c.At.UTC()
		got = append(got, c)
		_, err := l.j.Stats(ctx) // fn may use the journal
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[2:], got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := l.Each(ctx, now, func(Call) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of fn: got %v, want %v", err, stop)
	}
}

// The newest calls come first, whether they are on disk yet or not; another
// model's, a paid tier's and old ones are left out.
func TestRecent_Newest(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	l := open(t)
	log := func(c Call) {
		c.Purpose, c.Result = "plan", "ok"
		if err := l.Add(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		log(Call{At: now.Add(time.Duration(i) * time.Minute), Tier: "local", Model: "m", TokensIn: 100 + i, TokensOut: 10, MS: int64(i)})
	}
	log(Call{At: now, Tier: "local", Model: "other"})
	log(Call{At: now, Tier: "cheap", Model: "m"})
	log(Call{At: now.AddDate(0, 0, -9), Tier: "local", Model: "m"})
	if err := l.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	log(Call{At: now.Add(time.Hour), Tier: "local", Model: "m", TokensIn: 103})
	for n, want := range map[int][]int{10: {103, 102, 101, 100}, 2: {103, 102}, 1: {103}} {
		got, err := l.Recent(ctx, "m", now.AddDate(0, 0, -7), n)
		if err != nil {
			t.Fatal(err)
		}
		var in []int
		for _, c := range got {
			in = append(in, c.TokensIn)
		}
		if diff := cmp.Diff(want, in); diff != "" {
			t.Errorf("%d newest: %s", n, diff)
		}
	}
}

// What breaks a sum or a reader is bounded before it is stored.
func TestAdd_Bounds(t *testing.T) {
	ctx := context.Background()
	l := open(t)
	for _, usd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308} {
		c := Call{At: time.Now(), Paid: true, CostUSD: usd, TokensIn: -5, TokensOut: math.MaxInt64, MS: -1, Model: strings.Repeat("m", 1<<20)}
		if err := l.Add(ctx, c); err != nil {
			t.Errorf("logged %v: %v", usd, err)
		}
	}
	n := 0
	if err := l.Each(ctx, time.Time{}, func(c Call) error {
		n++
		if c.CostUSD != 0 || c.TokensIn != 0 || len(c.Model) > journal.MaxField {
			t.Errorf("stored %+v", c)
		}
		return nil
	}); err != nil || n != 5 {
		t.Errorf("%d calls, %v", n, err)
	}
}
