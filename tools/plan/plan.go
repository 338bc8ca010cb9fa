// Package plan makes the plan of a ticket that the local model may have, or says
// who plans it instead: it asks for the plan, records who planned and has the
// change drafted.
package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Request is a ticket that is to be planned, and how.
type Request struct {
	Ticket       ticket.Ticket
	Wave         []string // ids of the tickets worked on together; nil = not given
	Route        policy.Route
	IncludeFiles bool // the model is shown the affected files
	Draft        bool // the change is drafted, too
	Progress     deps.Progress
}

// Result is what plan_ticket answers.
type Result struct {
	Summary  string            `json:"summary"`
	ID       string            `json:"id"`
	State    string            `json:"state,omitempty"` // writing: not finished yet
	Plan     string            `json:"plan,omitempty"`
	Coverage *prompts.Coverage `json:"coverage,omitempty"`
	By       string            `json:"by"`
	Owner    policy.Owner      `json:"owner"` // whose ticket it is from here
	Draft    *Draft            `json:"draft,omitempty"`
	Answer   *decide.Answer    `json:"answer,omitempty"`
	Next     string            `json:"next"`
	Warnings contract.Warnings `json:"warnings,omitempty"`
}

// MaxResult is how many characters a whole result may have.
const MaxResult = 8000

// maxReason is how many bytes of it may say why the tiers before did not answer.
const maxReason = 600

// Make decides who plans the ticket, and where that is a model, has it planned.
func Make(ctx context.Context, d *deps.Deps, req Request) (*Result, error) {
	req.Draft = req.Draft && d.Drafts != nil
	r := &Result{ID: req.Ticket.ID}
	r.Warnings.Add(req.Ticket.Warnings...)
	if err := r.fill(ctx, d, req); err != nil {
		return nil, err
	}
	r.Warnings.Add(d.Journal.Warnings()...)
	r.Warnings.Fit(MaxResult, r)
	return r, nil
}

func (r *Result) fill(ctx context.Context, d *deps.Deps, req Request) error {
	var c decide.Classified
	if req.Route != policy.OnlyCloud {
		var err error
		if c, err = decide.ForPlan(ctx, d, req.Ticket, req.Wave, req.Route, &r.Warnings, req.Progress); err != nil {
			return err
		}
		if refused := refusal(d, &c, req.Route); refused != "" {
			r.By, r.Next, r.Owner = "rules", refused, c.Owner
			r.Summary = fmt.Sprintf("%s is not for the local model: %s", r.ID, c.Deciding.Why)
			r.Answer = c.Answer
			return nil
		}
		if req.Draft && r.resumeDraft(ctx, d, req) {
			return nil
		}
	}
	return r.ask(ctx, d, &c, req)
}

func (r *Result) ask(ctx context.Context, d *deps.Deps, c *decide.Classified, req Request) error {
	failure := r.lastFailure(ctx, d)
	q, user, err := r.question(ctx, d, req, failure.text())
	if err != nil {
		return err
	}
	start := time.Now()
	asking, stop := d.UntilDeadline(ctx)
	defer stop()
	asked := q // as the tier that is asked sees it: a plan is judged by that
	a, unfinished, err := finish(asking, d, req.Route, routing.Request{
		Purpose: "plan", TicketID: r.ID, System: prompts.System, User: user,
		Remote: func() (string, []string) {
			remote, words := q.Remote()
			asked = remote
			text, _ := prompts.Plan(remote) // it fails where the whole question does
			return text, words
		},
		Schema: q.Schema(), MaxTokens: maxTokens(d, q), Likely: maxTokens(d, q) / 2,
		// Another seed than that of every earlier plan, repair rounds included.
		Sampling: routing.Sampling{Free: true, Seed: 10 * failure.Count},
		Accept:   func(text []byte) error { return asked.Accept(text) }, //nolint:gocritic // asked changes
		Repair:   func(_ []byte, defects error) string { return asked.Repair(defects) },
		Progress: req.Progress.Tokens(r.ID),
	})
	if unfinished != nil {
		r.writing(unfinished)
		return nil
	}
	if err != nil {
		unanswered, err := decide.AsUnanswered(ctx, err)
		if err != nil {
			return err
		}
		return r.byTemplate(ctx, d, c, q, unanswered, req.Route, time.Since(start))
	}
	planned, err := r.fromModel(q, asked, a)
	if err != nil {
		return err
	}
	r.Summary = planned + failure.note() + decide.Paid(r.Answer.CostUSD)
	handed := statestore.Plan{ByLocal: a.Tier == policy.Local, By: string(a.Tier) + " tier", Model: a.Model}
	if err := r.record(ctx, d, c, handed, a.Digest); err != nil {
		return err
	}
	r.Next = next(ctx, d, r.ID)
	if handed.ByLocal && r.Owner == policy.OwnerLocal && req.Draft {
		return r.addDraft(ctx, d, req, c.GuardKey(ctx, d, a.Digest), q, a.Text)
	}
	return nil
}

