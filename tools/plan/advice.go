package plan

import (
	"context"
	"fmt"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/deps"
)

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

// planAgain says what to do with a plan from the template.
func planAgain(d *deps.Deps, route policy.Route) string {
	if keepsHere(d, route) != "" {
		return "Use it as a checklist, or plan it yourself. "
	}
	return "Use it as a checklist, or plan with a sub-agent, Agent(model: \"haiku\"). "
}

// next hands out the event id of the plan gate's next outcome.
func next(ctx context.Context, d *deps.Deps, id string) string {
	event, err := d.Journal.NextEventID(ctx, id, policy.Plan)
	if err != nil { // what is wrong with the journal is reported elsewhere
		event = id + ":plan:1"
	}
	return fmt.Sprintf("Check the plan, then record_gate_outcome {ticket_id: %q, gate: plan, outcome: pass, event_id: %q} and implement.", id, event)
}
