// Package journaltest makes journals for tests: each fresh, in a file and on a
// server, with a clock that the test sets.
package journaltest

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// Each runs a test with a journal in a file and with one on a server. Its package
// has pgtest.Main run its tests.
func Each(t *testing.T, fn func(t *testing.T, o journal.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, Options(journal.Options{Root: t.TempDir()})) })
	t.Run("postgres", func(t *testing.T) {
		parts.Need(t, parts.Postgres)
		fn(t, Options(journal.Options{Root: t.TempDir(), State: pgtest.Shared(t).Schema(t)}))
	})
}

// Path is where a test's user has the journal, beside the project.
func Path(root string) string { return filepath.Join(root, "user", "journal.db") }

// Options are o with the user's directory in the test's root, and with the journal
// in it where o names none.
func Options(o journal.Options) journal.Options {
	o.Dir = filepath.Dir(Path(o.Root))
	if o.State == "" {
		o.State = Path(o.Root)
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 2 * time.Minute // a loaded machine is no fault
	}
	return o
}

// Open makes a journal that closes with the test.
func Open(t testing.TB, o journal.Options) *journal.Journal {
	t.Helper()
	j := journal.New(Options(o))
	t.Cleanup(func() {
		if err := j.Close(); err != nil && !t.Failed() {
			t.Logf("close: %v", err)
		}
	})
	return j
}

// Clock is a clock that a test sets, while others read it.
type Clock struct{ ms atomic.Int64 }

// NewClock makes a clock that shows the beginning of an hour, UTC.
func NewClock(year int, month time.Month, day, hour int) *Clock {
	c := &Clock{}
	c.Set(time.Date(year, month, day, hour, 0, 0, 0, time.UTC))
	return c
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Set sets the clock.
func (c *Clock) Set(to time.Time) { c.ms.Store(to.UnixMilli()) }

// Add sets the clock forward, or back.
func (c *Clock) Add(d time.Duration) { c.ms.Add(d.Milliseconds()) }
