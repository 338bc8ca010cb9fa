package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/internal/plain"
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
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STAYED LOCAL\tOPEN\tCALLS\tSAVED\tPAID\tPROJECT")
	for _, one := range all {
		fmt.Fprintf(table, "%s\t%d\t%d\t$%.2f\t$%.2f\t%s\n", one.Tickets, one.Open, one.Calls.Local+one.Calls.Paid,
			one.Savings.NetUSD, one.Calls.PaidUSD, plain.Line(one.Project))
	}
	return table.Flush()
}
