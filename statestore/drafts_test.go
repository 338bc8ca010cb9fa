package statestore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// draftUsage are the sums of drafts, by kind.
func draftUsage(t testing.TB, s *Store) map[calls.Kind]int {
	t.Helper()
	sums := map[calls.Kind]int{}
	all, err := s.Calls.Usage(context.Background(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if strings.HasPrefix(string(u.Kind), "draft") {
			sums[u.Kind] += u.N
		}
	}
	return sums
}

func draftOf(ticket, id string) drafts.Draft {
	return drafts.Draft{ID: id, TicketID: ticket, Key: guard.Key{Class: "low", Category: "BUG", Digest: "d/1"}, Ready: true, Tokens: 100}
}

func recordDrafts(t testing.TB, s *Store, all ...drafts.Draft) {
	t.Helper()
	for _, d := range all {
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

// A draft that ends and is used while the server is away is delivered once.
func TestDraft_ServerAway(t *testing.T) {
	server := stoppable(t)
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	s := newStore(t, o)
	recordDrafts(t, s, draftOf("S", "1"))
	server.Stop(t)
	recordDrafts(t, s, draftOf("T", "1"), draftOf("T", "1"))
	record(t, s, used("T", policy.DraftApplied))
	record(t, s, out("T commit pass"))
	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	if diff := cmp.Diff(map[calls.Kind]int{calls.Draft: 2, calls.DraftReady: 2, calls.DraftApplied: 1, calls.DraftKept: 1}, draftUsage(t, s)); diff != "" {
		t.Error(diff)
	}
}
