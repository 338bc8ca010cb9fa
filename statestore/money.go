package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Reserve sets an estimate aside from today's budget (the day is UTC's) before
// a paid call is made, durably. What is settled and what is reserved count
// alike, so parallel calls cannot overshoot. ErrBudget where it does not fit.
//
// A reservation that is never settled, since its process died, stays counted
// at its estimate: the money may have been spent.
func (s *Store) Reserve(ctx context.Context, tier string, estimateUSD, capUSD float64) (id int64, spent float64, err error) {
	now := s.o.Now().UTC()
	day := now.Format("2006-01-02")
	err = s.write(ctx, func(tx *sql.Tx) error {
		t := &recording{s: s, ctx: ctx, tx: tx}
		if err := t.exec(`INSERT INTO spend (day, usd) VALUES (?, 0) ON CONFLICT (day) DO NOTHING`, day); err != nil {
			return err
		}
		if err := t.row(`UPDATE spend SET usd = usd + ? WHERE day = ? RETURNING usd`, estimateUSD, day).Scan(&spent); err != nil {
			return err
		}
		if spent > capUSD {
			spent -= estimateUSD
			return fmt.Errorf("%w: $%.4f of $%.2f spent or reserved, this call may cost $%.4f", ErrBudget, spent, capUSD, estimateUSD)
		}
		id, err = t.insert(`INSERT INTO reservations (day, tier, estimate, at) VALUES (?, ?, ?, ?)`, day, tier, estimateUSD, now.UnixMilli())
		return err
	})
	return id, spent, err
}

// Settle replaces a reservation's estimate by what the call cost. A second
// settlement of the same reservation changes nothing.
func (s *Store) Settle(ctx context.Context, id int64, actualUSD float64) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		t := &recording{s: s, ctx: ctx, tx: tx}
		var day string
		var estimate float64
		err := t.row(`UPDATE reservations SET actual = ? WHERE id = ? AND actual IS NULL RETURNING day, estimate`, actualUSD, id).Scan(&day, &estimate)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.exec(`UPDATE spend SET usd = usd + ? WHERE day = ?`, actualUSD-estimate, day)
	})
}

// Spent is what is settled and reserved today, USD.
func (s *Store) Spent(ctx context.Context) (float64, error) {
	db, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	var usd float64
	err = db.QueryRowContext(ctx, s.q(`SELECT usd FROM spend WHERE day = ?`), s.o.Now().UTC().Format("2006-01-02")).Scan(&usd)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return usd, err
}
