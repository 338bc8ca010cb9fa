package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Totals is the one row of counters, kept beside the journal in the same
// transaction, so that no figure is ever computed from the whole history.
type Totals struct {
	success, escalated int
	qualitySum         float64
	qualityN           int
	failures           map[string]int
}

// Stats are the counters as the state file has them.
func (c Totals) Stats() Stats {
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

// ReadTotals reads the counters.
func ReadTotals(ctx context.Context, q sqldb.Q) (Totals, error) {
	c := Totals{}
	var failures string
	err := q.Row(ctx, `SELECT success, escalated, quality_sum, quality_n, failures FROM totals WHERE one = 1`).
		Scan(&c.success, &c.escalated, &c.qualitySum, &c.qualityN, &failures)
	if err != nil {
		return c, fmt.Errorf("read counters: %w", err)
	}
	return c, json.Unmarshal([]byte(failures), &c.failures)
}

func writeTotals(ctx context.Context, q sqldb.Q, c Totals) error {
	failures, err := json.Marshal(c.failures)
	if err != nil {
		return err
	}
	return q.Exec(ctx, `UPDATE totals SET success = ?, escalated = ?, quality_sum = ?, quality_n = ?, failures = ? WHERE one = 1`,
		c.success, c.escalated, c.qualitySum, c.qualityN, string(failures))
}

// The state file may have counters of the plan's own scripts. Until the first
// outcome they are the truth; with it they are taken over, once. A file that
// cannot be read then is taken over when it can.

// BaselineOpen says that they are not taken over yet.
func BaselineOpen(ctx context.Context, q sqldb.Q) (bool, error) {
	var value string
	err := q.Row(ctx, `SELECT value FROM meta WHERE name = 'baseline'`).Scan(&value)
	return value == "open", err
}

// Add takes over counters; avgQualityScore comes with the attempts it was the
// mean of.
func (c *Totals) Add(before Stats) {
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

// TakeOver adds the counters of before in a transaction, unless that is done.
func TakeOver(ctx context.Context, tx sqldb.Q, before Stats) error {
	open, err := BaselineOpen(ctx, tx)
	if err != nil || !open {
		return err
	}
	c, err := ReadTotals(ctx, tx)
	if err != nil {
		return err
	}
	c.Add(before)
	if err := writeTotals(ctx, tx, c); err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE meta SET value = 'done' WHERE name = 'baseline'`)
}
