package statestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// page is how many rows an iteration reads at a time. Nothing is held between
// two pages, so fn may take its time and call the store.
const page = 500

// DailyFigures sum up the attempts that closed on one day and were folded by
// retention, for one class, digest and model.
type DailyFigures struct {
	Day                  string // 2006-01-02, UTC
	Key                  GuardKey
	Model                string
	Done, Escalated      int
	QualitySum           float64 // over the QualityN attempts that have one
	QualityN             int
	EscalatedByGate      map[string]int
	GatesPassed          map[string]int // outcomes, by gate
	GatesFailed          map[string]int
	FirstOpened, Closing time.Time // of the attempts folded here: the earliest opening, the latest closing
}

// Calls gives fn the model calls since a time, oldest first as they were
// written. It stops at fn's first error.
func (s *Store) Calls(ctx context.Context, since time.Time, fn func(Call) error) error {
	return s.pages(ctx, func(db querier, after int64) (int64, error) {
		rows, err := db.QueryContext(ctx, s.q(`SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE id > ? AND at >= ? ORDER BY id LIMIT ?`), after, since.UnixMilli(), page)
		if err != nil {
			return 0, err
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		var got []Call
		for rows.Next() {
			var c Call
			var at int64
			var estimated, paid int
			if err := rows.Scan(&after, &at, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
				&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result); err != nil {
				return 0, err
			}
			c.At, c.Estimated, c.Paid = time.UnixMilli(at), estimated == 1, paid == 1
			got = append(got, c)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return 0, err
		}
		return after, each(got, fn)
	})
}

// Attempts gives fn the local attempts that are open or closed since a time,
// in the order of their opening, each with its outcomes. Those that retention
// has folded are in Daily.
func (s *Store) Attempts(ctx context.Context, since time.Time, fn func(Attempt) error) error {
	return s.pages(ctx, func(db querier, after int64) (int64, error) {
		rows, err := db.QueryContext(ctx, s.q(`SELECT id FROM attempts WHERE id > ? AND (closed = 0 OR closed >= ?) ORDER BY id LIMIT ?`),
			after, since.UnixMilli(), page)
		if err != nil {
			return 0, err
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		var ids []int64
		for rows.Next() {
			if err := rows.Scan(&after); err != nil {
				return 0, err
			}
			ids = append(ids, after)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return 0, err
		}
		return after, each(ids, func(id int64) error {
			a, err := s.attempt(ctx, db, id, 1<<62)
			if err != nil || a == nil { // nil: folded between the two reads
				return err
			}
			return fn(*a)
		})
	})
}

// Daily gives fn the figures of the days since a time that retention has
// folded, in the order of days. The day that a folded attempt closed on counts.
func (s *Store) Daily(ctx context.Context, since time.Time, fn func(DailyFigures) error) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, s.q(`SELECT day, class, digest, model, done, escalated, quality_sum, quality_n, by_gate, passed, failed, first_opened, last_closed
FROM daily WHERE day >= ? ORDER BY day, class, digest, model`), since.UTC().Format("2006-01-02"))
	if err != nil {
		return fmt.Errorf("read daily figures: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	var got []DailyFigures
	for rows.Next() {
		var d DailyFigures
		var byGate, passed, failed string
		var opened, closed int64
		if err := rows.Scan(&d.Day, &d.Key.Class, &d.Key.Digest, &d.Model, &d.Done, &d.Escalated, &d.QualitySum, &d.QualityN,
			&byGate, &passed, &failed, &opened, &closed); err != nil {
			return fmt.Errorf("read daily figures: %w", err)
		}
		d.FirstOpened, d.Closing = time.UnixMilli(opened), time.UnixMilli(closed)
		if err := errors.Join(json.Unmarshal([]byte(byGate), &d.EscalatedByGate), json.Unmarshal([]byte(passed), &d.GatesPassed),
			json.Unmarshal([]byte(failed), &d.GatesFailed)); err != nil {
			return fmt.Errorf("read daily figures: %w", err)
		}
		got = append(got, d)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read daily figures: %w", err)
	}
	return each(got, fn)
}

// pages calls read with the last id it returned until it returns the same one.
func (s *Store) pages(ctx context.Context, read func(db querier, after int64) (last int64, err error)) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		last, err := read(db, after)
		if err != nil || last == after {
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

// Calibration is how many bytes of text a model's token holds, as last saved;
// found is false where it was never measured.
func (s *Store) Calibration(ctx context.Context, model string) (bytesPerToken float64, found bool, err error) {
	db, err := s.open(ctx)
	if err != nil {
		return 0, false, err
	}
	err = db.QueryRowContext(ctx, s.q(`SELECT bytes_per_token FROM calibration WHERE model = ?`), model).Scan(&bytesPerToken)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return bytesPerToken, err == nil, err
}

// SaveCalibration keeps what Calibration returns.
func (s *Store) SaveCalibration(ctx context.Context, model string, bytesPerToken float64) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, s.q(`INSERT INTO calibration (model, bytes_per_token) VALUES (?, ?)
ON CONFLICT (model) DO UPDATE SET bytes_per_token = excluded.bytes_per_token`), model, bytesPerToken)
		return err
	})
}
