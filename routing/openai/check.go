package openai

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// listing is what the proxy says of itself: the same for all its groups.
type listing struct {
	version string
	models  []string
	fault   *routing.Error
}

// keepListing is how long a listing counts: the tiers of one look share it.
const keepListing = 500 * time.Millisecond

// list asks the proxy once for all groups that are looked at together.
func (p *Server) list(ctx context.Context) listing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < keepListing {
		return p.seen
	}
	p.seen = p.askListing(ctx)
	p.looked = time.Now()
	return p.seen
}

func (p *Server) askListing(ctx context.Context) (l listing) {
	ready, fault := p.get(ctx, "/health/readiness")
	if fault != nil {
		return listing{fault: fault}
	}
	l.version = policy.Shorten(gjson.GetBytes(ready, "litellm_version").Str, 40)
	models, fault := p.get(ctx, "/v1/models")
	if fault != nil {
		l.fault = fault
		return l
	}
	gjson.GetBytes(models, "data.#.id").ForEach(func(_, id gjson.Result) bool {
		l.models = append(l.models, policy.Shorten(id.Str, 120))
		return true
	})
	return l
}

// Check looks whether the group is there and what became of its last call. What
// stands behind it only a call would tell.
func (g group) Check(ctx context.Context) routing.Check {
	l := g.list(ctx)
	c := routing.Check{URL: g.shown(), Version: l.version, Model: g.Model(), Models: l.models,
		Fleet: !g.Paid(), Present: slices.Contains(l.models, g.Model())}
	recent, ago := g.faults.recent(g.t)
	switch {
	case l.fault != nil:
		c.Error, c.Fix = l.fault.Reason, l.fault.Fix
	case !c.Present:
		c.Error, c.Fix = "the proxy has no model group "+g.Model(), fixGroup
		if g.Paid() {
			c.Fix = "add it to model_list in the proxy's configuration, or name others in LOCALMODEL_FALLBACK"
		}
	case recent != nil:
		c.Error, c.Fix = fmt.Sprintf("%s, %s ago: %s", g.t, routing.Seconds(ago), recent.Reason), recent.Fix
	default:
		c.OK = true
	}
	return c
}
