package tools

import (
	"cmp"
	"context"
	"fmt"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/statestore"
)

// failedPlan is what the plan gate refused before: it belongs in the next
// question, which must not be the same again.
type failedPlan statestore.PlanFailure

// planFailure reads it. A journal that cannot be read costs the lesson, not the
// plan.
func (d *Deps) planFailure(ctx context.Context, r *planResult) failedPlan {
	f, err := d.Journal.PlanFailure(ctx, r.ID)
	if err != nil && ctx.Err() == nil {
		r.warn("journal not readable, so an earlier failure of the plan gate was not considered: " + err.Error())
	}
	return failedPlan(f)
}

// Bytes of what failed that the question repeats.
const (
	maxFailedEvidence = 2000
	maxFailedPlan     = 4000
)

// text is the evidence for the question, "" where nothing failed.
func (f failedPlan) text() string {
	if f.Evidence == "" && f.Plan == "" {
		return ""
	}
	text := cmp.Or(plain.Clip(f.Evidence, maxFailedEvidence), "The reason was not recorded.")
	if f.Plan != "" {
		text += "\n\nThe plan that was refused:\n" + plain.Clip(f.Plan, maxFailedPlan)
	}
	return text
}

// seed moves the sampling away from every earlier plan, repair rounds included.
func (f failedPlan) seed() int { return 10 * f.Count }

// note says that the plan was made with the lesson, for the summary.
func (f failedPlan) note() string {
	if f.text() == "" {
		return ""
	}
	return fmt.Sprintf("; the evidence of %d failed plan gate(s) was part of the question", max(f.Count, 1))
}
