package tools

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/plan"
	"github.com/fjbelchi/localmodel/tools/references"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

//go:embed plan_ticket.md
var planTicketDescription string

var planTicketSpec = spec{
	name: "plan_ticket", title: "Plan a ticket", description: planTicketDescription,
	hint:      "implement planning steps",
	openWorld: true,
	input: `{"type":"object","additionalProperties":false,"properties":{` +
		`"ticket_path":{"type":"string","maxLength":1000},` +
		`"ticket":{"type":"string","maxLength":262144},` +
		`"wave":{"type":"array","items":{"type":"string","maxLength":100},"maxItems":200},` +
		`"route":{"type":"string","enum":["auto","local","cloud"]},` +
		`"include_files":{"type":"boolean"},` +
		`"draft":{"type":"boolean"}}}`,
	output: `{"type":"object","additionalProperties":false,"required":["summary","id","by","owner","next"],"properties":{` +
		`"summary":{"type":"string"},"id":{"type":"string"},"state":{"type":"string"},"plan":{"type":"string"},` +
		`"coverage":{"type":"object"},` +
		`"by":{"type":"string"},"owner":{"type":"string"},"draft":{"type":"object"},"answer":{"type":"object"},"next":{"type":"string"},` +
		`"warnings":{"type":"array","items":{"type":"string"}}}}`,
}

type planInput struct {
	TicketPath   string   `json:"ticket_path"`
	Ticket       string   `json:"ticket"`
	Wave         []string `json:"wave"`
	Route        string   `json:"route"`
	IncludeFiles *bool    `json:"include_files"`
	Draft        *bool    `json:"draft"`
}

func (in planInput) problem() string {
	inline := strings.TrimSpace(in.Ticket) != ""
	switch {
	case in.TicketPath == "" && !inline:
		return "neither ticket_path nor ticket is given"
	case in.TicketPath != "" && inline:
		return "both ticket_path and ticket are given; one is planned at a time"
	}
	return ""
}

func planTicket(ctx context.Context, d *Deps, in planInput, call Call) (*plan.Result, error) {
	t, fault := readOne(ctx, d, in)
	if fault != nil {
		return nil, fault
	}
	return plan.Make(ctx, d, plan.Request{
		Ticket: t, Wave: in.Wave, Route: cmp.Or(policy.Route(in.Route), policy.Auto), Progress: call.Progress,
		IncludeFiles: *cmp.Or(in.IncludeFiles, new(true)), Draft: *cmp.Or(in.Draft, &d.DraftDefault),
	})
}

// readOne reads the one ticket that is to be planned.
func readOne(ctx context.Context, d *Deps, in planInput) (ticket.Ticket, *contract.Error) {
	var refs []string
	if in.TicketPath != "" {
		refs = []string{in.TicketPath}
	}
	r := references.Read(ctx, d.Files(), d.Journal, refs, in.Ticket)
	switch {
	case len(r.Items) == 0:
		return ticket.Ticket{}, &contract.Error{Code: contract.CodeInvalid, Cause: cmp.Or(strings.Join(r.Warnings, "; "), "there is no open task"), Next: "Give path#ID of a task that is to be planned."}
	case len(r.Items) > 1:
		return ticket.Ticket{}, oneAtATime(in.TicketPath, r)
	case r.Items[0].Fault != nil:
		return ticket.Ticket{}, r.Items[0].Fault
	case r.Items[0].Ticket.Document != "":
		return ticket.Ticket{}, &contract.Error{Code: contract.CodeInvalid, Cause: fmt.Sprintf("%s is a %s, not a task", plain.Clip(plain.Line(in.TicketPath), 200), r.Items[0].Ticket.Document),
			Next: "Plan one of the tasks beside it: path#ID."}
	}
	t := r.Items[0].Ticket
	t.Warnings = slices.Concat(r.Warnings, t.Warnings)
	return t, nil
}

// oneAtATime names the tickets of which one is to be planned, as ticket_path takes them.
func oneAtATime(named string, r *references.Reader) *contract.Error {
	const most = 8
	var some []string
	for i := range r.Items {
		item := &r.Items[i]
		switch {
		case len(some) == most || item.Fault != nil:
		case named == "":
			some = append(some, item.ID)
		default:
			some = append(some, item.Ticket.Source)
		}
	}
	next := "Plan one at a time, such as ticket_path "
	if named == "" {
		next = "Send the text of one of them: "
	}
	return &contract.Error{
		Code:  contract.CodeArgument,
		Cause: fmt.Sprintf("%s holds %d open tickets", plain.Clip(plain.Line(cmp.Or(named, "ticket")), 200), r.Total),
		Next:  next + plain.Clip(plain.Line(strings.Join(some, ", ")), 400) + ".",
	}
}
