package tools

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
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
	Summary  string        `json:"summary"`
	Tickets  []classifyRow `json:"tickets"`
	Warnings []string      `json:"warnings,omitempty"`
}

func classifyTicket(d *Deps) Tool {
	return newTool(classifyTicketSpec, classifyInput.problem, func(ctx context.Context, in classifyInput, call Call) (any, error) {
		return d.classifyBatch(ctx, in, call.Progress)
	})
}

// classifying is one ticket of a batch: judged, or the reason why not.
type classifying struct {
	judged
	fault *contract.Error
}

func (d *Deps) classifyBatch(ctx context.Context, in classifyInput, p progress) (*classifyResult, error) {
	r := references.Read(ctx, d.project(), d.Journal, in.TicketPaths, in.Ticket)
	if r.Total > references.MaxTickets {
		return nil, &contract.Error{Code: contract.CodeTooLarge, Cause: fmt.Sprintf("%d tickets in one call, the limit is %d", r.Total, references.MaxTickets),
			Next: "Give fewer paths, a folder with less in it, or path#ID."}
	}
	batch := make([]classifying, len(r.Items))
	for i, t := range r.Items {
		batch[i] = classifying{judged: judged{id: t.ID, ticket: t.Ticket}, fault: t.Fault}
	}
	if err := d.classifyAll(ctx, batch, policy.Route(orAuto(in.Route)), p); err != nil {
		return nil, err
	}
	w := wave{ids: in.Wave, known: in.Wave != nil, index: r.Index}
	if !w.known {
		w.ids, w.known = openIDs(batch), true
	}
	result := &classifyResult{Tickets: make([]classifyRow, 0, len(batch))}
	tickets := make([]*ticket.Ticket, len(batch))
	for i := range batch {
		tickets[i] = &batch[i].ticket
	}
	w, warning := d.withDone(ctx, w, tickets...)
	result.warn(warning)
	for _, text := range r.Warnings {
		result.warn(text)
	}
	d.addRows(ctx, result, batch, w, in.Explain)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, text := range d.Journal.Warnings() {
		result.warn(text)
	}
	result.Summary = summarize(batch)
	if left := r.LeftOut(); left != "" {
		result.Summary += "; left out: " + left
	}
	if len(batch) <= fewTickets && !in.Explain {
		result.Warnings = contract.FitWarnings(result.Warnings, resultChars, func(list []string) any {
			r := *result
			r.Warnings = list
			return r
		})
	}
	return result, nil
}

// addRows decides on each ticket and adds its row.
func (d *Deps) addRows(ctx context.Context, result *classifyResult, batch []classifying, w wave,
	explain bool) {
	// In order, one after another: the guard counts eligible tickets, and the
	// K-th of a batch gets its probe.
	for i := range batch {
		c := &batch[i]
		if c.fault != nil {
			result.Tickets = append(result.Tickets, c.errorRow())
			continue
		}
		if c.ticket.Document != "" {
			c.by = "rules"
			result.Tickets = append(result.Tickets, c.documentRow(explain))
			continue
		}
		result.warn(d.decide(ctx, &c.judged, w))
		if c.estimated {
			result.warn(estimatedCost)
		}
		result.Warnings = contract.WarnFirst(result.Warnings, c.withheld)
		if err := d.remember(ctx, c.judged, w); err != nil && ctx.Err() == nil {
			result.warn("decision not remembered for plan_ticket: " + err.Error())
		}
		for _, text := range c.ticket.Warnings {
			result.warn(c.id + ": " + text)
		}
		result.Tickets = append(result.Tickets, c.row(explain))
	}
}

// openIDs are the ids of the open tickets of a call: the wave where none is given.
func openIDs(batch []classifying) []string {
	var ids []string
	for i := range batch {
		if c := &batch[i]; c.fault == nil && c.ticket.Open() {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// classifyAll asks for each ticket, a few at a time: the local model answers
// one after another in its slots, the paid tiers side by side.
func (d *Deps) classifyAll(ctx context.Context, batch []classifying, route policy.Route, p progress) error {
	const atOnce = 4
	var (
		group sync.WaitGroup
		slots = make(chan struct{}, atOnce)
		mu    sync.Mutex
		done  int
		first error
	)
	for i := range batch {
		c := &batch[i]
		if c.fault != nil || c.ticket.Document != "" {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			j, err := contract.Safely(func() (judged, error) {
				return d.classify(ctx, c.ticket, route,
					p.only(len(batch) == 1))
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				first = err
				return
			}
			j.id, c.judged = c.id, j
			if done++; p != nil && len(batch) > 1 {
				p(float64(done), float64(len(batch)), "classified "+c.id)
			}
		})
	}
	group.Wait()
	return first
}

// only passes progress on where the condition holds: a batch reports tickets,
// one ticket alone reports tokens.
func (p progress) only(cond bool) progress {
	if cond {
		return p
	}
	return nil
}

func (r *classifyResult) warn(text string) { r.Warnings = contract.AddWarning(r.Warnings, text) }

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
		if c.local {
			local++
		}
		if by[c.by]++; by[c.by] == 1 {
			order = append(order, c.by)
		}
		if c.answer != nil {
			cost += c.answer.CostUSD
		}
	}
	text := fmt.Sprintf("%d may go local; %d classified", local, len(batch)-failed)
	for i, who := range order {
		text += fmt.Sprintf("%s %d by %s", []string{":", ","}[min(i, 1)], by[who], who)
	}
	if failed > 0 {
		text += fmt.Sprintf("; %d unreadable", failed)
	}
	if cost > 0 {
		text += fmt.Sprintf("; paid $%.4f", cost)
	}
	return text
}

func orAuto(route string) string {
	if route == "" {
		return "auto"
	}
	return route
}
