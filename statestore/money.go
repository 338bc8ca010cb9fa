package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Reserve sets an estimate aside from today's budget (the day is UTC's) before
// a paid call is made, durably. What is settled and what is reserved count
// alike, so parallel calls cannot overshoot. ErrBudget where it does not fit.
//
// A reservation that is never settled, since its process died, stays counted
// at its estimate: the money may have been spent.
func (s *Store) Reserve(ctx context.Context, tier string, estimateUSD, capUSD float64) (id int64, spent float64, err error) {
	now := s.o.Now()
	err = s.write(ctx, func(ctx context.Context, tx sqldb.Q) (err error) {
		id, spent, err = journal.Reserve(ctx, tx, now, tier, estimateUSD, capUSD)
		return err
	})
	return id, spent, err
}

// Settle replaces a reservation's estimate by what the call cost. A second
// settlement of the same reservation changes nothing. One that a server cannot
// take now is kept and delivered.
func (s *Store) Settle(ctx context.Context, id int64, actualUSD float64) error {
	v := journal.Settlement{ID: id, USD: actualUSD}
	return s.deliverable(ctx, kindSettle, v, func(ctx context.Context, tx sqldb.Q) error { return journal.Settle(ctx, tx, v) })
}

// Spent is what is settled and reserved today, USD.
func (s *Store) Spent(ctx context.Context) (usd float64, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		usd, err = journal.Spent(ctx, q, s.o.Now())
		return err
	})
	return usd, err
}
