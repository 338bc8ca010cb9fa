package tools

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/contract"
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

type planResult struct {
	Summary  string            `json:"summary"`
	ID       string            `json:"id"`
	State    string            `json:"state,omitempty"` // writing: not finished yet
	Plan     string            `json:"plan,omitempty"`
	Coverage *prompts.Coverage `json:"coverage,omitempty"`
	By       string            `json:"by"`
	Owner    policy.Owner      `json:"owner"` // whose ticket it is from here
	Draft    *draftResult      `json:"draft,omitempty"`
	Answer   *answer           `json:"answer,omitempty"`
	Next     string            `json:"next"`
	Warnings []string          `json:"warnings,omitempty"`
}

// maxPlanResult is how many characters a whole result may have.
const maxPlanResult = 8000

// maxPlanReason is how many bytes of it may say why the tiers before did not
// answer.
const maxPlanReason = 600

func (r *planResult) warn(text string) { r.Warnings = contract.AddWarning(r.Warnings, text) }

func planTicket(d *Deps) Tool {
	return newTool(planTicketSpec, planInput.problem, func(ctx context.Context, in planInput, call Call) (any, error) {
		t, fault := d.readOne(ctx, in)
		if fault != nil {
			return nil, fault
		}
		return d.plan(ctx, t, in, call.Progress)
	})
}