// fromModel takes over an accepted plan, and returns what it covers in words.
// asked is the question as its tier saw it.
func (r *Result) fromModel(q, asked prompts.PlanQuestion, a routing.Answer) (summary string, err error) {
	reply, err := q.Parse(a.Text)
	if err != nil {
		return "", fmt.Errorf("an accepted plan does not parse: %w", err)
	}
	cover := q.Covers(reply)
	r.Plan, r.Coverage, r.By, r.Answer = q.Render(reply), &cover, string(a.Tier), decide.AnswerOf(a)
	r.Answer.Reason = plain.Clip(r.Answer.Reason, maxReason)
	if a.CostEstimated {
		r.Warnings.Add(decide.EstimatedCost)
	}
	r.Warnings.Add(asked.Warnings(reply)...)
	r.Warnings.AddFirst(a.Withheld...)
	return fmt.Sprintf("%s: plan by %s, %d of %d files and %d of %d criteria covered", r.ID, r.By,
		cover.Files, cover.FilesTotal, cover.Criteria, cover.CriteriaTotal), nil
}

// record notes who planned, which says whose ticket it is from here. A plan of the
// local model opens its attempt.
func (r *Result) record(ctx context.Context, d *deps.Deps, c *decide.Classified, p statestore.Plan, digest string) error {
	p.TicketID, p.Text = r.ID, r.Plan
	if p.ByLocal {
		p.Key = c.GuardKey(ctx, d, digest)
	}
	v, err := d.Journal.RecordPlan(ctx, p)
	r.Owner = v.Owner
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && p.ByLocal:
		r.Owner = policy.OwnerLocal
		r.Warnings.Add("the local attempt is not recorded, so its outcomes need route: local: " + err.Error())
	case err != nil:
		r.Owner = policy.OwnerCloud
		r.Warnings.Add("not recorded who planned: " + err.Error())
	case v.Changed != "":
		r.Summary += "; " + v.Changed
	}
	return nil
}

// byTemplate records the template's plan, the fallback after no tier answered; took
// is how long they were asked.
func (r *Result) byTemplate(ctx context.Context, d *deps.Deps, c *decide.Classified, q prompts.PlanQuestion,
	u *routing.Unanswered, route policy.Route, took time.Duration,
) error {
	r.Warnings.AddFirst(u.Withheld...)
	plan, cover, cut := q.Template()
	answer, estimated := decide.InVain(u, took)
	answer.Reason = plain.Clip(answer.Reason, maxReason)
	r.Plan, r.Coverage, r.By, r.Answer = plan, &cover, "template", answer
	r.Summary = fmt.Sprintf("%s: no model gave an acceptable plan; this one lists %d of %d files and %d of %d criteria of the ticket", r.ID,
		cover.Files, cover.FilesTotal, cover.Criteria, cover.CriteriaTotal) + decide.Paid(answer.CostUSD)
	if cut > 0 {
		r.Warnings.Add(fmt.Sprintf("%d lines did not fit the plan and are only in the ticket", cut))
	}
	if estimated {
		r.Warnings.Add(decide.EstimatedCost)
	}
	if err := r.record(ctx, d, c, statestore.Plan{By: "template"}, ""); err != nil {
		return err
	}
	again := "Use it as a checklist, or plan with a sub-agent, Agent(model: \"haiku\"). "
	if keepsHere(d, route) != "" {
		again = "Use it as a checklist, or plan it yourself. "
	}
	r.Next = again + next(ctx, d, r.ID)
	return nil
}

// keepsHere is the rule that forbids advice to name a model that is not on this
// machine, "" where none does.
func keepsHere(d *deps.Deps, route policy.Route) string {
	switch {
	case !d.CloudAllowed:
		return "LOCALMODEL_CLOUD=never"
	case route == policy.OnlyLocal:
		return "route " + string(route)
	}
	return ""
}

// refusal says which tier should plan a ticket that local may not have, or ""
// where local may. route local opens a closed guard for this one call, and
// never a tag, file or dependency rule.
func refusal(d *deps.Deps, c *decide.Classified, route policy.Route) string {
	if c.Local || route == policy.OnlyLocal && c.Deciding.Name == "guard" {
		return ""
	}
	why := c.Deciding.Why
	if rule := keepsHere(d, route); rule != "" {
		return fmt.Sprintf("Plan it yourself: the local model may not have it (%s), and %s asks nobody else. Record its gates as usual.",
			why, rule)
	}
	tier, model := policy.Cheap, "haiku"
	switch c.Deciding.Name {
	case "complexity", "tags", "escalated":
		tier, model = policy.Balanced, "sonnet"
	}
	return fmt.Sprintf("Plan it with a sub-agent on the %s tier, Agent(model: %q), or call again with route: cloud. Reason: %s. Record its gates as usual.",
		tier, model, why)
}

// next hands out the event id of the plan gate's next outcome.
func next(ctx context.Context, d *deps.Deps, id string) string {
	event, err := d.Journal.NextEventID(ctx, id, policy.Plan)
	if err != nil { // what is wrong with the journal is reported elsewhere
		event = id + ":plan:1"
	}
	return fmt.Sprintf("Check the plan, then record_gate_outcome {ticket_id: %q, gate: plan, outcome: pass, event_id: %q} and implement.", id, event)
}
