package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	callDelay = time.Second // a local call's row is on disk within this
	callMost  = 200         // or when so many wait
)

// callQueue holds rows of local calls until they are written together. A
// figure that a crash may cost is worth no disk flush of its own.
type callQueue struct {
	mu    sync.Mutex
	rows  []Call
	timer *time.Timer
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
	if q.timer == nil {
		q.timer = time.AfterFunc(callDelay, func() {
			if err := s.flushCalls(context.Background()); err != nil {
				s.o.Log.Warn("model calls not recorded", "err", err)
			}
		})
	}
	q.mu.Unlock()
	if full {
		return s.flushCalls(ctx)
	}
	return nil
}

func (s *Store) flushCalls(ctx context.Context) error {
	q := &s.calls
	q.mu.Lock()
	rows := q.rows
	q.rows = nil
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	q.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	return s.insertCalls(ctx, rows)
}

func (s *Store) insertCalls(ctx context.Context, calls []Call) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, c := range calls {
			_, err := tx.ExecContext(ctx, s.q(`INSERT INTO calls (at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`), c.At.UnixMilli(), c.Purpose, c.TicketID, c.Tier, c.Model, c.Digest, c.PromptVersion,
				c.TokensIn, c.TokensOut, c.CostUSD, flag(c.Estimated), flag(c.Paid), c.MS, c.Result)
			if err != nil {
				return fmt.Errorf("insert call: %w", err)
			}
			if c.Digest == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, s.q(`INSERT INTO models (model, digest) VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET digest = excluded.digest`),
				c.Model, c.Digest); err != nil {
				return fmt.Errorf("insert model: %w", err)
			}
		}
		return nil
	})
}

// KnownDigest is the newest digest seen for a model, "" where it never
// answered.
func (s *Store) KnownDigest(ctx context.Context, model string) (string, error) {
	db, err := s.open(ctx)
	if err != nil {
		return "", err
	}
	var digest string
	err = db.QueryRowContext(ctx, s.q(`SELECT digest FROM models WHERE model = ?`), model).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return digest, err
}
