package money

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func isBudget(err error, words string) bool {
	return errors.Is(err, ErrBudget) && strings.Contains(err.Error(), words)
}

// The figures of money.
func TestMoney(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		c := journaltest.NewClock(2026, 11, 24, 23)
		o.Now = c.Now
		s := New(journaltest.Open(t, o))
		spent := func(want float64) {
			t.Helper()
			if got, err := s.Spent(ctx); got != want || err != nil {
				t.Errorf("spent %v, %v; want %v", got, err, want)
			}
		}
		reserve := func(usd float64) int64 {
			t.Helper()
			id, _, err := s.Reserve(ctx, "cheap", usd, 5)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		settle := func(id int64, usd float64) {
			t.Helper()
			if err := s.Settle(ctx, id, usd); err != nil {
				t.Fatal(err)
			}
		}
		spent(0)
		a, b := reserve(2), reserve(3)
		spent(5)
		wantBudget(t, s, 0.25, "$5.0000 of $5.00")
		settle(a, 0.5)
		settle(a, 4) // once
		spent(3.5)
		c.Add(2 * time.Hour) // past midnight
		spent(0)
		settle(b, 1) // counts on its own day
		spent(0)
		reserve(5)
		wantBudget(t, s, 0.25, "$5.0000 of $5.00")
		c.Add(-26 * time.Hour) // a clock that was set back begins no new budget
		spent(6.5)
		wantBudget(t, s, 0.25, "look at the clock")
	})
}

func wantBudget(t *testing.T, s *Spending, usd float64, words string) {
	t.Helper()
	_, _, err := s.Reserve(context.Background(), "cheap", usd, 5)
	if !isBudget(err, words) {
		t.Errorf("over the cap: %v", err)
	}
}

// Parallel callers never overshoot the cap.
func TestMoneyInParallel(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		granted := 0
		for range 4 {
			s := New(journaltest.Open(t, o))
			wg.Go(func() {
				for range 8 {
					_, _, err := s.Reserve(context.Background(), "cheap", 0.25, 4)
					switch {
					case err == nil:
						mu.Lock()
						granted++
						mu.Unlock()
					case !isBudget(err, ""):
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if granted != 16 {
			t.Errorf("granted %d of 32 at $0.25 under $4, want 16", granted)
		}
	})
}

// The cap is one user's; the sum is the team's.
func TestMoney_OfEachUser(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		ann, bob := o, o
		ann.User, bob.User = "ann", "bob"
		a, b := New(journaltest.Open(t, ann)), New(journaltest.Open(t, bob))
		for _, s := range []*Spending{a, b} {
			if _, _, err := s.Reserve(ctx, "cheap", 4, 5); err != nil {
				t.Fatal(err)
			}
		}
		wantBudget(t, b, 2, "$4.0000 of $5.00")
		want := map[bool]float64{true: 8}[journal.IsPostgres(o.State)] // a file has no team
		if usd, shared, err := a.TeamSpent(ctx, time.Now()); usd != want || shared != journal.IsPostgres(o.State) || err != nil {
			t.Errorf("the team spent %v, shared %t, %v; want %v", usd, shared, err, want)
		}
		if usd, _, err := a.TeamSpent(ctx, time.Now().AddDate(0, 0, 2)); usd != 0 || err != nil {
			t.Errorf("since the day after tomorrow the team spent %v, %v", usd, err)
		}
	})
}

// What is no amount of money is not added up.
func TestMoney_NoAmount(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := New(journaltest.Open(t, o))
		for _, usd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308} {
			if _, _, err := s.Reserve(ctx, "cheap", usd, 5); !errors.Is(err, ErrBudget) {
				t.Errorf("reserved %v: %v", usd, err)
			}
			id, _, err := s.Reserve(ctx, "cheap", 0.25, 100)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Settle(ctx, id, usd); err != nil {
				t.Errorf("settled at %v: %v", usd, err)
			}
		}
		if spent, err := s.Spent(ctx); spent != 1.25 || err != nil {
			t.Errorf("spent %v, %v; want the five estimates", spent, err)
		}
	})
}
