package statestore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestIterations(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := makeStore(Options{Root: t.TempDir(), Now: func() time.Time { return now }})
	defer s.Close()
	var want []Call
	for i := range page + 3 {
		c := Call{At: now.Add(time.Duration(i) * time.Millisecond), Purpose: "classify", TicketID: "T-1", Tier: "local", Model: "m",
			Digest: "d", PromptVersion: "p", TokensIn: i, TokensOut: 2, CostUSD: 0.5, Estimated: i%2 == 0, MS: 7, Result: "ok"}
		if err := s.LogCall(ctx, c); err != nil {
			t.Fatal(err)
		}
		want = append(want, c)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	var got []Call
	if err := s.Calls(ctx, now.Add(2*time.Millisecond), func(c Call) error {
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
	if err := s.Calls(ctx, now, func(Call) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of fn: got %v, want %v", err, stop)
	}
}

func TestCalibration(t *testing.T) {
	ctx := context.Background()
	s := makeStore(Options{Root: t.TempDir()})
	defer s.Close()
	if _, found, err := s.Calibration(ctx, "m"); found || err != nil {
		t.Errorf("before: found %t, err %v; want false, nil", found, err)
	}
	for _, v := range []float64{3.5, 3.75} {
		if err := s.SaveCalibration(ctx, "m", v); err != nil {
			t.Fatal(err)
		}
	}
	if got, found, err := s.Calibration(ctx, "m"); got != 3.75 || !found || err != nil {
		t.Errorf("after: got %v, %t, %v; want 3.75, true, nil", got, found, err)
	}
}

// The newest calls come first, whether they are on disk yet or not; another
// model's, a paid tier's and old ones are left out.
func TestRecentLocal_Newest(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := makeStore(Options{Root: t.TempDir(), Now: func() time.Time { return now }})
	defer s.Close() //nolint:errcheck // what matters was flushed
	log := func(c Call) {
		c.Purpose, c.Result = "plan", "ok"
		if err := s.LogCall(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		log(Call{At: now.Add(time.Duration(i) * time.Minute), Tier: "local", Model: "m", TokensIn: 100 + i, TokensOut: 10, MS: int64(i)})
	}
	log(Call{At: now, Tier: "local", Model: "other"})
	log(Call{At: now, Tier: "cheap", Model: "m"})
	log(Call{At: now.AddDate(0, 0, -9), Tier: "local", Model: "m"})
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	log(Call{At: now.Add(time.Hour), Tier: "local", Model: "m", TokensIn: 103})
	for n, want := range map[int][]int{10: {103, 102, 101, 100}, 2: {103, 102}, 1: {103}} {
		got, err := s.RecentLocal(ctx, "m", now.AddDate(0, 0, -7), n)
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
