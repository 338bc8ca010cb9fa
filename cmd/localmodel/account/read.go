package account

import (
	"context"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

// Journal is where the rows are. *statestore.Store is one.
type Journal interface {
	Stats(ctx context.Context) (statestore.Stats, error)
	Attempts(ctx context.Context, since time.Time, fn func(statestore.Attempt) error) error
	Done(ctx context.Context, since time.Time, fn func(statestore.DailyFigures) error) error
	Fates(ctx context.Context, since time.Time, fn func(statestore.Fate) error) error
	Daily(ctx context.Context, since time.Time, fn func(statestore.DailyFigures) error) error
	Calls(ctx context.Context, since time.Time, fn func(statestore.Call) error) error
	Flush(ctx context.Context) error
}

// Read makes the report of a journal since a time, zero = all of it. It reads
// table by table: what closes meanwhile may stand in it as open too.
func Read(ctx context.Context, j Journal, tier policy.Tier, since, now time.Time) (Report, error) {
	b := New(tier, since)
	if err := j.Flush(ctx); err != nil { // rows of this process may still wait
		return Report{}, err
	}
	if err := j.Attempts(ctx, since, b.Attempt); err != nil {
		return Report{}, err
	}
	if err := j.Done(ctx, since, b.Done); err != nil {
		return Report{}, err
	}
	if err := j.Fates(ctx, since, b.Fate); err != nil {
		return Report{}, err
	}
	if err := j.Daily(ctx, since, b.Daily); err != nil {
		return Report{}, err
	}
	if err := j.Calls(ctx, since, b.Call); err != nil {
		return Report{}, err
	}
	all, err := j.Stats(ctx)
	if err != nil {
		return Report{}, err
	}
	return b.Report(all, now), nil
}
