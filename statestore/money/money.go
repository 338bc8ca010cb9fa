// Package money keeps what paid calls cost: reserved before they are made,
// within the user's cap of the day, and settled after them.
package money

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// ErrBudget says that a call does not fit today's budget.
var ErrBudget = errors.New("today's budget is spent")

// day is how a day is written; it is UTC's.
const day = "2006-01-02"

// maxUSD bounds one call's cost, US dollars.
const maxUSD = 1e6

// validUSD reports whether an amount can be added up.
func validUSD(usd float64) bool { return usd >= 0 && usd <= maxUSD } // false of NaN

// Spending is what a user spends, over all projects of a journal.
type Spending struct {
	j       *journal.Journal
	settled journal.Kind[settlement]
}

// New returns the spending of a journal's user.
func New(j *journal.Journal) *Spending {
	return &Spending{j: j, settled: journal.NewKind(j, "settle", settle)}
}

// Reserve sets an estimate (US dollars) aside from today's budget before a paid
// call is made, durably. The day is UTC's; the budget is the user's, over all
// projects and processes. What is settled and what is reserved count alike, so
// parallel calls cannot overshoot. It returns ErrBudget where it does not fit.
//
// A reservation that is never settled, since its process died, stays counted
// at its estimate: the money may have been spent.
func (s *Spending) Reserve(ctx context.Context, tier string, estimateUSD, capUSD float64) (id int64, spent float64, err error) {
	if !validUSD(estimateUSD) || math.IsNaN(capUSD) {
		return 0, 0, fmt.Errorf("%w: an estimate of %v is no amount of money", ErrBudget, estimateUSD)
	}
	now := s.j.Now()
	err = s.j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
		today := now.UTC().Format(day)
		var on string
		if err := tx.Row(ctx, `SELECT COALESCE(SUM(usd), 0), COALESCE(MAX(day), '') FROM spend WHERE usr = ? AND day >= ?`, s.j.User(), today).
			Scan(&spent, &on); err != nil {
			return fmt.Errorf("read spending: %w", err)
		}
		if spent+estimateUSD > capUSD {
			late := ""
			if on > today {
				late = fmt.Sprintf(" (the clock says %s, the last paid call was on %s: look at the clock)", today, on)
			}
			return fmt.Errorf("%w: $%.4f of $%.2f spent or reserved, this call may cost $%.4f%s", ErrBudget, spent, capUSD, estimateUSD, late)
		}
		// A clock that was set back begins no new budget.
		on = max(on, today)
		if err := tx.Exec(ctx, `INSERT INTO spend (usr, day, usd) VALUES (?, ?, ?) ON CONFLICT (usr, day) DO UPDATE SET usd = spend.usd + excluded.usd`,
			s.j.User(), on, estimateUSD); err != nil {
			return fmt.Errorf("write spending: %w", err)
		}
		id, err = tx.Insert(ctx, `INSERT INTO reservations (usr, project, day, tier, estimate, at) VALUES (?, ?, ?, ?, ?, ?)`,
			s.j.User(), p.ID, on, tier, estimateUSD, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("write reservation: %w", err)
		}
		spent += estimateUSD
		p.Seq++
		return p.Save(ctx, tx, now)
	})
	if err != nil && !errors.Is(err, ErrBudget) {
		return 0, 0, err
	}
	return id, spent, err
}

// settlement is what a reserved call cost.
type settlement struct {
	ID  int64   `json:"id"`
	USD float64 `json:"usd"`
}

// Settle replaces a reservation's estimate by what the call cost (US dollars);
// an amount that is none leaves the estimate. A second settlement of the same
// reservation changes nothing. One that a server cannot take now is kept and
// delivered.
func (s *Spending) Settle(ctx context.Context, id int64, actualUSD float64) error {
	if !validUSD(actualUSD) {
		s.j.Log().Warn("a cost that is no amount of money: the estimate stays", "usd", actualUSD)
		return nil
	}
	return s.settled.Write(ctx, settlement{ID: id, USD: actualUSD})
}

func settle(ctx context.Context, tx sqldb.Q, _ *journal.Project, v settlement, _ time.Time) error {
	var user, on string
	var estimate float64
	err := tx.Row(ctx, `UPDATE reservations SET actual = ? WHERE id = ? AND actual IS NULL RETURNING usr, day, estimate`, v.USD, v.ID).
		Scan(&user, &on, &estimate)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE spend SET usd = CASE WHEN usd + ? < 0 THEN 0 ELSE usd + ? END WHERE usr = ? AND day = ?`,
		v.USD-estimate, v.USD-estimate, user, on)
}

// Spent is what the user has settled and reserved today, US dollars.
func (s *Spending) Spent(ctx context.Context) (usd float64, err error) {
	err = s.j.ReadAny(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT COALESCE(SUM(usd), 0) FROM spend WHERE usr = ? AND day >= ?`, s.j.User(), s.j.Now().UTC().Format(day)).Scan(&usd)
	})
	return usd, err
}

// TeamSpent is what all users of a journal on a server have settled and reserved
// since a time, US dollars, over all projects. shared is false where the journal
// is one user's file: then there is no team.
func (s *Spending) TeamSpent(ctx context.Context, since time.Time) (usd float64, shared bool, err error) {
	if !s.j.Postgres() {
		return 0, false, nil
	}
	err = s.j.ReadAny(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT COALESCE(SUM(usd), 0) FROM spend WHERE day >= ?`, since.UTC().Format(day)).Scan(&usd)
	})
	return usd, true, err
}
