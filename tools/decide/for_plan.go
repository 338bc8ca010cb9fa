package decide

import (
	"context"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// ForPlan classifies a ticket that is to be planned, or recalls the decision on the
// same content, and decides whether the local model may have it. wave is nil where
// none is given. What there is to say beside it is added to warnings.
func ForPlan(ctx context.Context, d *deps.Deps, t ticket.Ticket, wave []string, route policy.Route,
	warnings *contract.Warnings, p deps.Progress,
) (Classified, error) {
	w := Wave{IDs: wave, Known: wave != nil}
	last, found, err := d.Journal.Decision(ctx, t.ID, t.Hash, t.Source)
	if err != nil {
		warnings.Add("journal not readable, so earlier decisions were not considered: " + err.Error())
	}
	if found && !w.Known {
		w = Wave{IDs: last.Wave, Known: last.WaveKnown}
	}
	w, warning := w.WithDone(ctx, d, &t)
	warnings.Add(warning)
	stated := statedIn(ctx, d, t)
	// The category changes nothing here: no model is asked for it.
	c := Classified{ID: t.ID, Ticket: t, stated: stated, By: "rules", Class: policy.Classify(stated).GuessCategory()}
	asked, rule := false, policy.Rule{OK: true}
	if !found {
		rule = c.refusedByRule(ctx, d, w, route)
	}
	switch {
	case found:
		c.By = last.By
		c.Class = policy.Classify(stated).WithModel(last.Category, last.Complexity)
		c.sure = c.By != "rules" && !strings.HasPrefix(last.Why, policy.SizeUnknown)
	case !rule.OK:
		// What a model thinks of it would change nothing: none is asked.
		c.Class = c.Class.WithoutModel()
	default:
		asked = true
		if c, err = complete(ctx, d, c, route, p); err != nil {
			return c, err
		}
		warnings.AddFirst(c.Withheld...)
	}
	if !w.Known && len(t.DependsOn)+len(t.After) > 0 {
		warnings.Add("wave not given and this content was not classified before: no dependency on it is assumed")
	}
	warnings.Add(c.Decide(ctx, d, w))
	if !rule.OK && !c.Local {
		c.Deciding = rule // the others may fail for what no model was asked
	}
	if asked {
		if err := c.Remember(ctx, d, w); err != nil && ctx.Err() == nil {
			warnings.Add("decision not remembered: " + err.Error())
		}
	}
	return c, nil
}

// refusedByRule returns the rule that keeps the ticket from the local model
// whatever complexity a model would find; OK where none does.
func (c *Classified) refusedByRule(ctx context.Context, d *deps.Deps, w Wave, route policy.Route) policy.Rule {
	least := c.facts(w)
	least.Sure = true
	least.Guard = policy.Verdict{Admit: true}
	if d.Guard.Mode == policy.Never && route != policy.OnlyLocal {
		least.Guard = d.Guard.Look("", policy.GuardState{}, policy.Totals{}, time.Now())
	}
	if state, err := d.Journal.TicketState(ctx, c.ID); err == nil { // Decide warns of an error
		least.Escalated = string(state.EscalatedAt)
	}
	if c.Class.AskComplexity {
		least.Complexity = string(policy.Low)
	}
	_, rule, _ := policy.Eligible(least)
	return rule
}
