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
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

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
