package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const day = "2006-01-02"

// Reserve sets an estimate aside from today's budget (the day is UTC's) before
// a paid call is made, durably. What is settled and what is reserved count
// alike, so parallel calls cannot overshoot. ErrBudget where it does not fit.
//
// A reservation that is never settled, since its process died, stays counted
// at its estimate: the money may have been spent.
func (s *Store) Reserve(ctx context.Context, tier string, estimateUSD, capUSD float64) (id int64, spent float64, err error) {
	now := s.o.Now().UTC()
	err = s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		today := now.Format(day)
		if err := tx.Exec(ctx, `INSERT INTO spend (day, usd) VALUES (?, 0) ON CONFLICT (day) DO NOTHING`, today); err != nil {
			return err
		}
		if err := tx.Row(ctx, `UPDATE spend SET usd = usd + ? WHERE day = ? RETURNING usd`, estimateUSD, today).Scan(&spent); err != nil {
			return err
		}
		if spent > capUSD {
			spent -= estimateUSD
			return fmt.Errorf("%w: $%.4f of $%.2f spent or reserved, this call may cost $%.4f", ErrBudget, spent, capUSD, estimateUSD)
		}
		id, err = tx.Insert(ctx, `INSERT INTO reservations (day, tier, estimate, at) VALUES (?, ?, ?, ?)`, today, tier, estimateUSD, now.UnixMilli())
		return err
	})
	return id, spent, err
}

// Settle replaces a reservation's estimate by what the call cost. A second
// settlement of the same reservation changes nothing. One that a server cannot
// take now is kept and delivered.
func (s *Store) Settle(ctx context.Context, id int64, actualUSD float64) error {
	return s.deliverable(ctx, kindSettle, settlement{id, actualUSD}, func(ctx context.Context, tx sqldb.Q) error {
		return settle(ctx, tx, settlement{id, actualUSD})
	})
}

type settlement struct {
	ID  int64   `json:"id"`
	USD float64 `json:"usd"`
}

func settle(ctx context.Context, tx sqldb.Q, v settlement) error {
	var on string
	var estimate float64
	err := tx.Row(ctx, `UPDATE reservations SET actual = ? WHERE id = ? AND actual IS NULL RETURNING day, estimate`, v.USD, v.ID).Scan(&on, &estimate)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE spend SET usd = usd + ? WHERE day = ?`, v.USD-estimate, on)
}

// Spent is what is settled and reserved today, USD.
func (s *Store) Spent(ctx context.Context) (usd float64, err error) {
	err = s.read(ctx, func(q sqldb.Q) error {
		err := q.Row(ctx, `SELECT usd FROM spend WHERE day = ?`, s.o.Now().UTC().Format(day)).Scan(&usd)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return usd, err
}
