package account

import (
	"context"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

// Read makes the report of this project since a time, zero = all of it, with what
// all users of a shared journal spent.
func Read(ctx context.Context, p *app.App, since, now time.Time) (Report, error) {
	report, err := read(ctx, p.Store, p.Config.BaselineTier(), since, now)
	if err != nil {
		return Report{}, err
	}
	team, shared, err := p.Store.TeamSpent(ctx, since)
	if shared {
		report.TeamUSD = &team
	}
	return report, err
}

// read makes the report of one project. It reads table by table: what closes at
// the same time may be in it as open too.
func read(ctx context.Context, j *statestore.Store, tier policy.Tier, since, now time.Time) (Report, error) {
	b := newBook(tier, since)
	if err := j.Flush(ctx); err != nil { // rows of this process may still wait
		return Report{}, err
	}
	closed, err := j.Figures(ctx, since)
	if err != nil {
		return Report{}, err
	}
	for _, f := range closed {
		b.Figures(f)
	}
	open, err := j.OpenAttempts(ctx)
	if err != nil {
		return Report{}, err
	}
	b.open = open
	used, err := j.Calls.Usage(ctx, since)
	if err != nil {
		return Report{}, err
	}
	for _, u := range used {
		b.Usage(u)
	}
	all, err := j.Stats(ctx)
	if err != nil {
		return Report{}, err
	}
	return b.Report(all, now), nil
}
