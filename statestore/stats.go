package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
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

func readTotals(ctx context.Context, db querier, s *Store) (totals, error) {
	lock := ""
	if postgres(s.o.State) {
		lock = " FOR UPDATE" // SQLite's immediate transaction is the lock
	}
	c := totals{}
	var failures string
	err := db.QueryRowContext(ctx, `SELECT success, escalated, quality_sum, quality_n, failures FROM totals WHERE one = 1`+lock).
		Scan(&c.success, &c.escalated, &c.qualitySum, &c.qualityN, &failures)
	if err != nil {
		return c, fmt.Errorf("read counters: %w", err)
	}
	return c, json.Unmarshal([]byte(failures), &c.failures)
}

func writeTotals(ctx context.Context, db querier, s *Store, c totals) error {
	failures, err := json.Marshal(c.failures)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, s.q(`UPDATE totals SET success = ?, escalated = ?, quality_sum = ?, quality_n = ?, failures = ? WHERE one = 1`),
		c.success, c.escalated, c.qualitySum, c.qualityN, string(failures))
	return err
}

// Stats are the counters now.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	db, err := s.open(ctx)
	if err != nil {
		return Stats{}, err
	}
	c, err := readTotals(ctx, db, s)
	if err != nil {
		return Stats{}, err
	}
	return c.stats(), nil
}

// importBaseline takes the counters that the state file had before the first
// row: they were counted by the plan's own scripts. avgQualityScore comes with
// the attempts it was the mean of.
func (s *Store) importBaseline(ctx context.Context, db querier) error {
	before, found := s.mirror.file.Read()
	if !found || before.SuccessCount+before.EscalatedToCloud <= 0 {
		return nil
	}
	c := totals{success: before.SuccessCount, escalated: before.EscalatedToCloud, failures: before.FailuresByType}
	if before.AvgQualityScore > 0 {
		c.qualityN = before.SuccessCount + before.EscalatedToCloud
		c.qualitySum = before.AvgQualityScore * float64(c.qualityN)
	}
	return writeTotals(ctx, db, s, c)
}
