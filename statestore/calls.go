package statestore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	callDelay = time.Second // a local call's row is on disk within this
	callMost  = 200         // or when so many wait
	callKept  = 10_000      // rows kept while they cannot be written
)

// Call is one model call, whatever its end.
type Call struct {
	At                                                    time.Time
	Purpose, TicketID, Tier, Model, Digest, PromptVersion string
	TokensIn, TokensOut                                   int
	CostUSD                                               float64
	Estimated, Paid                                       bool
	MS                                                    int64
	Result                                                string // ok, or why not
}

// bounded makes a call one that every reader can read.
func (c Call) bounded() Call {
	for _, text := range []*string{&c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion, &c.Result} {
		*text = clip(*text, maxField)
	}
	c.TokensIn, c.TokensOut, c.MS = bounded(c.TokensIn), bounded(c.TokensOut), max(c.MS, 0)
	if !validUSD(c.CostUSD) {
		c.CostUSD, c.Estimated = 0, true
	}
	return c
}

// callQueue holds rows of local calls until they are written together. A
// figure that a crash may cost is worth no disk flush of its own.
type callQueue struct {
	timer later.Timer
	mu    sync.Mutex
	rows  []Call
}

// LogCall writes a model call: a paid one durably before it returns, a local
// one within a second. One that could not be written goes on waiting.
func (s *Store) LogCall(ctx context.Context, c Call) error {
	c = c.bounded()
	q := &s.calls
	q.mu.Lock()
	q.rows = append(q.rows, c)
	full := len(q.rows) >= callMost
	q.mu.Unlock()
	if c.Paid { // with what came before it
		return s.flushCalls(ctx)
	}
	if full {
		return s.flushCalls(context.WithoutCancel(ctx))
	}
	q.timer.After(callDelay, s.flushCallsLater)
	return nil
}

func (s *Store) flushCallsLater() {
	if err := s.flushCalls(s.background); err != nil && s.background.Err() == nil {
		s.o.Log.Warn("model calls not recorded yet", "err", err)
		s.calls.timer.After(10*callDelay, s.flushCallsLater)
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
		err = fmt.Errorf("%w (%d rows of local calls were dropped)", err, over)
	}
	return err
}

func (s *Store) insertCalls(ctx context.Context, calls []Call) error {
	return s.deliverable(ctx, kindCalls, calls, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		return insertCalls(ctx, tx, p.id, calls)
	})
}

