package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

// ProjectReport is one project's figures.
type ProjectReport struct {
	Project string `json:"project"`
	Report
}

// ReadProjects reads the figures of each project, in the journal that open names.
// The list is never nil.
func ReadProjects(ctx context.Context, open statestore.Options, list []statestore.Project, baseline policy.Tier, since, now time.Time) ([]ProjectReport, error) {
	all := make([]ProjectReport, 0, len(list))
	for _, one := range list {
		open.Project = one.Name
		s := statestore.New(open)
		report, err := Read(ctx, s, baseline, since, now)
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
		fmt.Fprintf(table, "%d of %d\t%d\t%d\t$%.2f\t$%.2f\t%s\n", one.Tickets.K, one.Tickets.N, one.Open, one.Calls.Local+one.Calls.Paid,
			one.Savings.NetUSD, one.Calls.PaidUSD, plain.Line(one.Project))
	}
	return table.Flush()
}

// PrintProjects prints the projects of a journal, one a line.
func PrintProjects(out io.Writer, list []statestore.Project) error {
	if len(list) == 0 {
		fmt.Fprintln(out, "Nothing is recorded yet.")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAST USE\tROWS\tSTAYED LOCAL\tPROJECT")
	for _, one := range list {
		fmt.Fprintf(table, "%s\t%d\t%d of %d\t%s\n", one.Used.Format(time.DateOnly), one.Rows, one.Stats.SuccessCount,
			one.Stats.TotalAttempts, plain.Line(one.Name))
	}
	return table.Flush()
}
