package tools

import (
	"fmt"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// mayAdvise reports whether advice may name a model that is not on this
// machine: neither the caller's route nor LOCALMODEL_CLOUD=never forbids it.
func (d *Deps) mayAdvise(route policy.Route) bool {
	return d.CloudAllowed && route != policy.OnlyLocal
}

// stays says which rule keeps advice on this machine.
func (d *Deps) stays(route policy.Route) string {
	if d.CloudAllowed {
		return "route " + string(route)
	}
	return "LOCALMODEL_CLOUD=never"
}

// planElsewhere says who plans a ticket that the local model may not have.
func (d *Deps) planElsewhere(route policy.Route, tier policy.Tier, model, why string) string {
	if !d.mayAdvise(route) {
		return fmt.Sprintf("Plan it yourself: the local model may not have it (%s), and %s asks nobody else. Record its gates as usual.",
			why, d.stays(route))
	}
	return fmt.Sprintf("Plan it with a sub-agent on the %s tier, Agent(model: %q), or call again with route: cloud. Reason: %s. Record its gates as usual.",
		tier, model, why)
}

// planAgain says what to do with a plan from the template.
func (d *Deps) planAgain(route policy.Route) string {
	if !d.mayAdvise(route) {
		return "Use it as a checklist, or plan it yourself. "
	}
	return "Use it as a checklist, or plan with a sub-agent, Agent(model: \"haiku\"). "
}

// stayHere takes the model out of an escalation that may not leave this
// machine: the ticket is the caller's from here. owner is whose it was.
func (d *Deps) stayHere(r *recordResult, owner policy.Owner) {
	if d.CloudAllowed || r.EscalateTo == "" {
		return
	}
	r.EscalateTo = ""
	r.Message = "LOCALMODEL_CLOUD=never names no stronger model for this ticket: finish it yourself from the hand-off, or ask the user."
	if owner == policy.OwnerLocal {
		r.Message = "The local model is out of this ticket, and LOCALMODEL_CLOUD=never names no other: finish it yourself from the hand-off, or ask the user."
	}
}