// insertCalls writes model calls, and the digest that each model had.
func insertCalls(ctx context.Context, tx sqldb.Q, project int64, calls []Call) error {
	digests := map[string]string{}
	sums := &tallying{ctx: ctx, tx: tx, project: project, sums: map[usageKey]*Usage{}}
	slices.SortStableFunc(calls, func(a, b Call) int { return a.At.Compare(b.At) })
	for _, c := range calls {
		if err := sums.call(c); err != nil {
			return err
		}
		if err := tx.Exec(ctx, `INSERT INTO calls (project, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, project, c.At.UnixMilli(), c.Purpose, c.TicketID, c.Tier, c.Model, c.Digest, c.PromptVersion,
			c.TokensIn, c.TokensOut, c.CostUSD, flag(c.Estimated), flag(c.Paid), c.MS, c.Result); err != nil {
			return fmt.Errorf("insert call: %w", err)
		}
		if c.Digest != "" {
			digests[c.Model] = c.Digest
		}
	}
	for model, digest := range digests {
		if err := tx.Exec(ctx, `INSERT INTO models (project, model, digest) VALUES (?, ?, ?)
ON CONFLICT (project, model) DO UPDATE SET digest = excluded.digest`, project, model, digest); err != nil {
			return fmt.Errorf("insert model: %w", err)
		}
	}
	if err := sums.settleOld(calls[len(calls)-1].At); err != nil {
		return err
	}
	return sums.save()
}

// KnownDigest is the newest digest seen for a model, "" where it never
// answered.
func (s *Store) KnownDigest(ctx context.Context, model string) (digest string, err error) {
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		text, err := maybe(q.Row(ctx, `SELECT digest FROM models WHERE project = ? AND model = ?`, project, model))
		digest = string(text)
		return err
	})
	return digest, err
}

// RecentLocal returns the newest calls of a model on the local tier since a
// time, newest first, at most n, those that are not on disk yet included.
func (s *Store) RecentLocal(ctx context.Context, model string, since time.Time, n int) (got []Call, err error) {
	s.calls.mu.Lock()
	for i := len(s.calls.rows) - 1; i >= 0 && len(got) < n; i-- {
		if c := s.calls.rows[i]; c.Model == model && c.Tier == localTier && !c.At.Before(since) {
			got = append(got, c)
		}
	}
	s.calls.mu.Unlock()
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		kept, err := recentLocal(ctx, q, project, model, since, n-len(got))
		got = append(got, kept...)
		return err
	})
	return got, err
}

const localTier = "local"

func recentLocal(ctx context.Context, q sqldb.Q, project int64, model string, since time.Time, n int) (got []Call, err error) {
	rows, err := q.Rows(ctx, `SELECT at, purpose, tokens_in, tokens_out, ms, result FROM calls
WHERE project = ? AND at >= ? AND model = ? AND tier = ? ORDER BY at DESC, id DESC LIMIT ?`, project, since.UnixMilli(), model, localTier, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var c Call
		var at int64
		if err := rows.Scan(&at, &c.Purpose, &c.TokensIn, &c.TokensOut, &c.MS, &c.Result); err != nil {
			return nil, err
		}
		c.At = time.UnixMilli(at)
		got = append(got, c)
	}
	return got, rows.Err()
}

// page is how many rows an iteration reads at a time. Nothing is held between
// two pages, so fn may take its time and call the store.
const page = 500

// callPlace is a call's place in time: when it began, milliseconds, and its id.
type callPlace struct{ at, id int64 }

// Calls gives fn the model calls since a time, in the order of their beginnings:
// a long call is written after shorter ones that began later. It stops at fn's
// first error.
func (s *Store) Calls(ctx context.Context, since time.Time, fn func(Call) error) error {
	after := callPlace{at: max(since.UnixMilli(), 0) - 1, id: 1 << 62}
	for {
		var got []Call
		if err := s.read(ctx, func(q sqldb.Q, project int64) (err error) {
			got, err = readCalls(ctx, q, project, &after)
			return err
		}); err != nil {
			return err
		}
		if err := each(got, fn); err != nil || len(got) < page {
			return err
		}
	}
}

// readCalls reads a page of calls after a place, which it moves on.
func readCalls(ctx context.Context, q sqldb.Q, project int64, after *callPlace) (got []Call, err error) {
	rows, err := q.Rows(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE project = ? AND at >= ? AND (at > ? OR id > ?) ORDER BY at, id LIMIT ?`, project, after.at, after.at, after.id, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	last := *after
	for rows.Next() {
		var c Call
		var estimated, paid int
		if err := rows.Scan(&last.id, &last.at, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
			&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result); err != nil {
			return nil, err
		}
		c.At, c.Estimated, c.Paid = time.UnixMilli(last.at), estimated == 1, paid == 1
		got = append(got, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	*after = last
	return got, nil
}

// Calibration is how many bytes of text a model's token holds, as last saved;
// found is false where it was never measured.
func (s *Store) Calibration(ctx context.Context, model string) (bytesPerToken float64, found bool, err error) {
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		err := q.Row(ctx, `SELECT COALESCE(MAX(bytes_per_token), 0) FROM calibration WHERE project = ? AND model = ?`, project, model).Scan(&bytesPerToken)
		found = bytesPerToken > 0
		return err
	})
	return bytesPerToken, found && err == nil, err
}

// SaveCalibration keeps what Calibration returns.
func (s *Store) SaveCalibration(ctx context.Context, model string, bytesPerToken float64) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		return tx.Exec(ctx, `INSERT INTO calibration (project, model, bytes_per_token) VALUES (?, ?, ?)
ON CONFLICT (project, model) DO UPDATE SET bytes_per_token = excluded.bytes_per_token`, p.id, model, bytesPerToken)
	})
}
