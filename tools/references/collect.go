package references

import (
	"context"
	"fmt"
	"slices"

	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Collect reads the tickets that the references name, for programs that ask no
// rules: files, path#ID, folders and patterns beneath root, at most `most`. closed takes
// closed and archived ones, too. warnings say what was left out and why.
func Collect(ctx context.Context, root string, references []string, most int,
	closed bool) (tickets []ticket.Ticket, warnings []string, err error) {
	r := newReader(project.Project{Root: root})
	r.most, r.closed = most, closed
	for _, ref := range references {
		r.reference(ctx, ref)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	for i := range r.Items {
		switch c := &r.Items[i]; {
		case c.Fault != nil:
			warnings = append(warnings, c.Fault.Cause)
		case c.Ticket.Document == "":
			tickets = append(tickets, c.Ticket)
		}
	}
	if r.Total > most {
		warnings = append(warnings, fmt.Sprintf("%d tickets more than %d are left out", r.Total-most, most))
	}
	if left := r.LeftOut(); left != "" {
		warnings = append(warnings, "left out: "+left)
	}
	return tickets, slices.Concat(r.Warnings, warnings), nil
}
