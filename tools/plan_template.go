package tools

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
)

// planByTemplate records the template's plan, the fallback after no tier answered;
// took is how long they were asked.
func (d *Deps) planByTemplate(ctx context.Context, r *planResult, j *judged, q prompts.PlanQuestion, u *routing.Unanswered,
	route policy.Route, took time.Duration) error {
	r.Warnings = contract.WarnFirst(r.Warnings, u.Withheld)
	answer, estimated := inVain(u, took)
	r.fromTemplate(q, answer)
	if estimated {
		r.warn(estimatedCost)
	}
	if err := d.recordPlan(ctx, r, j, statestore.Plan{By: "template"}, ""); err != nil {
		return err
	}
	r.Next = d.planAgain(route) + d.nextAfterPlan(ctx, r.ID)
	return nil
}

// fromTemplate is the floor: a plan made from the ticket itself, and why no
// model made it.
func (r *planResult) fromTemplate(q prompts.PlanQuestion, why *answer) {
	plan, cover, cut := q.Template()
	r.Plan, r.Coverage, r.By = plan, &cover, "template"
	why.Reason = plain.Clip(why.Reason, maxPlanReason)
	r.Answer = why
	r.Summary = fmt.Sprintf("%s: no model gave an acceptable plan; this one lists %d of %d files and %d of %d criteria of the ticket", r.ID,
		cover.Files, cover.FilesTotal, cover.Criteria, cover.CriteriaTotal) + paid(why)
	if cut > 0 {
		r.warn(fmt.Sprintf("%d lines did not fit the plan and are only in the ticket", cut))
	}
}