// readOne reads the one ticket that is to be planned.
func (d *Deps) readOne(ctx context.Context, in planInput) (ticket.Ticket, *contract.Error) {
	var refs []string
	if in.TicketPath != "" {
		refs = []string{in.TicketPath}
	}
	r := references.Read(ctx, d.project(), d.Journal, refs, in.Ticket)
	switch {
	case len(r.Items) == 0:
		return ticket.Ticket{}, &contract.Error{Code: contract.CodeInvalid, Cause: cmp.Or(strings.Join(r.Warnings, "; "), "there is no open task"), Next: "Give path#ID of a task that is to be planned."}
	case len(r.Items) > 1:
		var some []string
		for i := range r.Items[:min(len(r.Items), 8)] {
			some = append(some, r.Items[i].ID)
		}
		return ticket.Ticket{}, &contract.Error{Code: contract.CodeArgument, Cause: fmt.Sprintf("%s holds %d open tickets", plain.Clip(plain.Line(cmp.Or(in.TicketPath, "ticket")), 200), r.Total),
			Next: "Plan one at a time with path#ID, such as #" + plain.Clip(strings.Join(some, ", #"), 400) + "."}
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

func (d *Deps) plan(ctx context.Context, t ticket.Ticket, in planInput, p progress) (*planResult, error) {
	route := policy.Route(orAuto(in.Route))
	r := &planResult{ID: t.ID}
	for _, text := range t.Warnings {
		r.warn(text)
	}
	var j judged
	if route != "cloud" {
		var err error
		if j, err = d.judge(ctx, t, in, route, r, p); err != nil {
			return nil, err
		}
		if refused := d.refusal(&j, route); refused != "" {
			r.By, r.Next, r.Owner = "rules", refused, j.owner
			r.Summary = fmt.Sprintf("%s is not for the local model: %s", t.ID, j.deciding.Why)
			r.Answer = j.answer
			return d.withJournal(r), nil
		}
	}
	if route != policy.OnlyCloud && d.wantsDraft(in) && d.resumeDraft(ctx, r, t, p) {
		return d.withJournal(r), nil
	}
	if err := d.askPlan(ctx, r, &j, t, in, route, p); err != nil {
		return nil, err
	}
	return d.withJournal(r), nil
}

// withJournal adds what is wrong with the journal, and keeps the result within
// its size.
func (d *Deps) withJournal(r *planResult) *planResult {
	for _, text := range d.Journal.Warnings() {
		r.warn(text)
	}
	r.Warnings = contract.FitWarnings(r.Warnings, maxPlanResult, func(list []string) any {
		whole := *r
		whole.Warnings = list
		return whole
	})
	return r
}

// judge classifies the ticket, or recalls the decision on the same content,
// and settles whether local may have it.
func (d *Deps) judge(ctx context.Context, t ticket.Ticket, in planInput, route policy.Route, r *planResult, p progress) (judged, error) {
	w := wave{ids: in.Wave, known: in.Wave != nil}
	last, found, err := d.Journal.Decision(ctx, t.ID, t.Hash, t.Source)
	if err != nil {
		r.warn("journal not readable, so earlier decisions were not considered: " + err.Error())
	}
	if found && !w.known {
		w = wave{ids: last.Wave, known: last.WaveKnown}
	}
	w, warning := d.withDone(ctx, w, &t)
	r.warn(warning)
	stated := d.stated(ctx, t)
	// The category changes nothing here: no model is asked for it.
	j := judged{id: t.ID, ticket: t, stated: stated, by: "rules", class: policy.Classify(stated).GuessCategory()}
	asked, rule := false, policy.Rule{OK: true}
	if !found {
		rule = d.refusedByRule(ctx, j, w, route)
	}
	switch {
	case found:
		j.by = last.By
		j.class = policy.Classify(stated).WithModel(last.Category, last.Complexity)
		j.sure = j.by != "rules" && !strings.HasPrefix(last.Why, sizeUnknown)
	case !rule.OK:
		// What a model thinks of it would change nothing: none is asked.
		j.class = j.class.WithoutModel()
	default:
		asked = true
		if j, err = d.complete(ctx, j, route, p); err != nil {
			return j, err
		}
		r.Warnings = contract.WarnFirst(r.Warnings, j.withheld)
	}
	if !w.known && len(t.DependsOn)+len(t.After) > 0 {
		r.warn("wave not given and this content was not classified before: no dependency on it is assumed")
	}
	r.warn(d.decide(ctx, &j, w))
	if !rule.OK && !j.local {
		j.deciding = rule // the others may fail for what no model was asked
	}
	if asked {
		if err := d.remember(ctx, j, w); err != nil && ctx.Err() == nil {
			r.warn("decision not remembered: " + err.Error())
		}
	}
	return j, nil
}

// sizeUnknown begins the reason of a ticket whose size no one is sure of.
const sizeUnknown = "size unknown"

// refusedByRule returns the rule that keeps the ticket from the local model
// whatever complexity a model would find; OK where none does.
func (d *Deps) refusedByRule(ctx context.Context, j judged, w wave, route policy.Route) policy.Rule {
	least := j.facts(w)
	least.Sure = true
	least.Guard = policy.Verdict{Admit: true}
	if d.Guard.Mode == policy.Never && route != policy.OnlyLocal {
		least.Guard = d.Guard.Look("", policy.GuardState{}, policy.Totals{}, time.Now())
	}
	if state, err := d.Journal.TicketState(ctx, j.id); err == nil { // decide warns of an error
		least.Escalated = string(state.EscalatedAt)
	}
	if j.class.AskComplexity {
		least.Complexity = "low"
	}
	_, rule, _ := policy.Eligible(least)
	return rule
}

// refusal says which tier should plan a ticket that local may not have, or ""
// where local may. route local opens a closed guard for this one call, and
// never a tag, file or dependency rule.
func (d *Deps) refusal(j *judged, route policy.Route) string {
	if j.local || (route == "local" && j.deciding.Name == "guard") {
		return ""
	}
	tier, model := policy.Cheap, "haiku"
	switch j.deciding.Name {
	case "complexity", "tags", "escalated":
		tier, model = policy.Balanced, "sonnet"
	}
	return d.planElsewhere(route, tier, model, j.deciding.Why)
}

func (d *Deps) askPlan(ctx context.Context, r *planResult, j *judged, t ticket.Ticket, in planInput, route policy.Route, p progress) error {
	failure := d.planFailure(ctx, r)
	q, user, err := d.question(ctx, t, route, in.IncludeFiles == nil || *in.IncludeFiles, failure.text(), r)
	if err != nil {
		return err
	}
	start := time.Now()
	asking, stop := d.asking(ctx)
	defer stop()
	asked := q // as the tier that is asked sees it: a plan is judged by that
	a, unfinished, err := d.finish(asking, route, routing.Request{
		Purpose: "plan", TicketID: t.ID, System: prompts.System, User: user,
		Remote: func() (string, []string) {
			remote, words := q.Remote()
			text, err := prompts.Plan(remote)
			if err != nil { // the same template has just rendered the whole question
				return "", words
			}
			asked = remote
			return text, words
		},
		Schema: q.Schema(), MaxTokens: d.planTokens(q), Likely: d.planTokens(q) / 2, Sampling: routing.Sampling{Free: true, Seed: failure.seed()},
		Accept:   func(text []byte) error { return asked.Accept(text) }, //nolint:gocritic // asked changes
		Repair:   func(_ []byte, defects error) string { return asked.Repair(defects) },
		Progress: p.tokens(t.ID),
	})
	if unfinished != nil {
		r.writing(unfinished)
		return nil
	}
	if err != nil {
		unanswered, err := asUnanswered(ctx, err)
		if err != nil {
			return err
		}
		return d.planByTemplate(ctx, r, j, q, unanswered, route, time.Since(start))
	}
	planned, err := r.fromModel(q, asked, a)
	if err != nil {
		return err
	}
	r.Summary = planned + failure.note() + paid(r.Answer)
	handed := statestore.Plan{ByLocal: a.Tier == policy.Local, By: string(a.Tier) + " tier", Model: a.Model}
	if err := d.recordPlan(ctx, r, j, handed, a.Digest); err != nil {
		return err
	}
	r.Next = d.nextAfterPlan(ctx, t.ID)
	if handed.ByLocal && r.Owner == policy.OwnerLocal && d.wantsDraft(in) {
		return d.addDraft(ctx, r, t, d.planKey(ctx, j, a.Digest), q, a.Text, p)
	}
	return nil
}

// fromModel takes over an accepted plan, and returns what it covers in words.
// asked is the question as its tier saw it.
func (r *planResult) fromModel(q, asked prompts.PlanQuestion, a routing.Answer) (summary string, err error) {
	reply, err := q.Parse(a.Text)
	if err != nil {
		return "", fmt.Errorf("an accepted plan does not parse: %w", err)
	}
	cover := q.Covers(reply)
	r.Plan, r.Coverage, r.By, r.Answer = q.Render(reply), &cover, string(a.Tier), answerOf(a)
	r.Answer.Reason = plain.Clip(r.Answer.Reason, maxPlanReason)
	if a.CostEstimated {
		r.warn(estimatedCost)
	}
	for _, text := range asked.Warnings(reply) {
		r.warn(text)
	}
	r.Warnings = contract.WarnFirst(r.Warnings, a.Withheld)
	return fmt.Sprintf("%s: plan by %s, %d of %d files and %d of %d criteria covered", r.ID, r.By,
		cover.Files, cover.FilesTotal, cover.Criteria, cover.CriteriaTotal), nil
}

// recordPlan notes who planned, which says whose ticket it is from here. A plan
// of the local model opens its attempt.
func (d *Deps) recordPlan(ctx context.Context, r *planResult, j *judged, p statestore.Plan, digest string) error {
	p.TicketID, p.Text = r.ID, r.Plan
	if p.ByLocal {
		p.Key = d.planKey(ctx, j, digest)
	}
	v, err := d.Journal.RecordPlan(ctx, p)
	r.Owner = v.Owner
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && p.ByLocal:
		r.Owner = policy.OwnerLocal
		r.warn("the local attempt is not recorded, so its outcomes need route: local: " + err.Error())
	case err != nil:
		r.Owner = policy.OwnerCloud
		r.warn("not recorded who planned: " + err.Error())
	case v.Changed != "":
		r.Summary += "; " + v.Changed
	}
	return nil
}

// planKey is the record of the guard that a plan by the model of a digest counts
// in; "" = the digest is not known.
func (d *Deps) planKey(ctx context.Context, j *judged, digest string) statestore.GuardKey {
	key := d.guardKey(ctx, j)
	if digest != "" {
		key.Digest = digest + "/" + prompts.Version
	}
	return key
}

// nextAfterPlan hands out the event id of the plan gate's next outcome.
func (d *Deps) nextAfterPlan(ctx context.Context, id string) string {
	event, err := d.Journal.NextEventID(ctx, id, policy.Plan)
	if err != nil { // what is wrong with the journal is reported elsewhere
		event = id + ":plan:1"
	}
	return fmt.Sprintf("Check the plan, then record_gate_outcome {ticket_id: %q, gate: plan, outcome: pass, event_id: %q} and implement.", id, event)
}

// paid says what a plan cost, "" = nothing.
func paid(a *answer) string {
	if a.CostUSD <= 0 {
		return ""
	}
	return fmt.Sprintf("; paid $%.4f", a.CostUSD)
}
