package statestore

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
	foldDelay = 5 * time.Second       // after the start
	foldPause = 50 * time.Millisecond // between pieces
	foldEvery = time.Hour
	foldPiece = 20 // attempts at once; five times as many outcomes of the cloud's
	// deliveryDays is how long a delivery number is kept: longer than anything
	// waits for a server.
	deliveryDays = 400
)

// foldLater folds a piece in the background and asks for the next.
func (s *Store) foldLater() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	more, err := s.fold(ctx)
	if err != nil {
		s.o.Log.Warn("old attempts not folded", "err", err)
	}
	next := foldEvery
	if more && err == nil {
		next = foldPause
	}
	s.folding.after(next, s.foldLater)
}

// Fold folds all that is older than the limit.
func (s *Store) Fold(ctx context.Context) error {
	for {
		if more, err := s.fold(ctx); err != nil || !more {
			return err
		}
	}
}

// fold folds one piece; more says that there may be another.
func (s *Store) fold(ctx context.Context) (more bool, err error) {
	now := s.o.Now()
	limit := now.AddDate(0, 0, -s.o.RetainDays).UnixMilli()
	var attempts, cloud, money []int64
	deliveries := 0
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		if attempts, err = readIDs(ctx, q, `SELECT id FROM attempts WHERE closed > 0 AND closed < ? ORDER BY closed LIMIT ?`, limit, foldPiece); err != nil {
			return err
		}
		// The oldest of the cloud's; where they are not old enough none is.
		if cloud, err = readIDs(ctx, q, `SELECT id FROM (SELECT id, at FROM outcomes WHERE attempt = 0 ORDER BY id LIMIT ?) AS oldest WHERE at < ?`, 5*foldPiece, limit); err != nil {
			return err
		}
		if money, err = readIDs(ctx, q, `SELECT id FROM (SELECT id, at FROM reservations ORDER BY id LIMIT ?) AS oldest WHERE at < ?`, 5*foldPiece, limit); err != nil {
			return err
		}
		return q.Row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE at < ? LIMIT 1) AS old`, now.AddDate(0, 0, -deliveryDays).UnixMilli()).Scan(&deliveries)
	})
	if err != nil || len(attempts)+len(cloud)+len(money)+deliveries == 0 {
		return false, err
	}
	return true, s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		f := folded{}
		for _, id := range attempts {
			if err := f.attempt(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, id := range cloud {
			if err := f.outcome(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, id := range money { // spend has the sums
			if err := tx.Exec(ctx, `DELETE FROM reservations WHERE id = ?`, id); err != nil {
				return err
			}
		}
		if err := tx.Exec(ctx, `DELETE FROM deliveries WHERE delivery IN (SELECT delivery FROM deliveries WHERE at < ? LIMIT ?)`,
			now.AddDate(0, 0, -deliveryDays).UnixMilli(), 5*foldPiece); err != nil {
			return err
		}
		return f.write(ctx, tx)
	})
}

// folded sums up one piece by what the daily figures are kept under.
type folded map[foldKey]*DailyFigures

type foldKey struct {
	day   string
	key   GuardKey
	model string
}

func (f folded) under(at time.Time, key GuardKey, model string) *DailyFigures {
	k := foldKey{at.UTC().Format(day), key, model}
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
	a, err := readAttempt(ctx, tx, id, 1<<62)
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
	var quality sql.NullFloat64
	if err := tx.Row(ctx, `SELECT quality FROM attempts WHERE id = ?`, id).Scan(&quality); err != nil {
		return err
	}
	if quality.Valid {
		d.QualitySum, d.QualityN = d.QualitySum+quality.Float64, d.QualityN+1
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
		row := tx.Row(ctx, `SELECT day, class, digest, model, done, escalated, quality_sum, quality_n, by_gate, passed, failed
FROM daily WHERE day = ? AND class = ? AND digest = ? AND model = ?`, k.day, k.key.Class, k.key.Digest, k.model)
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

func scanDaily(row interface{ Scan(...any) error }) (d DailyFigures, err error) {
	var byGate, passed, failed string
	if err := row.Scan(&d.Day, &d.Key.Class, &d.Key.Digest, &d.Model, &d.Done, &d.Escalated, &d.QualitySum, &d.QualityN,
		&byGate, &passed, &failed); err != nil {
		return d, err
	}
	return d, errors.Join(json.Unmarshal([]byte(byGate), &d.EscalatedByGate), json.Unmarshal([]byte(passed), &d.GatesPassed),
		json.Unmarshal([]byte(failed), &d.GatesFailed))
}
