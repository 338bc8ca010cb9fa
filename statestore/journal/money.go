package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Day is how a day is written; it is UTC's.
const Day = "2006-01-02"

// Reserve sets an estimate aside from the budget of the day. What is settled
// and what is reserved count alike. ErrBudget where it does not fit.
func Reserve(ctx context.Context, tx sqldb.Q, now time.Time, tier string, estimateUSD, capUSD float64) (id int64, spent float64, err error) {
	today := now.UTC().Format(Day)
	if err := tx.Exec(ctx, `INSERT INTO spend (day, usd) VALUES (?, 0) ON CONFLICT (day) DO NOTHING`, today); err != nil {
		return 0, 0, err
	}
	if err := tx.Row(ctx, `UPDATE spend SET usd = usd + ? WHERE day = ? RETURNING usd`, estimateUSD, today).Scan(&spent); err != nil {
		return 0, 0, err
	}
	if spent > capUSD {
		spent -= estimateUSD
		return 0, spent, fmt.Errorf("%w: $%.4f of $%.2f spent or reserved, this call may cost $%.4f", ErrBudget, spent, capUSD, estimateUSD)
	}
	id, err = tx.Insert(ctx, `INSERT INTO reservations (day, tier, estimate, at) VALUES (?, ?, ?, ?)`, today, tier, estimateUSD, now.UnixMilli())
	return id, spent, err
}

// Settlement is what a reserved call cost.
type Settlement struct {
	ID  int64   `json:"id"`
	USD float64 `json:"usd"`
}

// Settle replaces a reservation's estimate. A second settlement of the same
// reservation changes nothing.
func Settle(ctx context.Context, tx sqldb.Q, v Settlement) error {
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

// Spent is what is settled and reserved on the day, USD.
func Spent(ctx context.Context, q sqldb.Q, now time.Time) (usd float64, err error) {
	err = q.Row(ctx, `SELECT usd FROM spend WHERE day = ?`, now.UTC().Format(Day)).Scan(&usd)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return usd, err
}
