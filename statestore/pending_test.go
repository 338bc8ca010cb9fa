package statestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// kept counts the rows of the local journal that wait.
func kept(t testing.TB, s *Store) int64 {
	t.Helper()
	if err := s.Outbox().Count(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s.Outbox().Waiting()
}

// stoppable is the shared server, which runs again when the test has ended.
func stoppable(t *testing.T) *pgtest.Server {
	t.Helper()
	server := pgtest.Shared(t)
	t.Cleanup(func() { server.Start(t) })
	return server
}

// While the server is away outcomes are kept, said, and not counted twice; when
// it is back they are delivered in order, once.
func TestServerAway(t *testing.T) {
	server := stoppable(t)
	ctx := context.Background()
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	s := newStore(t, o)
	record(t, s, out("T lint fail local"))
	id, _, err := s.Reserve(ctx, "cheap", 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	server.Stop(t)

	r := record(t, s, out("T lint fail #T:lint:2"))
	if r.Action != "escalate" || r.Repeated || !strings.HasPrefix(r.NextEventID, "T:lint:") || r.NextEventID == "T:lint:2" {
		t.Errorf("kept: %+v", r)
	}
	if said := strings.Join(r.Warnings, "; "); !strings.Contains(said, "1 records wait") || !strings.Contains(said, "Postgres") {
		t.Errorf("warnings %q", said)
	}
	if r := record(t, s, out("T lint fail #T:lint:2")); !r.Repeated {
		t.Error("a repetition was kept twice")
	}
	if _, err := s.Record(ctx, out("T lint pass #T:lint:2"), nil); !errors.Is(err, ErrConflict) {
		t.Errorf("another payload under a kept key: %v", err)
	}
	record(t, s, out("T commit pass"))
	if _, err := s.RecordPlan(ctx, Plan{TicketID: "T", ByLocal: true, Key: guard.Key{Class: "high", Digest: "d9"}, Text: "the plan", Model: "qwen"}); err != nil {
		t.Error(err)
	}
	record(t, s, out("T commit pass"))
	if err := s.Calls.Add(ctx, calls.Call{At: time.Now(), Model: "haiku", Paid: true, CostUSD: 1, Result: "ok"}); err != nil {
		t.Error(err)
	}
	if err := s.Settle(ctx, id, 1); err != nil {
		t.Error(err)
	}
	if n := kept(t, s); n != 6 {
		t.Errorf("%d rows wait, want 6", n)
	}
	if _, _, err := s.Reserve(ctx, "cheap", 1, 5); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("a reservation nobody wrote down: %v", err)
	}
	if _, err := s.Stats(ctx); !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), "start the server") {
		t.Errorf("stats: %v", err)
	}

	server.Start(t)
	wait(t, "everything delivered", func() bool { return kept(t, s) == 0 })
	want := projection.Stats{TotalAttempts: 2, SuccessCount: 1, EscalatedToCloud: 1, FailuresByType: map[string]int{"lint": 1}}
	if diff := cmp.Diff(want, mustStats(t, s)); diff != "" {
		t.Errorf("after the delivery (-want +got):\n%s", diff)
	}
	if n := countOutcomes(t, s, "T"); n != 4 {
		t.Errorf("%d outcomes, want 4", n)
	}
	var calls int
	if query(t, s, &calls, `SELECT COUNT(*) FROM calls`); calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	if spent, err := s.Spent(ctx); spent != 1 || err != nil {
		t.Errorf("spent %v, %v; want 1", spent, err)
	}
	wait(t, "nothing is said any more", func() bool { return len(s.Warnings()) == 0 })
	if r := record(t, s, out("T lint fail #T:lint:2")); !r.Repeated {
		t.Error("the delivered key is not known")
	}
	wait(t, "the state file follows", func() bool { b, _ := s.Written(context.Background()); return cmp.Equal(b, want) })
}

// What was kept by a process that is gone is delivered by the next, before its
// own.
func TestKeptByAnother(t *testing.T) {
	server := stoppable(t)
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	server.Stop(t)
	s := makeStore(o)
	record(t, s, out("T lint fail local"))
	if err := s.Close(); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("close: %v", err) // what waits goes on waiting, and that is said
	}
	server.Start(t)
	if r := record(t, newStore(t, o), out("T lint fail")); r.Action != "escalate" {
		t.Errorf("after it: %+v", r)
	}

	// With a step of its own a process delivers without recording anything.
	server.Stop(t)
	s = makeStore(o)
	record(t, s, out("U commit pass local"))
	s.Close() //nolint:errcheck // as above
	server.Start(t)
	s = newStore(t, o)
	s.DeliverWith(countSettled)
	if err := s.Reconcile(context.Background()); err != nil {
		t.Fatal(err)
	}
	wait(t, "delivered at the start", func() bool { return kept(t, s) == 0 })
	if st := mustStats(t, s); st.SuccessCount != 1 {
		t.Errorf("%+v", st)
	}
	states, err := s.GuardStates(context.Background())
	if string(states[guard.Key{Class: "medium"}]) != "1" || err != nil {
		t.Errorf("guard: %q, %v", states, err)
	}
}

