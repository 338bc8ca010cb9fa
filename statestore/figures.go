package statestore

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Figures sum up the local attempts that closed within one hour, for one class,
// category and model. They are kept when an attempt closes and outlive its rows.
type Figures struct {
	Hour            time.Time // its beginning, UTC
	Class, Category string
	Model           string
	Gate            policy.Gate // they were escalated at; "" = they were done
	N               int
	QualitySum      float64 // over the QualityN attempts that have one
	QualityN        int
	HandOffChars    int // of plan and evidence that were handed off
}

// maxHandOff is the most that a hand-off holds, characters.
const maxHandOff = 4000

// figure adds to the sums of the attempt that closes now.
func (t *recording) figure(model string, gate policy.Gate, n, chars int) error {
	sum, scored := 0.0, 0
	if t.ticket.quality != nil && n > 0 {
		sum, scored = *t.ticket.quality, 1
	}
	if err := t.tx.Exec(t.ctx, `INSERT INTO figures (project, hour, class, category, model, gate, n, quality_sum, quality_n, chars)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, hour, class, category, model, gate) DO UPDATE SET n = figures.n + excluded.n,
quality_sum = figures.quality_sum + excluded.quality_sum, quality_n = figures.quality_n + excluded.quality_n,
chars = figures.chars + excluded.chars`, t.project.ID, t.now.UnixMilli()/calls.HourMS, t.ticket.key.Class, t.ticket.key.Category, model, string(gate),
		n, sum, scored, chars); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

// size is the length of what is handed off of an attempt.
func (a *Attempt) size() int {
	chars := len(a.Plan)
	for _, o := range a.Outcomes {
		if !o.Pass {
			chars += len(o.Evidence)
		}
	}
	return chars
}

// Figures returns the sums since the hour of a time, in the order of hours.
func (s *Store) Figures(ctx context.Context, since time.Time) (got []Figures, err error) {
	err = s.Read(ctx, func(q sqldb.Q, project int64) error {
		got = nil
		return q.Each(ctx, `SELECT hour, class, category, model, gate, n, quality_sum, quality_n, chars FROM figures
WHERE project = ? AND hour >= ? ORDER BY hour, class, category, model, gate`, []any{project, calls.HourOf(since)}, func(r sqldb.Row) error {
			var f Figures
			var hour int64
			err := r.Scan(&hour, &f.Class, &f.Category, &f.Model, &f.Gate, &f.N, &f.QualitySum, &f.QualityN, &f.HandOffChars)
			f.Hour = time.UnixMilli(hour * calls.HourMS).UTC()
			got = append(got, f)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	return got, nil
}

// OpenAttempts is how many local attempts are open now.
func (s *Store) OpenAttempts(ctx context.Context) (n int, err error) {
	_, err = s.One(ctx, `SELECT COUNT(*) FROM attempts WHERE project = ? AND closed = 0`, nil, &n)
	return n, err
}
