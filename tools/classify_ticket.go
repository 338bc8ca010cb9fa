package tools

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/references"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

//go:embed classify_ticket.md
var classifyTicketDescription string

var classifyTicketSpec = spec{
	name: "classify_ticket", title: "Classify tickets", description: classifyTicketDescription,
	hint:     "triage tickets label severity prioritize",
	readOnly: true, openWorld: true,
	input: `{"type":"object","additionalProperties":false,"properties":{` +
		`"ticket_paths":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":50},` +
		`"ticket":{"type":"string","maxLength":262144},` +
		`"wave":{"type":"array","items":{"type":"string","maxLength":100},"maxItems":200},` +
		`"route":{"type":"string","enum":["auto","local","cloud"]},` +
		`"explain":{"type":"boolean"}}}`,
	output: `{"type":"object","additionalProperties":false,"required":["summary","tickets"],"properties":{` +
		`"summary":{"type":"string"},` +
		`"tickets":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["id"],"properties":{` +
		`"id":{"type":"string"},"category":{"type":"string"},"complexity":{"type":"string"},"confidence":{"type":"number"},` +
		`"local":{"type":"boolean"},"why":{"type":"string"},"by":{"type":"string"},"error":{"type":"string"},` +
		`"read":{"type":"object"},"rules":{"type":"array"},"guard":{"type":"string"},"answer":{"type":"object"}}}},` +
		`"warnings":{"type":"array","items":{"type":"string"}}}}`,
}

type classifyInput struct {
	TicketPaths []string `json:"ticket_paths"`
	Ticket      string   `json:"ticket"`
	Wave        []string `json:"wave"`
	Route       string   `json:"route"`
	Explain     bool     `json:"explain"`
}

func (in classifyInput) problem() string {
	if len(in.TicketPaths) == 0 && strings.TrimSpace(in.Ticket) == "" {
		return "neither ticket_paths nor ticket is given"
	}
	return ""
}

type classifyResult struct {
	Summary  string            `json:"summary"`
	Tickets  []classifyRow     `json:"tickets"`
	Warnings contract.Warnings `json:"warnings,omitempty"`
}

// classifying is one ticket of a batch: classified, or the reason why not.
type classifying struct {
	decide.Classified
	fault *contract.Error
}

func classifyTicket(ctx context.Context, d *Deps, in classifyInput, call Call) (*classifyResult, error) {
	r := references.Read(ctx, d.Files(), d.Journal, in.TicketPaths, in.Ticket)
	if r.Total > references.MaxTickets {
		return nil, &contract.Error{Code: contract.CodeTooLarge, Cause: fmt.Sprintf("%d tickets in one call, the limit is %d", r.Total, references.MaxTickets),
			Next: "Give fewer paths, a folder with less in it, or path#ID."}
	}
	batch := make([]classifying, len(r.Items))
	for i, t := range r.Items {
		batch[i] = classifying{Classified: decide.Classified{ID: t.ID, Ticket: t.Ticket}, fault: t.Fault}
	}
	if err := classifyAll(ctx, d, batch, cmp.Or(policy.Route(in.Route), policy.Auto), call.Progress); err != nil {
		return nil, err
	}
	w := decide.Wave{IDs: in.Wave, Known: true, Index: r.Index}
	if in.Wave == nil {
		w.IDs = openIDs(batch)
	}
	result := &classifyResult{Tickets: make([]classifyRow, 0, len(batch))}
	tickets := make([]*ticket.Ticket, len(batch))
	for i := range batch {
		tickets[i] = &batch[i].Ticket
	}
	w, warning := w.WithDone(ctx, d, tickets...)
	result.Warnings.Add(warning)
	result.Warnings.Add(r.Warnings...)
	result.addRows(ctx, d, batch, w, in.Explain)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result.Warnings.Add(d.Journal.Warnings()...)
	result.Summary = summarize(batch)
	if left := r.LeftOut(); left != "" {
		result.Summary += "; left out: " + left
	}
	if len(batch) <= fewTickets && !in.Explain {
		result.Warnings.Fit(resultChars, result)
	}
	return result, nil
}

// addRows decides on each ticket and adds its row.
func (r *classifyResult) addRows(ctx context.Context, d *Deps, batch []classifying, w decide.Wave, explain bool) {
	// In order, one after another: the guard counts eligible tickets, and the
	// K-th of a batch gets its probe.
	for i := range batch {
		c := &batch[i]
		if c.fault != nil {
			r.Tickets = append(r.Tickets, c.errorRow())
			continue
		}
		if c.Ticket.Document != "" {
			c.By = "rules"
			r.Tickets = append(r.Tickets, c.documentRow(explain))
			continue
		}
		r.Warnings.Add(c.Decide(ctx, d, w))
		if c.Estimated {
			r.Warnings.Add(decide.EstimatedCost)
		}
		r.Warnings.AddFirst(c.Withheld...)
		if err := c.Remember(ctx, d, w); err != nil && ctx.Err() == nil {
			r.Warnings.Add("decision not remembered for plan_ticket: " + err.Error())
		}
		for _, text := range c.Ticket.Warnings {
			r.Warnings.Add(c.ID + ": " + text)
		}
		r.Tickets = append(r.Tickets, c.row(explain))
	}
}

// openIDs are the ids of the open tickets of a call: the wave where none is given.
func openIDs(batch []classifying) []string {
	var ids []string
	for i := range batch {
		if c := &batch[i]; c.fault == nil && c.Ticket.Open() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// classifyAll asks for each ticket, a few at a time: the local model answers
// one after another in its slots, the paid tiers side by side.
func classifyAll(ctx context.Context, d *Deps, batch []classifying, route policy.Route, p deps.Progress) error {
	const atOnce = 4
	var (
		group sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		mu    sync.Mutex
		done  int
		first error
	)
	tokens := p // of one ticket alone; a batch reports tickets
	if len(batch) > 1 {
		tokens = nil
	}
	for i := range batch {
		c := &batch[i]
		if c.fault != nil || c.Ticket.Document != "" {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			got, err := contract.Safely(func() (decide.Classified, error) {
				return decide.Classify(ctx, d, c.Ticket, route, tokens)
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				first = err
				return
			}
			got.ID, c.Classified = c.ID, got
			if done++; p != nil && len(batch) > 1 {
				p(float64(done), float64(len(batch)), "classified "+c.ID)
			}
		})
	}
	group.Wait()
	return first
}

func summarize(batch []classifying) string {
	var local, failed int
	var cost float64
	by := map[string]int{}
	var order []string
	for _, c := range batch {
		if c.fault != nil {
			failed++
			continue
		}
		if c.Local {
			local++
		}
		if by[c.By]++; by[c.By] == 1 {
			order = append(order, c.By)
		}
		if c.Answer != nil {
			cost += c.Answer.CostUSD
		}
	}
	text := fmt.Sprintf("%d may go local; %d classified", local, len(batch)-failed)
	for i, who := range order {
		text += fmt.Sprintf("%s %d by %s", []string{":", ","}[min(i, 1)], by[who], who)
	}
	if failed > 0 {
		text += fmt.Sprintf("; %d unreadable", failed)
	}
	return text + decide.Paid(cost)
}
