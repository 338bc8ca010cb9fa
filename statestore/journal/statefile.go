package journal

import (
	"context"
	"fmt"

	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// due reports whether the state file has to follow: not before the first outcome,
// since until then its counters are the truth.
func (j *Journal) due(ctx context.Context) (due bool, err error) {
	err = j.Read(ctx, func(q sqldb.Q, project int64) error {
		return q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM outcomes WHERE project = ?)
OR EXISTS (SELECT 1 FROM projects WHERE id = ? AND success + escalated > 0)`, project, project).Scan(&due)
	})
	return due, err
}

// figures is what the state file is to say. ours is what it says now, where that
// was written by us: a journal that knows less has lost rows, and its counters
// are raised to it.
func (j *Journal) figures(ctx context.Context, ours *projection.Stats) (st projection.Stats, raised string, err error) {
	if err := j.adopt(ctx); err != nil {
		return st, "", err
	}
	st, err = j.Stats(ctx)
	if err != nil || ours == nil || st.SuccessCount >= ours.SuccessCount && st.EscalatedToCloud >= ours.EscalatedToCloud {
		return st, "", err
	}
	raised = fmt.Sprintf("the journal knew less than the state file (%d and %d attempts): rows of it were lost, no figure was lowered",
		st.TotalAttempts, ours.TotalAttempts)
	err = j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *Project) error {
		p.raise(*ours)
		st = p.Stats()
		return p.Save(ctx, tx, j.Now())
	})
	return st, raised, err
}

// HasImported reports whether a database is known to have taken over earlier counters.
func (j *Journal) HasImported(database string) bool {
	known := j.imported.Load()
	return known != nil && *known == database
}

// Before is what the state file counted before the first outcome; nil where it
// cannot be read. A torn file is waited for once: one that stays broken must not
// slow every record.
func (j *Journal) Before(ctx context.Context) *projection.Stats {
	before, known := j.mirror.Baseline(ctx, !j.waited.Swap(true))
	if !known {
		return nil
	}
	return &before
}

// Written is what the state file says.
func (j *Journal) Written(ctx context.Context) (s projection.Stats, found bool) {
	return j.mirror.Read(ctx)
}

// Recorded notes, after its transaction, that an outcome was counted in p: it is
// about to be acknowledged, and the state file follows.
func (j *Journal) Recorded(database string, p *Project) {
	if p.imported {
		j.imported.Store(&database)
	}
	j.seq.note(database, p.Seq)
	j.mirror.Changed()
}

// adopt takes the state file's counters over in a transaction of its own, where
// that was not possible with the first outcome.
func (j *Journal) adopt(ctx context.Context) error {
	id, done := "", false
	if err := j.ReadAny(ctx, func(q sqldb.Q) error {
		p, _, err := j.readProject(ctx, q)
		id, done = q.Database(), p.imported
		return err
	}); err != nil || done {
		return err
	}
	before, known := j.mirror.Baseline(ctx, false)
	if !known {
		return nil
	}
	err := j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *Project) error {
		id = tx.Database()
		if p.imported {
			return nil
		}
		p.TakeOver(before)
		return p.Save(ctx, tx, j.Now())
	})
	if err == nil {
		j.imported.Store(&id)
	}
	return err
}
