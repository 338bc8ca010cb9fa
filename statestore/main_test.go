package statestore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// childEnv makes this test binary a child process of a test: its value names
// one of children.
const childEnv = "LOCALMODEL_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		os.Exit(children[name]())
	}
	os.Exit(pgtest.Main(m))
}

// full says that the large sizes are wanted, of hours rather than seconds.
var full = os.Getenv("LOCALMODEL_FULL") != ""

// eachStore runs a test against both stores, each fresh.
func eachStore(t *testing.T, fn func(t *testing.T, o Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, Options{Root: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) {
		parts.Need(t, parts.Postgres)
		fn(t, Options{Root: t.TempDir(), State: pgtest.Shared(t).Schema(t)})
	})
}

// journalPath is where a test's user has the journal, beside the project.
func journalPath(root string) string { return filepath.Join(root, "user", "journal.db") }

// makeStore makes a store whose user's directory is in the test's.
func makeStore(o Options) *Store {
	o.Dir = filepath.Dir(journalPath(o.Root))
	if o.State == "" {
		o.State = journalPath(o.Root)
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 2 * time.Minute // a loaded machine is no fault
	}
	return New(o)
}

// newStore makes a store that closes with the test.
func newStore(t testing.TB, o Options) *Store {
	t.Helper()
	s := makeStore(o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !t.Failed() {
			t.Logf("close: %v", err)
		}
	})
	return s
}

// record records and fails the test on an error.
func record(t testing.TB, s *Store, o Outcome) Recorded {
	t.Helper()
	r, err := s.Record(context.Background(), o, nil)
	if err != nil {
		t.Fatalf("record %+v: %v", o, err)
	}
	return r
}

// out writes an outcome as "TICKET gate pass|fail [local|cloud] [#event]".
func out(text string) Outcome {
	words := strings.Fields(text)
	o := Outcome{TicketID: words[0], Gate: policy.Gate(words[1]), Outcome: policy.Outcome(words[2])}
	for _, w := range words[3:] {
		if id, ok := strings.CutPrefix(w, "#"); ok {
			o.EventID = id
		} else {
			o.Route = policy.Owner(w)
		}
	}
	return o
}

func mustStats(t testing.TB, s *Store) Stats {
	t.Helper()
	st, err := s.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// clock is a clock that a test sets, while others read it.
type clock struct{ ms atomic.Int64 }

func newClock(year int, month time.Month, day, hour int) *clock {
	c := &clock{}
	c.set(time.Date(year, month, day, hour, 0, 0, 0, time.UTC))
	return c
}

func (c *clock) now() time.Time      { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) set(to time.Time)    { c.ms.Store(to.UnixMilli()) }
func (c *clock) add(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// wait polls until it holds, for at most a minute.
func wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
