package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Retention folds what is old into daily figures, a piece at a time, so that a
// record never waits for it longer than one piece takes. Counters, keys, calls
// and decisions stay.
const (
	FoldAtOnce = 20 // attempts in a piece; five times as many of what is small
	// deliveryDays is how long a delivery number is kept: longer than anything
	// waits for a server.
	deliveryDays = 400
)

// Old is one piece of what is older than the limit.
type Old struct {
	attempts, cloud, money []int64
	deliveries             int
	now                    time.Time
}

// FindOld looks for a piece, without a lock.
func FindOld(ctx context.Context, q sqldb.Q, now time.Time, retainDays int) (old Old, err error) {
	limit := now.AddDate(0, 0, -retainDays).UnixMilli()
	old.now = now
	if old.attempts, err = readIDs(ctx, q, `SELECT id FROM attempts WHERE closed > 0 AND closed < ? ORDER BY closed LIMIT ?`, limit, FoldAtOnce); err != nil {
		return old, err
	}
	// The oldest of the cloud's; where they are not old enough none is.
	if old.cloud, err = readIDs(ctx, q, `SELECT id FROM (SELECT id, at FROM outcomes WHERE attempt = 0 ORDER BY id LIMIT ?) AS oldest WHERE at < ?`, 5*FoldAtOnce, limit); err != nil {
		return old, err
	}
	if old.money, err = readIDs(ctx, q, `SELECT id FROM (SELECT id, at FROM reservations ORDER BY id LIMIT ?) AS oldest WHERE at < ?`, 5*FoldAtOnce, limit); err != nil {
		return old, err
	}
	return old, q.Row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE at < ? LIMIT 1) AS old`, old.forgetBefore()).Scan(&old.deliveries)
}

// Empty says that nothing is old.
func (o Old) Empty() bool { return len(o.attempts)+len(o.cloud)+len(o.money)+o.deliveries == 0 }

func (o Old) forgetBefore() int64 { return o.now.AddDate(0, 0, -deliveryDays).UnixMilli() }

// Fold folds a piece, or what other processes have left of it.
func (o Old) Fold(ctx context.Context, tx sqldb.Q) error {
	f := folded{}
	for _, id := range o.attempts {
		if err := f.attempt(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, id := range o.cloud {
		if err := f.outcome(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, id := range o.money { // spend has the sums
		if err := tx.Exec(ctx, `DELETE FROM reservations WHERE id = ?`, id); err != nil {
			return err
		}
	}
	if err := tx.Exec(ctx, `DELETE FROM deliveries WHERE delivery IN (SELECT delivery FROM deliveries WHERE at < ? LIMIT ?)`,
		o.forgetBefore(), 5*FoldAtOnce); err != nil {
		return err
	}
	return f.write(ctx, tx)
}

// folded sums up one piece by what the daily figures are kept under.
type folded map[foldKey]*DailyFigures

type foldKey struct {
	day   string
	key   GuardKey
	model string
}

func (f folded) under(at time.Time, key GuardKey, model string) *DailyFigures {
	k := foldKey{at.UTC().Format(Day), key, model}
	if f[k] == nil {
		f[k] = &DailyFigures{Day: k.day, Key: key, Model: model, EscalatedByGate: map[string]int{}, GatesPassed: map[string]int{}, GatesFailed: map[string]int{}}
	}
	return f[k]
}

func (d *DailyFigures) gate(o OutcomeRow) {
	if o.Pass {
		d.GatesPassed[o.Gate]++
	} else {
		d.GatesFailed[o.Gate]++
	}
}

// attempt takes a closed attempt out of the journal, unless another process
// has.
func (f folded) attempt(ctx context.Context, tx sqldb.Q, id int64) error {
	a, err := ReadAttempt(ctx, tx, id, 1<<62)
	if err != nil || a == nil {
		return err
	}
	d := f.under(a.ClosedAt, a.Key, a.Model)
	for _, o := range a.Outcomes {
		d.gate(o)
	}
	if a.State == "escalated" {
		d.Escalated++
		if n := len(a.Outcomes); n > 0 {
			d.EscalatedByGate[a.Outcomes[n-1].Gate]++
		}
	} else {
		d.Done++
	}
	if a.Quality != nil {
		d.QualitySum, d.QualityN = d.QualitySum+*a.Quality, d.QualityN+1
	}
	if err := tx.Exec(ctx, `DELETE FROM outcomes WHERE attempt = ?`, id); err != nil {
		return err
	}
	return tx.Exec(ctx, `DELETE FROM attempts WHERE id = ?`, id)
}

// outcome takes an outcome of a ticket of the cloud's.
func (f folded) outcome(ctx context.Context, tx sqldb.Q, id int64) error {
	var o OutcomeRow
	var at int64
	var pass int
	err := tx.Row(ctx, `DELETE FROM outcomes WHERE id = ? RETURNING gate, pass, at`, id).Scan(&o.Gate, &pass, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	o.Pass = pass == 1
	f.under(time.UnixMilli(at), GuardKey{}, "").gate(o)
	return nil
}

// write adds the sums to the daily figures.
func (f folded) write(ctx context.Context, tx sqldb.Q) error {
	for k, d := range f {
		row := tx.Row(ctx, selectDaily+` WHERE day = ? AND class = ? AND digest = ? AND model = ?`, k.day, k.key.Class, k.key.Digest, k.model)
		before, err := scanDaily(row)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read daily figures: %w", err)
		}
		d.Done, d.Escalated = d.Done+before.Done, d.Escalated+before.Escalated
		d.QualitySum, d.QualityN = d.QualitySum+before.QualitySum, d.QualityN+before.QualityN
		texts := make([]string, 3)
		for i, m := range []struct{ now, before map[string]int }{{d.EscalatedByGate, before.EscalatedByGate},
			{d.GatesPassed, before.GatesPassed}, {d.GatesFailed, before.GatesFailed}} {
			for gate, n := range m.before {
				m.now[gate] += n
			}
			text, err := json.Marshal(m.now)
			if err != nil {
				return err
			}
			texts[i] = string(text)
		}
		if err := tx.Exec(ctx, `INSERT INTO daily (day, class, digest, model, done, escalated, quality_sum, quality_n, by_gate, passed, failed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, class, digest, model) DO UPDATE SET done = excluded.done, escalated = excluded.escalated,
quality_sum = excluded.quality_sum, quality_n = excluded.quality_n, by_gate = excluded.by_gate, passed = excluded.passed, failed = excluded.failed`,
			k.day, k.key.Class, k.key.Digest, k.model, d.Done, d.Escalated, d.QualitySum, d.QualityN, texts[0], texts[1], texts[2]); err != nil {
			return fmt.Errorf("write daily figures: %w", err)
		}
	}
	return nil
}
