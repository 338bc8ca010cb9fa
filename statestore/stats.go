package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Stats are the counters now.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var c journal.Totals
	var open bool
	err := s.read(ctx, func(q sqldb.Q) (err error) {
		if c, err = journal.ReadTotals(ctx, q); err != nil || s.baseline.Load() {
			return err
		}
		open, err = journal.BaselineOpen(ctx, q)
		return err
	})
	if err != nil {
		return Stats{}, err
	}
	if open {
		if before, ok := s.mirror.file.Baseline(ctx, false); ok {
			c.Add(Stats(before))
		}
	} else {
		s.baseline.Store(true)
	}
	return c.Stats(), nil
}

// adopt takes the state file's counters over in a transaction of its own, where
// that was not possible with the first outcome.
func (s *Store) adopt(ctx context.Context) error {
	if s.baseline.Load() {
		return nil
	}
	before, ok := s.mirror.file.Baseline(ctx, false)
	if !ok {
		return nil
	}
	err := s.write(ctx, func(ctx context.Context, tx sqldb.Q) error { return journal.TakeOver(ctx, tx, Stats(before)) })
	s.baseline.Store(err == nil)
	return err
}
