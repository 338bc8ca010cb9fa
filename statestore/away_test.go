package statestore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

func teamOptions(t *testing.T, state string) journal.Options {
	t.Helper()
	return journal.Options{Root: t.TempDir(), Project: "example.org/team", State: state, BusyTimeout: 20 * time.Second}
}

// sameReply compares two replies but for what a repetition adds, what is of now,
// and what the moment warns of.
func sameReply(t *testing.T, when string, first, again Recorded) {
	t.Helper()
	if !again.Repeated || again.IfNewEventID == "" {
		t.Errorf("%s: repeated %t, if_new_event_id %q", when, again.Repeated, again.IfNewEventID)
	}
	of := cmpopts.IgnoreFields(Recorded{}, "Repeated", "IfNewEventID", "Stats", "Warnings", "Attempt")
	if diff := cmp.Diff(first, again, of); diff != "" {
		t.Errorf("%s (-first +again):\n%s", when, diff)
	}
}

// A repetition is answered as the first time: while the server is away, by
// another process, and once the outcome was delivered.
func TestServerAway_RepeatsAreExact(t *testing.T) {
	server := stoppable(t)
	clock := journaltest.NewClock(2026, 3, 1, 9)
	o := teamOptions(t, server.Schema(t))
	o.Now = clock.Now
	s := newStore(t, o)
	before := record(t, s, out("T plan pass local #T:plan:1"))
	server.Stop(t)

	clock.Add(time.Second)
	sameReply(t, "recorded before the outage", before, record(t, s, out("T plan pass local #T:plan:1")))
	if n := kept(t, s); n != 0 {
		t.Errorf("%d rows wait after a repetition of what the server has", n)
	}
	first := record(t, s, out("T lint fail #T:lint:1"))
	if first.Owner != policy.OwnerLocal || first.Action != policy.Retry {
		t.Errorf("owner %s, action %s; want local, retry", first.Owner, first.Action)
	}
	clock.Add(time.Second)
	again := record(t, s, out("T lint fail #T:lint:1"))
	sameReply(t, "kept", first, again)
	fresh := makeStore(o)
	sameReply(t, "another process", first, record(t, fresh, out("T lint fail #T:lint:1")))
	if err := fresh.Close(); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("close: %v", err)
	}
	if n := kept(t, s); n != 1 {
		t.Errorf("%d rows wait, want 1", n)
	}
	_, err := s.Record(context.Background(), out("T lint pass #T:lint:1"), nil)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), again.IfNewEventID+" is free") {
		t.Errorf("another payload: %v, want the free id %s", err, again.IfNewEventID)
	}
	used := record(t, s, out("T lint fail #"+again.IfNewEventID))
	escalated := used.Action == policy.Escalate && used.EscalateTo != ""
	if used.Repeated || !escalated || used.Owner != policy.OwnerCloud {
		t.Errorf("under the free id: %+v", used)
	}
	if used.Attempt == nil || len(used.Attempt.Outcomes) != 2 {
		t.Errorf("escalated without what was tried: %+v", used.Attempt)
	}
	if free := record(t, s, out("T lint fail #T:lint:1")).IfNewEventID; free == again.IfNewEventID {
		t.Errorf("%s is named free and was used", free)
	}

	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	sameReply(t, "delivered", first, record(t, s, out("T lint fail #T:lint:1")))
	other := newStore(t, o)
	sameReply(t, "delivered, in another process", used, record(t, other, out("T lint fail #"+again.IfNewEventID)))
	if n := countOutcomes(t, s, "T"); n != 3 {
		t.Errorf("%d outcomes, want 3", n)
	}
}

// A plan that was kept makes the ticket local's for what is kept after it.
func TestServerAway_OwnerFollowsKeptPlan(t *testing.T) {
	server := stoppable(t)
	ctx := context.Background()
	s := newStore(t, teamOptions(t, server.Schema(t)))
	server.Stop(t)
	for i, want := range []policy.Owner{policy.OwnerLocal, policy.OwnerLocal} {
		plan := Plan{TicketID: "T", ByLocal: i == 0, By: "template", Text: "step one", Model: "qwen"}
		d, err := s.RecordPlan(ctx, plan)
		if err != nil || d.Owner != want {
			t.Errorf("plan %d: owner %s, %v; want %s", i+1, d.Owner, err, want)
		}
	}
	if r := record(t, s, out("T lint fail")); r.Route != policy.OwnerLocal || r.Owner != policy.OwnerLocal {
		t.Errorf("route %s, owner %s; want local twice", r.Route, r.Owner)
	}
	r := record(t, s, out("T lint fail"))
	if r.Action != policy.Escalate || r.Attempt == nil || r.Attempt.Plan != "step one" {
		t.Errorf("second failure: %+v", r)
	}
	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	want := projection.Stats{TotalAttempts: 1, EscalatedToCloud: 1, FailuresByType: map[string]int{"lint": 1}}
	if diff := cmp.Diff(want, mustStats(t, s)); diff != "" {
		t.Errorf("after the delivery (-want +got):\n%s", diff)
	}
}

// Where the server knew more than was known here, the first reply comes with
// what the outcome was counted as.
func TestServerAway_CountedOtherwise(t *testing.T) {
	server := stoppable(t)
	o := teamOptions(t, server.Schema(t))
	elsewhere := o
	elsewhere.Root = t.TempDir()
	record(t, newStore(t, elsewhere), out("T lint fail local"))
	server.Stop(t)
	s := newStore(t, o)
	first := record(t, s, out("T lint fail #own"))
	if first.Action != policy.Retry {
		t.Errorf("action %s, want retry: nothing is known here", first.Action)
	}
	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	again := record(t, s, out("T lint fail #own"))
	sameReply(t, "delivered", first, again)
	said := strings.Join(again.Warnings, "; ")
	if !strings.Contains(said, "counted as action escalate, owner cloud") {
		t.Errorf("warnings %q do not name what it was counted as", said)
	}
}

// A commit that the server did not confirm stored a reply that nobody got: the
// one that was given replaces it.
func TestServerAway_UnconfirmedReplyIsReplaced(t *testing.T) {
	server := stoppable(t)
	ctx := context.Background()
	o := teamOptions(t, server.Schema(t))
	s := newStore(t, o)
	one := out("T lint fail #own")
	if _, err := s.record(ctx, delivered{number: "unconfirmed"}, one, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	given := (&history{}).answer(one, time.Now().UnixMilli())
	if err := s.Outbox().Keep(ctx, "T", time.Now(), func([]outbox.Row) (*outbox.Entry, error) {
		return &outbox.Entry{Kind: kindOutcome, Delivery: "unconfirmed", Ticket: "T", Event: one.key(), Payload: one.payload(),
			Body: keptOutcome{Outcome: one, Reply: given}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	again := record(t, newStore(t, o), one)
	sameReply(t, "after the delivery", given, again)
	if n := countOutcomes(t, s, "T"); n != 1 {
		t.Errorf("%d outcomes, want 1", n)
	}
}
