package account

import (
	"context"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

// Read makes the report of a journal since a time, zero = all of it. It reads
// table by table: what closes at the same time may be in it as open too.
func Read(ctx context.Context, j *statestore.Store, tier policy.Tier, since, now time.Time) (Report, error) {
	b := New(tier, since)
	if err := j.Flush(ctx); err != nil { // rows of this process may still wait
		return Report{}, err
	}
	if err := j.Figures(ctx, since, b.Figures); err != nil {
		return Report{}, err
	}
	open, err := j.OpenAttempts(ctx)
	if err != nil {
		return Report{}, err
	}
	b.open = open
	if err := j.Calls.Usage(ctx, since, b.Usage); err != nil {
		return Report{}, err
	}
	all, err := j.Stats(ctx)
	if err != nil {
		return Report{}, err
	}
	return b.Report(all, now), nil
}
