package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// totals is the one row of counters, kept beside the journal in the same
// transaction, so that no figure is ever computed from the whole history.
type totals struct {
	success, escalated int
	qualitySum         float64
	qualityN           int
	failures           map[string]int
}

func (c totals) stats() Stats {
	s := Stats{SuccessCount: c.success, EscalatedToCloud: c.escalated, TotalAttempts: c.success + c.escalated,
		FailuresByType: maps.Clone(c.failures)}
	if s.FailuresByType == nil {
		s.FailuresByType = map[string]int{}
	}
	if c.qualityN > 0 {
		s.AvgQualityScore = math.Round(c.qualitySum/float64(c.qualityN)*100) / 100
	}
	return s
}

func readTotals(ctx context.Context, q sqldb.Q) (totals, error) {
	c := totals{}
	var failures string
	err := q.Row(ctx, `SELECT success, escalated, quality_sum, quality_n, failures FROM totals WHERE one = 1`).
		Scan(&c.success, &c.escalated, &c.qualitySum, &c.qualityN, &failures)
	if err != nil {
		return c, fmt.Errorf("read counters: %w", err)
	}
	return c, json.Unmarshal([]byte(failures), &c.failures)
}

func writeTotals(ctx context.Context, q sqldb.Q, c totals) error {
	failures, err := json.Marshal(c.failures)
	if err != nil {
		return err
	}
	return q.Exec(ctx, `UPDATE totals SET success = ?, escalated = ?, quality_sum = ?, quality_n = ?, failures = ? WHERE one = 1`,
		c.success, c.escalated, c.qualitySum, c.qualityN, string(failures))
}

// Stats are the counters now.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var c totals
	var open bool
	err := s.read(ctx, func(q sqldb.Q) (err error) {
		if c, err = readTotals(ctx, q); err != nil || s.baseline.Load() {
			return err
		}
		open, err = baselineOpen(ctx, q)
		return err
	})
	if err != nil {
		return Stats{}, err
	}
	if open {
		if before, ok := s.mirror.file.Baseline(ctx, false); ok {
			c.add(before)
		}
	} else {
		s.baseline.Store(true)
	}
	return c.stats(), nil
}

// The state file may have counters of the plan's own scripts. Until the first
// outcome they are the truth; with it they are taken over, once. A file that
// cannot be read then is taken over when it can.

func baselineOpen(ctx context.Context, q sqldb.Q) (bool, error) {
	var value string
	err := q.Row(ctx, `SELECT value FROM meta WHERE name = 'baseline'`).Scan(&value)
	return value == "open", err
}

// add takes over counters; avgQualityScore comes with the attempts it was the
// mean of.
func (c *totals) add(before projection.Stats) {
	success, escalated := max(before.SuccessCount, 0), max(before.EscalatedToCloud, 0)
	c.success, c.escalated = c.success+success, c.escalated+escalated
	if n := success + escalated; n > 0 && before.AvgQualityScore > 0 {
		c.qualityN += n
		c.qualitySum += before.AvgQualityScore * float64(n)
	}
	if c.failures == nil {
		c.failures = map[string]int{}
	}
	for gate, n := range before.FailuresByType {
		if n > 0 {
			c.failures[gate] += n
		}
	}
}

// takeOver adds the counters of before in a transaction, unless that is done.
func takeOver(ctx context.Context, tx sqldb.Q, before projection.Stats) error {
	open, err := baselineOpen(ctx, tx)
	if err != nil || !open {
		return err
	}
	c, err := readTotals(ctx, tx)
	if err != nil {
		return err
	}
	c.add(before)
	if err := writeTotals(ctx, tx, c); err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE meta SET value = 'done' WHERE name = 'baseline'`)
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
	err := s.write(ctx, func(ctx context.Context, tx sqldb.Q) error { return takeOver(ctx, tx, before) })
	s.baseline.Store(err == nil)
	return err
}
