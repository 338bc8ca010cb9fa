package statestore

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
)

func freshSchema(t testing.TB) string { return pgtest.Shared(t).Schema(t) }

// count is a guard that counts distinct tickets.
func count(state, memo []byte) (newState, newMemo []byte, err error) {
	if memo != nil {
		return state, memo, nil
	}
	n, _ := strconv.Atoi(string(state))
	return []byte(strconv.Itoa(n + 1)), []byte("seen"), nil
}

// Each ticket is counted once however often and from wherever it is asked.
func TestAdmitCountsOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		key := GuardKey{Class: "low", Digest: "d"}
		const stores, tickets = 4, 10
		var wg sync.WaitGroup
		for range stores {
			s := newStore(t, o)
			wg.Go(func() {
				for i := range tickets {
					for range 2 {
						if err := s.Admit(ctx, key, fmt.Sprint(i), count); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		states, err := newStore(t, o).GuardStates(ctx)
		if diff := cmp.Diff(map[GuardKey][]byte{key: []byte(strconv.Itoa(tickets))}, states); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

// What changes nothing writes nothing; a nil memo is forgotten, and so is the
// memo of a ticket whose attempt closes.
func TestAdmitMemo(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		s := newStore(t, o)
		key := GuardKey{Class: "low", Digest: "d"}
		admit := func(ticket string, step func(state, memo []byte) ([]byte, []byte, error)) {
			t.Helper()
			if err := s.Admit(ctx, key, ticket, step); err != nil {
				t.Fatal(err)
			}
		}
		memo := func(ticket string) (got string) {
			admit(ticket, func(state, memo []byte) ([]byte, []byte, error) {
				got = fmt.Sprintf("%s %s", state, memo)
				return state, memo, nil
			})
			return got
		}
		admit("A", count)
		admit("B", count)
		if got := memo("A"); got != "2 seen" {
			t.Errorf("A: %q, want %q", got, "2 seen")
		}
		calls := 0
		admit("A", func(state, memo []byte) ([]byte, []byte, error) { calls++; return state, memo, nil })
		if calls != 1 {
			t.Errorf("a look took %d steps, so it wrote", calls)
		}
		admit("A", func(state, _ []byte) ([]byte, []byte, error) { return state, nil, nil })
		if got := memo("A"); got != "2 " {
			t.Errorf("A forgotten: %q", got)
		}
		record(t, s, out("B commit pass local"))
		if got := memo("B"); got != "2 " {
			t.Errorf("B closed: %q", got)
		}
	})
}

// Nothing is opened, made or dialled before the first use.
func TestOpensLate(t *testing.T) {
	root := t.TempDir()
	for _, state := range []string{"", "postgres://127.0.0.1:1/none"} {
		s := makeStore(Options{Root: root, State: state})
		if err := s.Reconcile(context.Background()); state == "" && err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(root); len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The figures of money.
func TestMoney(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		c := newClock(2026, 11, 24, 23)
		o.Now = c.now
		s := newStore(t, o)
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
		c.add(2 * time.Hour) // past midnight
		spent(0)
		settle(b, 1) // counts on its own day
		spent(0)
		reserve(5)
		wantBudget(t, s, 0.25, "$5.0000 of $5.00")
		c.add(-26 * time.Hour) // a clock that was set back begins no new budget
		spent(6.5)
		wantBudget(t, s, 0.25, "look at the clock")
	})
}

func wantBudget(t *testing.T, s *Store, usd float64, words string) {
	t.Helper()
	_, _, err := s.Reserve(context.Background(), "cheap", usd, 5)
	if !isBudget(err, words) {
		t.Errorf("over the cap: %v", err)
	}
}

// Parallel callers never overshoot the cap.
func TestMoneyInParallel(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		granted := 0
		for range 4 {
			s := newStore(t, o)
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
