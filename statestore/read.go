package statestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// page is how many rows an iteration reads at a time. Nothing is held between
// two pages, so fn may take its time and call the store.
const page = 500

// Calls gives fn the model calls since a time, in the order of their beginnings.
// It stops at fn's first error.
func (s *Store) Calls(ctx context.Context, since time.Time, fn func(Call) error) error {
	return pages(ctx, s, since, journal.ReadCalls, fn)
}

// Attempts gives fn the local attempts that are open, or escalated since a time,
// in the order of their opening, with plan and outcomes of the escalated. Those
// that were done are in Done, those that retention has folded in Daily. It stops
// at fn's first error.
func (s *Store) Attempts(ctx context.Context, since time.Time, fn func(Attempt) error) error {
	return pages(ctx, s, since, journal.ReadAttempts, fn)
}

// Done gives fn the sums of the local attempts that were done since a time, in
// the order of days; those that retention has folded are in Daily.
func (s *Store) Done(ctx context.Context, since time.Time, fn func(DailyFigures) error) error {
	return whole(ctx, s, since, journal.ReadDone, fn)
}

// Fates gives fn how the attempts of the tickets that local planned since a time
// ended, those that are open included, in the order of their opening.
func (s *Store) Fates(ctx context.Context, since time.Time, fn func(Fate) error) error {
	return whole(ctx, s, since, journal.ReadFates, fn)
}

// Daily gives fn the figures of the days since a time that retention has
// folded, in the order of days. The day that a folded attempt closed on counts.
func (s *Store) Daily(ctx context.Context, since time.Time, fn func(DailyFigures) error) error {
	return whole(ctx, s, since, journal.ReadDaily, fn)
}

// whole calls fn with what read finds.
func whole[T any](ctx context.Context, s *Store, since time.Time,
	read func(ctx context.Context, q sqldb.Q, since time.Time) ([]T, error), fn func(T) error) error {
	var got []T
	if err := s.read(ctx, func(q sqldb.Q) (err error) {
		got, err = read(ctx, q, since)
		return err
	}); err != nil {
		return err
	}
	return each(got, fn)
}

// pages calls read with the last place it returned, and fn with what it read,
// until it finds nothing more.
func pages[T any, P comparable](ctx context.Context, s *Store, since time.Time,
	read func(ctx context.Context, q sqldb.Q, since time.Time, after P, page int) (got []T, last P, err error), fn func(T) error) error {
	var after, none P
	for {
		var got []T
		var last P
		if err := s.read(ctx, func(q sqldb.Q) (err error) {
			got, last, err = read(ctx, q, since, after, page)
			return err
		}); err != nil {
			return err
		}
		if err := each(got, fn); err != nil || last == none {
			return err
		}
		after = last
	}
}

func each[T any](list []T, fn func(T) error) error {
	for _, v := range list {
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// Calibration is how many bytes of text a model's token holds, as last saved;
// found is false where it was never measured.
func (s *Store) Calibration(ctx context.Context, model string) (bytesPerToken float64, found bool, err error) {
	err = s.read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT bytes_per_token FROM calibration WHERE model = ?`, model).Scan(&bytesPerToken)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return bytesPerToken, err == nil, err
}

// SaveCalibration keeps what Calibration returns.
func (s *Store) SaveCalibration(ctx context.Context, model string, bytesPerToken float64) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		return tx.Exec(ctx, `INSERT INTO calibration (model, bytes_per_token) VALUES (?, ?)
ON CONFLICT (model) DO UPDATE SET bytes_per_token = excluded.bytes_per_token`, model, bytesPerToken)
	})
}
