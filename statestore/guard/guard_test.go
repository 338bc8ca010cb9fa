package guard

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

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
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		key := Key{Class: "low", Digest: "d"}
		const stores, tickets = 4, 10
		var wg sync.WaitGroup
		for range stores {
			s := New(journaltest.Open(t, o))
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
		states, err := New(journaltest.Open(t, o)).GuardStates(ctx)
		if diff := cmp.Diff(map[Key][]byte{key: []byte(strconv.Itoa(tickets))}, states); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

// What changes nothing writes nothing; a nil memo is forgotten, and so is that of
// a ticket.
func TestAdmitMemo(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := New(journaltest.Open(t, o))
		key := Key{Class: "low", Digest: "d"}
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
		if err := s.j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
			return ForgetTicket(ctx, tx, p.ID, "B")
		}); err != nil {
			t.Fatal(err)
		}
		if got := memo("B"); got != "2 " {
			t.Errorf("B forgotten: %q", got)
		}
	})
}
