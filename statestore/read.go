package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// page is how many rows an iteration reads at a time. Nothing is held between
// two pages, so fn may take its time and call the store.
const page = 500

// DailyFigures sum up the attempts that closed on one day and were folded by
// retention, for one class, digest and model. Outcomes of tickets that were the
// cloud's stand under an empty key, in GatesPassed and GatesFailed alone.
type DailyFigures struct {
	Day             string // 2006-01-02, UTC
	Key             GuardKey
	Model           string
	Done, Escalated int
	QualitySum      float64 // over the QualityN attempts that have one
	QualityN        int
	EscalatedByGate map[string]int
	GatesPassed     map[string]int // outcomes, by gate
	GatesFailed     map[string]int
}

// Calls gives fn the model calls since a time, in the order they were written.
// It stops at fn's first error.
func (s *Store) Calls(ctx context.Context, since time.Time, fn func(Call) error) error {
	return pages(ctx, s, func(q sqldb.Q, after int64) (got []Call, last int64, err error) {
		rows, err := q.Rows(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE id > ? AND at >= ? ORDER BY id LIMIT ?`, after, since.UnixMilli(), page)
		if err != nil {
			return nil, 0, err
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		for rows.Next() {
			var c Call
			var at int64
			var estimated, paid int
			if err := rows.Scan(&last, &at, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
				&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result); err != nil {
				return nil, 0, err
			}
			c.At, c.Estimated, c.Paid = time.UnixMilli(at), estimated == 1, paid == 1
			got = append(got, c)
		}
		return got, last, rows.Err()
	}, fn)
}

// Attempts gives fn the local attempts that are open or closed since a time,
// in the order of their opening, each with its outcomes. Those that retention
// has folded are in Daily. It stops at fn's first error.
func (s *Store) Attempts(ctx context.Context, since time.Time, fn func(Attempt) error) error {
	return pages(ctx, s, func(q sqldb.Q, after int64) (got []Attempt, last int64, err error) {
		ids, err := readIDs(ctx, q, `SELECT id FROM attempts WHERE id > ? AND (closed = 0 OR closed >= ?) ORDER BY id LIMIT ?`,
			after, since.UnixMilli(), page)
		if err != nil {
			return nil, 0, err
		}
		for _, id := range ids {
			a, err := readAttempt(ctx, q, id, 1<<62)
			if err != nil {
				return nil, 0, err
			}
			if last = id; a != nil { // nil: folded between the two reads
				got = append(got, *a)
			}
		}
		return got, last, nil
	}, fn)
}

// Daily gives fn the figures of the days since a time that retention has
// folded, in the order of days. The day that a folded attempt closed on counts.
func (s *Store) Daily(ctx context.Context, since time.Time, fn func(DailyFigures) error) error {
	var got []DailyFigures
	err := s.read(ctx, func(q sqldb.Q) error {
		got = nil
		rows, err := q.Rows(ctx, `SELECT day, class, digest, model, done, escalated, quality_sum, quality_n, by_gate, passed, failed
FROM daily WHERE day >= ? ORDER BY day, class, digest, model`, since.UTC().Format(day))
		if err != nil {
			return fmt.Errorf("read daily figures: %w", err)
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		for rows.Next() {
			d, err := scanDaily(rows)
			if err != nil {
				return fmt.Errorf("read daily figures: %w", err)
			}
			got = append(got, d)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	return each(got, fn)
}

// pages calls read with the last id it returned, and fn with what it read, until
// it finds nothing more.
func pages[T any](ctx context.Context, s *Store, read func(q sqldb.Q, after int64) (got []T, last int64, err error), fn func(T) error) error {
	for after := int64(0); ; {
		var got []T
		var last int64
		if err := s.read(ctx, func(q sqldb.Q) (err error) {
			got, last, err = read(q, after)
			return err
		}); err != nil {
			return err
		}
		if err := each(got, fn); err != nil || last == 0 {
			return err
		}
		after = last
	}
}

func each[T any](list []T, fn func(T) error) error {
	for _, v := range list {
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

func readIDs(ctx context.Context, q sqldb.Q, query string, args ...any) (ids []int64, err error) {
	rows, err := q.Rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Calibration is how many bytes of text a model's token holds, as last saved;
// found is false where it was never measured.
func (s *Store) Calibration(ctx context.Context, model string) (bytesPerToken float64, found bool, err error) {
	err = s.read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT bytes_per_token FROM calibration WHERE model = ?`, model).Scan(&bytesPerToken)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return bytesPerToken, err == nil, err
}

// SaveCalibration keeps what Calibration returns.
func (s *Store) SaveCalibration(ctx context.Context, model string, bytesPerToken float64) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		return tx.Exec(ctx, `INSERT INTO calibration (model, bytes_per_token) VALUES (?, ?)
ON CONFLICT (model) DO UPDATE SET bytes_per_token = excluded.bytes_per_token`, model, bytesPerToken)
	})
}
