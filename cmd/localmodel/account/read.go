package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
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
		b.attempts(f)
	}
	if b.Open, err = j.OpenAttempts(ctx); err != nil {
		return Report{}, err
	}
	used, err := j.Calls.Usage(ctx, since)
	if err != nil {
		return Report{}, err
	}
	for _, u := range used {
		b.usage(u)
	}
	stats, err := j.Stats(ctx)
	if err != nil {
		return Report{}, err
	}
	return b.report(stats, now), nil
}

// ProjectReport is one project's figures.
type ProjectReport struct {
	Project string `json:"project"`
	Report
}

// ReadProjects reads the figures of each project of the journal. The list is
// never nil.
func ReadProjects(ctx context.Context, p *app.App, since, now time.Time) ([]ProjectReport, error) {
	list, err := p.Store.Projects(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]ProjectReport, 0, len(list))
	for _, one := range list {
		s := statestore.New(journal.Options{State: p.Config.State, Dir: p.Config.Dirs.State, Log: p.Log, Project: one.Name})
		report, err := read(ctx, s, p.Config.BaselineTier(), since, now)
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		all = append(all, ProjectReport{one.Name, report})
	}
	return all, nil
}

// PrintReports prints the figures of several projects, one a line.
func PrintReports(out io.Writer, all []ProjectReport) error {
	var rows [][]string
	for _, one := range all {
		rows = append(rows, []string{
			one.Tickets.String(),
			strconv.Itoa(one.Open),
			strconv.Itoa(one.Calls.Local + one.Calls.Paid),
			fmt.Sprintf("$%.2f", one.Savings.NetUSD),
			fmt.Sprintf("$%.2f", one.Calls.PaidUSD),
			one.Project,
		})
	}
	return term.Paths(out, []string{"STAYED LOCAL", "OPEN", "CALLS", "SAVED", "PAID", "PROJECT"}, rows)
}

// Since reads a point in time: a day (2026-11-24), or how long before now (30d, 2w,
// 12h).
func Since(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.UTC); err == nil {
		return day, nil
	}
	if n := len(text) - 1; n > 0 {
		hours, known := map[byte]float64{'h': 1, 'd': 24, 'w': 7 * 24}[text[n]]
		count, err := strconv.ParseFloat(text[:n], 64)
		if known && err == nil && count >= 0 && count < 1e5 {
			return now.Add(-time.Duration(count * hours * float64(time.Hour))), nil
		}
	}
	return time.Time{}, errors.New("give a day such as 2026-11-24, or how long ago: 12h, 30d, 2w")
}
