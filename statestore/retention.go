package statestore

import (
	"context"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	foldDelay = 5 * time.Second       // after the start
	foldPause = 50 * time.Millisecond // between pieces
	foldEvery = time.Hour
)

// foldLater folds a piece in the background and asks for the next.
func (s *Store) foldLater() {
	ctx, stop := context.WithTimeout(s.background, time.Minute)
	defer stop()
	more, err := s.fold(ctx)
	if err != nil && s.background.Err() == nil {
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
	var old journal.Old
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		old, err = journal.FindOld(ctx, q, s.o.Now(), s.o.RetainDays)
		return err
	})
	if err != nil || old.Empty() {
		return false, err
	}
	return true, s.write(ctx, old.Fold)
}