// A kept outcome that the server's journal contradicts is not lost in silence.
func TestKeptIsContradicted(t *testing.T) {
	server := stoppable(t)
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	server.Stop(t)
	s := makeStore(o)
	record(t, s, out("T lint fail local #1"))
	record(t, s, out("T commit pass local #2"))
	s.Close() //nolint:errcheck // the server is away
	server.Start(t)
	elsewhere := o
	elsewhere.Root = t.TempDir() // another member of the team
	record(t, newStore(t, elsewhere), out("T lint pass local #1"))
	s = newStore(t, o)
	if r := record(t, s, out("U plan pass")); len(r.Warnings) == 0 {
		t.Error("the reply that came with it does not say so")
	}
	if n := kept(t, s); n != 0 {
		t.Errorf("%d rows still wait", n)
	}
	if said := strings.Join(s.Warnings(), ";"); !strings.Contains(said, "1 outcomes kept") || !strings.Contains(said, "contradict") {
		t.Errorf("warnings %q", said)
	}
	if n := countOutcomes(t, s, "T"); n != 2 {
		t.Errorf("%d outcomes, want 2", n)
	}
}

// Processes are killed while they deliver what was kept, between the server's
// commit and their own mark too: everything arrives once.
func TestKilledWhileDelivering(t *testing.T) {
	server := stoppable(t)
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: time.Minute}
	record(t, newStore(t, o), out("X plan pass"))
	server.Stop(t)
	outcomes := 100
	if full {
		outcomes = 2000
	}
	s := makeStore(o)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range outcomes {
		one := randomOutcome(r, 20)
		one.EventID, one.Evidence = fmt.Sprint("kept-", i), "route="+string(one.Route)
		record(t, s, one)
	}
	s.Close() //nolint:errcheck // the server is away
	server.Start(t)
	kills, before, most := 0, int64(outcomes), 80*time.Millisecond
	for ; kills < 2000; kills++ {
		var wg sync.WaitGroup
		for j := range 2 {
			cmd := child(t, "recorder", childArgs{Root: o.Root, State: o.State, Project: o.Project, Name: fmt.Sprintf("d%d.%d", kills, j), Records: 1, Tickets: 20})
			from, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				lines := bufio.NewReader(from)
				_, _ = lines.ReadString('\n') // it sends its own record, so what waits comes first
				stop := time.AfterFunc(rand.N(most), func() { _ = cmd.Process.Kill() })
				defer stop.Stop()
				_, _ = io.Copy(io.Discard, lines)
				_ = cmd.Wait() // killed, or done
			})
		}
		wg.Wait()
		look := makeStore(o)
		n := kept(t, look)
		look.Close() //nolint:errcheck // nothing was written
		if n == 0 {
			break
		}
		if n == before { // a busy machine delivers nothing in so little time
			most *= 2
		}
		before = n
	}
	last := newStore(t, o)
	record(t, last, out("X plan pass"))
	if n := kept(t, last); n != 0 {
		t.Fatalf("%d rows still wait", n)
	}
	var doubled, missing int
	query(t, last, &doubled, `SELECT COUNT(*) FROM (SELECT event FROM outcomes WHERE event LIKE 'event:kept-%' GROUP BY event HAVING COUNT(*) > 1) AS x`)
	query(t, last, &missing, `SELECT COUNT(*) FROM outcomes WHERE event LIKE 'event:kept-%'`)
	if doubled != 0 || missing != outcomes {
		t.Errorf("%d of %d delivered, %d of them doubled", missing, outcomes, doubled)
	}
	t.Logf("%d rounds of kills until everything was delivered", kills)
}

// A process that ends between the server's commit and its own mark leaves the
// row waiting: what it records counts once all the same, key or none.
func TestDeliveredButNotMarked(t *testing.T) {
	server := stoppable(t)
	ctx := context.Background()
	o := journal.Options{Root: t.TempDir(), Project: "example.org/team", State: server.Schema(t), BusyTimeout: 20 * time.Second}
	deliver := func(s *Store) {
		t.Helper()
		s.DeliverWith(countSettled)
		if err := s.Outbox().Deliver(ctx); err != nil {
			t.Fatal(err)
		}
	}
	server.Stop(t)
	first := makeStore(o)
	record(t, first, out("T commit pass local"))
	if err := first.Calls.Add(ctx, calls.Call{At: time.Now(), Model: "haiku", Paid: true}); err != nil {
		t.Fatal(err)
	}
	first.Close() //nolint:errcheck // the server is away
	before := t.TempDir()
	copyUser(t, o.Root, before)
	server.Start(t)
	killed := makeStore(o)
	deliver(killed)
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(journaltest.Path(o.Root))); err != nil {
		t.Fatal(err)
	}
	copyUser(t, before, o.Root) // as if it had marked nothing
	last := newStore(t, o)
	if n := kept(t, last); n != 2 {
		t.Fatalf("%d rows wait, want 2", n)
	}
	deliver(last)
	var calls int
	query(t, last, &calls, `SELECT COUNT(*) FROM calls`)
	if st := mustStats(t, last); st.SuccessCount != 1 || countOutcomes(t, last, "T") != 1 || calls != 1 || kept(t, last) != 0 {
		t.Errorf("counted twice, or waiting: %+v, %d calls", st, calls)
	}
}

// A local journal that cannot be used keeps nobody from recording on the server.
func TestUnusableLocalJournal(t *testing.T) {
	root := t.TempDir()
	state := stoppable(t).Schema(t)
	if err := os.MkdirAll(journaltest.Path(root), 0o700); err != nil { // a directory in its place
		t.Fatal(err)
	}
	s := newStore(t, journal.Options{Root: root, State: state})
	if r := record(t, s, out("T commit pass local")); r.Stats.SuccessCount != 1 {
		t.Errorf("%+v", r)
	}
}

// Where neither the server nor the local journal can be written, it is an
// error that says so.
func TestNowhereToKeep(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(root+"/user", []byte("a file in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, journal.Options{Root: root, State: "postgres://u:secret@127.0.0.1:1/none"})
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	if !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), "nor can it be kept") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}
