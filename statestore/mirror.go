package statestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// stateFile names the project's state file, and where the user's own directory
// remembers what was written to it.
func stateFile(o Options) *projection.File {
	sum := sha256.Sum256([]byte(o.Root))
	return projection.New(o.Root, filepath.Join(o.Dir, "state-files", hex.EncodeToString(sum[:8])+".json"))
}

// mirrored gives the state file the journal's counters.
type mirrored struct{ s *Store }

// Due reports whether the file has to follow: not before the first outcome, since
// until then its counters are the truth.
func (m mirrored) Due(ctx context.Context) (due bool, err error) {
	err = m.s.read(ctx, func(q sqldb.Q, project int64) error {
		return q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM outcomes WHERE project = ?)
OR EXISTS (SELECT 1 FROM projects WHERE id = ? AND success + escalated > 0)`, project, project).Scan(&due)
	})
	return due, err
}

// Figures is what the state file is to say. ours is what it says now, where that
// was written by us: a journal that knows less has lost rows, and its counters
// are raised to it.
func (m mirrored) Figures(ctx context.Context, ours *projection.Stats) (figures projection.Stats, raised string, err error) {
	s := m.s
	if err := s.adopt(ctx); err != nil {
		return figures, "", err
	}
	st, err := s.Stats(ctx)
	if err != nil || ours == nil || !behindOf(st, Stats(*ours)) {
		return projection.Stats(st), "", err
	}
	raised = fmt.Sprintf("the journal knew less than the state file (%d and %d attempts): rows of it were lost, no figure was lowered",
		st.TotalAttempts, ours.TotalAttempts)
	err = s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		p.raise(Stats(*ours))
		st = p.stats()
		return p.save(ctx, tx, s.o.Now())
	})
	return projection.Stats(st), raised, err
}

// behindOf reports whether the journal's figures are below those of the file.
func behindOf(journal, file Stats) bool {
	return journal.SuccessCount < file.SuccessCount || journal.EscalatedToCloud < file.EscalatedToCloud
}

// baseline is what the file counts, where it can be read. With wait an empty or
// torn file is read again for a while.
func (s *Store) baseline(ctx context.Context, wait bool) (Stats, bool) {
	before, known := s.mirror.Baseline(ctx, wait)
	return Stats(before), known
}

// adopt takes the state file's counters over in a transaction of its own, where
// that was not possible with the first outcome.
func (s *Store) adopt(ctx context.Context) error {
	id, done := "", false
	if err := s.readAny(ctx, func(q sqldb.Q) error {
		p, _, err := s.readProject(ctx, q)
		id, done = q.Database(), p.imported
		return err
	}); err != nil || done {
		return err
	}
	before, ok := s.baseline(ctx, false)
	if !ok {
		return nil
	}
	err := s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		id = tx.Database()
		if p.imported {
			return nil
		}
		p.add(before)
		p.imported = true
		return p.save(ctx, tx, s.o.Now())
	})
	if err == nil {
		s.noteImported(id)
	}
	return err
}
