package drafts

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// usage are the sums of drafts, by kind.
func usage(t testing.TB, j *journal.Journal) map[calls.Kind]int {
	t.Helper()
	sums := map[calls.Kind]int{}
	all, err := calls.New(j).Usage(context.Background(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		sums[u.Kind] += u.N
	}
	return sums
}

func draftOf(ticket, id string) Draft {
	return Draft{ID: id, TicketID: ticket, Key: guard.Key{Class: "low", Category: "BUG", Digest: "d/1"}, Ready: true, Tokens: 100}
}

func end(t testing.TB, u *Uses, all ...Draft) {
	t.Helper()
	for _, d := range all {
		if err := u.RecordDraft(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// note notes what became of the draft of T; "" = its change is committed.
func note(t testing.TB, j *journal.Journal, use policy.DraftUse) (warning string) {
	t.Helper()
	if err := j.Write(context.Background(), func(ctx context.Context, tx sqldb.Q, p *journal.Project) (err error) {
		if use == "" {
			return Committed(ctx, tx, p.ID, "T", j.Now())
		}
		warning, err = Used(ctx, tx, p.ID, "T", use, j.Now())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return warning
}

// A draft is counted once however often it is reported, at once or later, and both
// of its records of the guard move once.
func TestDraft_CountedOnce(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		a, b := journaltest.Open(t, o), journaltest.Open(t, o)
		ofA, ofB := New(a), New(b)
		var all sync.WaitGroup
		for range 4 {
			for _, u := range []*Uses{ofA, ofB} {
				all.Go(func() {
					if err := u.RecordDraft(context.Background(), draftOf("T", "1")); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if said := note(t, a, policy.DraftApplied); said != "" {
			t.Errorf("used: %q", said)
		}
		if said := note(t, b, policy.DraftEdited); !strings.Contains(said, "recorded as applied") {
			t.Errorf("used twice: %q", said)
		}
		end(t, ofB, draftOf("T", "1")) // reported again when it has been used
		note(t, b, "")
		note(t, a, "")
		if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 1, calls.DraftReady: 1, calls.DraftApplied: 1, calls.DraftKept: 1}, usage(t, a)); diff != "" {
			t.Error(diff)
		}
		records, err := guard.New(a).DraftRecords(context.Background())
		if err != nil || len(records) != 2 {
			t.Fatalf("%d records, %v; want that of the class and that of the category", len(records), err)
		}
		for key, state := range records {
			if k, n := policy.ParseDraftRecord(state).Applied(); k != 1 || n != 1 || key.Class != "low" {
				t.Errorf("%+v: %d of %d applied, want 1 of 1", key, k, n)
			}
		}
		if states, err := guard.New(a).GuardStates(context.Background()); err != nil || len(states) != 0 {
			t.Errorf("the guard's records of tickets: %v, %v; want none", states, err)
		}
	})
}

// What the guard decided for a draft of the ticket is decided anew when one was
// used.
func TestUsed_ForgetsWhatTheGuardDecided(t *testing.T) {
	j := journaltest.Open(t, journal.Options{Root: t.TempDir()})
	u, records := New(j), guard.New(j)
	decided := func() (memo string) {
		t.Helper()
		key := draftOf("T", "").Key.DraftKey()
		if err := records.Admit(context.Background(), key, "T", func(state, before []byte) ([]byte, []byte, error) {
			memo = string(before)
			return state, []byte("decided"), nil
		}); err != nil {
			t.Fatal(err)
		}
		return memo
	}
	end(t, u, draftOf("T", "1"))
	decided()
	if got := decided(); got != "decided" {
		t.Errorf("before its use: %q, want decided", got)
	}
	note(t, j, policy.DraftApplied)
	if got := decided(); got != "" {
		t.Errorf("after its use: %q, want nothing", got)
	}
}

// Another draft of the ticket takes the place of the one before, which was never
// used; nothing usable counts against the class.
func TestDraft_Another(t *testing.T) {
	journaltest.Each(t, func(t *testing.T, o journal.Options) {
		j := journaltest.Open(t, o)
		u := New(j)
		if said := note(t, j, policy.DraftApplied); !strings.Contains(said, "no draft of T is known") {
			t.Errorf("before any: %q", said)
		}
		nothing := draftOf("T", "2")
		nothing.Ready = false
		end(t, u, draftOf("T", "1"), nothing)
		if said := note(t, j, policy.DraftApplied); !strings.Contains(said, "nothing usable") {
			t.Errorf("of nothing: %q", said)
		}
		end(t, u, draftOf("T", "3"))
		if said := note(t, j, policy.DraftEdited); said != "" {
			t.Errorf("used: %q", said)
		}
		if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 3, calls.DraftReady: 2, calls.DraftEdited: 1}, usage(t, j)); diff != "" {
			t.Error(diff)
		}
		records, err := guard.New(j).DraftRecords(context.Background())
		if k, n := policy.ParseDraftRecord(records[guard.Key{Class: "low", Category: "BUG", Digest: "d/1"}]).Applied(); k != 1 || n != 2 || err != nil {
			t.Errorf("%d of %d applied, want 1 of 2; %v", k, n, err)
		}
		if err := j.Forget(context.Background(), j.Project()); err != nil {
			t.Fatal(err)
		}
		if left := usage(t, j); len(left) != 0 {
			t.Errorf("forgotten, and it has %v", left)
		}
	})
}
