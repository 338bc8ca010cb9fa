package calls

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	writeDelay  = time.Second // a local call's row is on disk within this
	mostWaiting = 200         // or when so many wait
	mostKept    = 10_000      // rows kept while they cannot be written
)

// Log is a project's calls. It holds rows of local calls until they are written
// together: a figure that a crash may cost is worth no disk flush of its own.
type Log struct {
	j       *journal.Journal
	written journal.Kind[[]Call]
	timer   later.Timer
	mu      sync.Mutex
	rows    []Call
}

// New returns the calls in a journal, which has what waits written.
func New(j *journal.Journal) *Log {
	l := &Log{j: j, written: journal.NewKind(j, "calls", insert)}
	j.Attach(l)
	return l
}

// Add writes a model call: a paid one durably before it returns, a local one
// within a second. One that could not be written goes on waiting.
func (l *Log) Add(ctx context.Context, c Call) error {
	c = c.bounded()
	l.mu.Lock()
	l.rows = append(l.rows, c)
	full := len(l.rows) >= mostWaiting
	l.mu.Unlock()
	if c.Paid { // with what came before it
		return l.Flush(ctx)
	}
	if full {
		return l.Flush(context.WithoutCancel(ctx))
	}
	l.timer.After(writeDelay, l.flushLater)
	return nil
}

func (l *Log) flushLater() {
	if err := l.Flush(l.j.Background()); err != nil && l.j.Background().Err() == nil {
		l.j.Log().Warn("model calls not recorded yet", "err", err)
		l.timer.After(10*writeDelay, l.flushLater)
	}
}

// Flush writes what waits; where that fails it goes on waiting.
func (l *Log) Flush(ctx context.Context) error {
	l.mu.Lock()
	rows := l.rows
	l.rows = nil
	l.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	err := l.written.Write(ctx, rows)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(rows, l.rows...)
	if over := len(l.rows) - mostKept; over > 0 {
		l.rows = slices.Clone(l.rows[over:])
		err = fmt.Errorf("%w (%d rows of local calls were dropped)", err, over)
	}
	return err
}

// End stops writing beside the calls; Flush still writes.
func (l *Log) End() { l.timer.End() }

// Recent returns the newest calls of a model on the local tier since a time,
// newest first, at most n, those that are not on disk yet included.
func (l *Log) Recent(ctx context.Context, model string, since time.Time, n int) (got []Call, err error) {
	l.mu.Lock()
	for i := len(l.rows) - 1; i >= 0 && len(got) < n; i-- {
		if c := l.rows[i]; c.Model == model && c.Tier == localTier && !c.At.Before(since) {
			got = append(got, c)
		}
	}
	l.mu.Unlock()
	waiting := len(got)
	err = l.j.Read(ctx, func(q sqldb.Q, project int64) error {
		got = got[:waiting]
		return q.Each(ctx, `SELECT at, purpose, tokens_in, tokens_out, ms, result FROM calls
WHERE project = ? AND at >= ? AND model = ? AND tier = ? ORDER BY at DESC, id DESC LIMIT ?`,
			[]any{project, since.UnixMilli(), model, localTier, n - waiting}, func(r sqldb.Row) error {
				var c Call
				var at int64
				err := r.Scan(&at, &c.Purpose, &c.TokensIn, &c.TokensOut, &c.MS, &c.Result)
				c.At = time.UnixMilli(at)
				got = append(got, c)
				return err
			})
	})
	return got, err
}

// page is how many rows an iteration reads at a time. Nothing is held between
// two pages, so fn may take its time and use the journal.
const page = 500

// Each gives fn the model calls since a time, in the order of their beginnings:
// a long call is written after shorter ones that began later. It stops at fn's
// first error.
func (l *Log) Each(ctx context.Context, since time.Time, fn func(Call) error) error {
	// A call's place in time is when it began, milliseconds, and its id.
	at, id := max(since.UnixMilli(), 0)-1, int64(1<<62)
	for {
		var got []Call
		var lastAt, lastID int64
		if err := l.j.Read(ctx, func(q sqldb.Q, project int64) error {
			got, lastAt, lastID = nil, at, id
			return q.Each(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE project = ? AND at >= ? AND (at > ? OR id > ?) ORDER BY at, id LIMIT ?`, []any{project, at, at, id, page}, func(r sqldb.Row) error {
				var c Call
				var estimated, paid int
				err := r.Scan(&lastID, &lastAt, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
					&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result)
				c.At, c.Estimated, c.Paid = time.UnixMilli(lastAt), estimated == 1, paid == 1
				got = append(got, c)
				return err
			})
		}); err != nil {
			return err
		}
		at, id = lastAt, lastID
		for _, c := range got {
			if err := fn(c); err != nil {
				return err
			}
		}
		if len(got) < page {
			return nil
		}
	}
}
