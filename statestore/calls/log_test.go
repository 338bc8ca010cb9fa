package calls_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
)

func TestEach_SeveralPages(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := statestore.New(statestore.Options{State: filepath.Join(t.TempDir(), "journal.db"), Project: "p", Now: func() time.Time { return now }})
	defer s.Close() //nolint:errcheck // what matters was flushed
	var want []calls.Call
	for i := range 1203 { // several pages
		c := calls.Call{At: now.Add(time.Duration(i) * time.Millisecond), Purpose: "classify", TicketID: "T-1", Tier: "local", Model: "m",
			Digest: "d", PromptVersion: "p", TokensIn: i, TokensOut: 2, CostUSD: 0.5, Estimated: i%2 == 0, MS: 7, Result: "ok"}
		if err := s.Calls.Add(ctx, c); err != nil {
			t.Fatal(err)
		}
		want = append(want, c)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	var got []calls.Call
	if err := s.Calls.Each(ctx, now.Add(2*time.Millisecond), func(c calls.Call) error {
		c.At = c.At.UTC()
		got = append(got, c)
		_, err := s.Stats(ctx) // fn may use the store
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[2:], got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := s.Calls.Each(ctx, now, func(calls.Call) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of fn: got %v, want %v", err, stop)
	}
}

// The newest calls come first, whether they are on disk yet or not; another
// model's, a paid tier's and old ones are left out.
func TestRecent_Newest(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := statestore.New(statestore.Options{State: filepath.Join(t.TempDir(), "journal.db"), Project: "p", Now: func() time.Time { return now }})
	defer s.Close() //nolint:errcheck // what matters was flushed
	log := func(c calls.Call) {
		c.Purpose, c.Result = "plan", "ok"
		if err := s.Calls.Add(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		log(calls.Call{At: now.Add(time.Duration(i) * time.Minute), Tier: "local", Model: "m", TokensIn: 100 + i, TokensOut: 10, MS: int64(i)})
	}
	log(calls.Call{At: now, Tier: "local", Model: "other"})
	log(calls.Call{At: now, Tier: "cheap", Model: "m"})
	log(calls.Call{At: now.AddDate(0, 0, -9), Tier: "local", Model: "m"})
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	log(calls.Call{At: now.Add(time.Hour), Tier: "local", Model: "m", TokensIn: 103})
	for n, want := range map[int][]int{10: {103, 102, 101, 100}, 2: {103, 102}, 1: {103}} {
		got, err := s.Calls.Recent(ctx, "m", now.AddDate(0, 0, -7), n)
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
