package statestore

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
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
func eachStore(t *testing.T, fn func(t *testing.T, o journal.Options)) {
	t.Helper()
	journaltest.Each(t, fn)
}

// makeStore makes a store whose user's directory is in the test's.
func makeStore(o journal.Options) *Store { return New(journaltest.Options(o)) }

// newStore makes a store that closes with the test.
func newStore(t testing.TB, o journal.Options) *Store {
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

func mustStats(t testing.TB, s *Store) projection.Stats {
	t.Helper()
	st, err := s.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// wait polls until it holds, for at most a minute.
func wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
