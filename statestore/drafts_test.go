package statestore

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
)

// draftUsage are the sums of drafts, by kind.
func draftUsage(t testing.TB, s *Store) map[calls.Kind]int {
	t.Helper()
	sums := map[calls.Kind]int{}
	if err := s.Calls.Usage(context.Background(), time.Time{}, func(u calls.Usage) error {
		if strings.HasPrefix(string(u.Kind), "draft") {
			sums[u.Kind] += u.N
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return sums
}

func draftOf(ticket, id string) Draft {
	return Draft{ID: id, TicketID: ticket, Key: GuardKey{Class: "low", Category: "BUG", Digest: "d/1"}, Ready: true, Tokens: 100}
}

func recordDrafts(t testing.TB, s *Store, drafts ...Draft) {
	t.Helper()
	for _, d := range drafts {
		if err := s.RecordDraft(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
}

func used(ticket string, use policy.DraftUse) Outcome {
	o := out(ticket + " implement pass")
	o.Draft = use
	return o
}

// A draft is counted once however often it is reported, at once or later, and both
// of its records of the guard move once.
func TestDraft_CountedOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		a, b := newStore(t, o), newStore(t, o)
		var all sync.WaitGroup
		for range 4 {
			for _, s := range []*Store{a, b} {
				all.Go(func() {
					if err := s.RecordDraft(context.Background(), draftOf("T", "1")); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		record(t, a, used("T", policy.DraftApplied))
		recordDrafts(t, b, draftOf("T", "1")) // reported again when it has been used
		record(t, b, out("T commit pass"))
		record(t, a, out("T commit pass"))
		if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 1, calls.DraftReady: 1, calls.DraftApplied: 1, calls.DraftKept: 1}, draftUsage(t, a)); diff != "" {
			t.Error(diff)
		}
		records, err := a.DraftRecords(context.Background())
		if err != nil || len(records) != 2 {
			t.Fatalf("%d records, %v; want that of the class and that of the category", len(records), err)
		}
		for key, state := range records {
			if k, n := policy.ParseDraftRecord(state).Applied(); k != 1 || n != 1 || key.Class != "low" {
				t.Errorf("%+v: %d of %d applied, want 1 of 1", key, k, n)
			}
		}
		if states, err := a.GuardStates(context.Background()); err != nil || len(states) != 0 {
			t.Errorf("the guard's records of tickets: %v, %v; want none", states, err)
		}
	})
}

// Another draft of the ticket takes the place of the one before, which was never
// used; nothing usable counts against the class.
func TestDraft_Another(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		nothing := draftOf("T", "2")
		nothing.Ready = false
		recordDrafts(t, s, draftOf("T", "1"), nothing)
		if r := record(t, s, used("T", policy.DraftApplied)); !strings.Contains(strings.Join(r.Warnings, " "), "nothing usable") {
			t.Errorf("warnings %q", r.Warnings)
		}
		recordDrafts(t, s, draftOf("T", "3"))
		if r := record(t, s, used("T", policy.DraftEdited)); len(r.Warnings) != 0 {
			t.Errorf("warnings %q", r.Warnings)
		}
		if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 3, calls.DraftReady: 2, calls.DraftEdited: 1}, draftUsage(t, s)); diff != "" {
			t.Error(diff)
		}
		records, _ := s.DraftRecords(context.Background())
		if k, n := policy.ParseDraftRecord(records[GuardKey{Class: "low", Category: "BUG", Digest: "d/1"}]).Applied(); k != 1 || n != 2 {
			t.Errorf("%d of %d applied, want 1 of 2", k, n)
		}
		if err := s.Forget(context.Background(), s.o.Project); err != nil {
			t.Fatal(err)
		}
		if left := draftUsage(t, s); len(left) != 0 {
			t.Errorf("forgotten, and it has %v", left)
		}
	})
}

// A draft that ends while the server is away is delivered once.
func TestDraft_ServerAway(t *testing.T) {
	server := stoppable(t)
	o := Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	s := newStore(t, o)
	recordDrafts(t, s, draftOf("S", "1"))
	server.Stop(t)
	recordDrafts(t, s, draftOf("T", "1"), draftOf("T", "1"))
	record(t, s, used("T", policy.DraftApplied))
	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 2, calls.DraftReady: 2, calls.DraftApplied: 1}, draftUsage(t, s)); diff != "" {
		t.Error(diff)
	}
}
