package statestore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	callDelay = time.Second // a local call's row is on disk within this
	callMost  = 200         // or when so many wait
	callKept  = 10_000      // rows kept while they cannot be written
)

// callQueue holds rows of local calls until they are written together. A
// figure that a crash may cost is worth no disk flush of its own.
type callQueue struct {
	timer timer
	mu    sync.Mutex
	rows  []Call
}

// LogCall writes a model call: a paid one durably before it returns, a local
// one within a second.
func (s *Store) LogCall(ctx context.Context, c Call) error {
	if c.Paid {
		return s.insertCalls(ctx, []Call{c})
	}
	q := &s.calls
	q.mu.Lock()
	q.rows = append(q.rows, c)
	full := len(q.rows) >= callMost
	q.mu.Unlock()
	if full {
		return s.flushCalls(context.WithoutCancel(ctx))
	}
	q.timer.after(callDelay, s.flushCallsLater)
	return nil
}

func (s *Store) flushCallsLater() {
	if err := s.flushCalls(s.background); err != nil && s.background.Err() == nil {
		s.o.Log.Warn("model calls not recorded yet", "err", err)
		s.calls.timer.after(10*callDelay, s.flushCallsLater)
	}
}

// flushCalls writes what waits; where that fails it goes on waiting.
func (s *Store) flushCalls(ctx context.Context) error {
	q := &s.calls
	q.mu.Lock()
	rows := q.rows
	q.rows = nil
	q.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	err := s.insertCalls(ctx, rows)
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rows = append(rows, q.rows...)
	if over := len(q.rows) - callKept; over > 0 {
		q.rows = slices.Clone(q.rows[over:])
		err = fmt.Errorf("%w (%d rows of local calls were given up)", err, over)
	}
	return err
}

func (s *Store) insertCalls(ctx context.Context, calls []Call) error {
	return s.deliverable(ctx, kindCalls, calls, func(ctx context.Context, tx sqldb.Q) error {
		return journal.InsertCalls(ctx, tx, calls)
	})
}

// KnownDigest is the newest digest seen for a model, "" where it never
// answered.
func (s *Store) KnownDigest(ctx context.Context, model string) (digest string, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		digest, err = journal.KnownDigest(ctx, q, model)
		return err
	})
	return digest, err
}
