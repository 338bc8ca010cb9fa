package openai

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/openai/litellm"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// listing is what the proxy says of itself: the same for all its groups.
type listing struct {
	version string
	models  []string // groups, and patterns such as claude-*
	fault   *routing.Error
}

const (
	// keepListing is how long a listing counts: the tiers of one look share it.
	keepListing = 500 * time.Millisecond
	maxListed   = 1000 // models of a listing that are read
	maxName     = 120  // bytes of a model's name
)

// list asks the proxy once for all groups that are looked at together.
func (p *Server) list(ctx context.Context) listing {
	p.looking.Lock()
	defer p.looking.Unlock()
	if time.Since(p.looked) < keepListing {
		return p.seen
	}
	l := listing{}
	if l.version, l.fault = p.ready(ctx); l.fault == nil {
		var models gjson.Result
		// Without the parameter newer versions leave patterns out; others ignore it.
		models, l.fault = p.get(ctx, "/v1/models?return_wildcard_routes=true", p.refused)
		l.models = namesIn(models)
	}
	p.seen, p.looked = l, time.Now()
	return l
}

func namesIn(models gjson.Result) (names []string) {
	models.Get("data.#.id").ForEach(func(_, id gjson.Result) bool {
		if name := policy.Shorten(id.Str, maxName); !slices.Contains(names, name) {
			names = append(names, name)
		}
		return len(names) < maxListed
	})
	return names
}

// ready asks LiteLLM whether it is up. Other gateways do not have the address:
// their list of models is the sign.
func (p *Server) ready(ctx context.Context) (version string, fault *routing.Error) {
	doc, fault := p.get(ctx, "/health/readiness", func(r response) *routing.Error {
		if r.status == http.StatusNotFound {
			return nil
		}
		return p.refused(r)
	})
	return policy.Shorten(doc.Get("litellm_version").Str, 40), fault
}

func (g *group) Probe(ctx context.Context) *routing.Error {
	_, fault := g.ready(ctx)
	return fault
}

// rememberRefusal is how long a refusal is reported when no later call succeeds.
const rememberRefusal = 10 * time.Minute

// lasting are the refusals that do not pass by themselves.
var lasting = []routing.Kind{routing.Auth, routing.Forbidden, routing.BudgetSpent, routing.ModelMissing}

// Check looks whether the group is there and what became of its last call. What
// is behind it only a call would show.
func (g *group) Check(ctx context.Context) routing.Check {
	l := g.list(ctx)
	c := routing.Check{Server: g.what, URL: g.Address(), Version: l.version, Model: g.Model(), Models: l.models,
		Fleet:   !g.Paid(),
		Present: slices.ContainsFunc(l.models, func(name string) bool { return litellm.Matches(name, g.Model()) })}
	recent := g.last.Load()
	switch {
	case l.fault != nil:
		c.Error, c.Fix = l.fault.Reason, l.fault.Fix
	case !c.Present:
		c.Error, c.Fix = "the proxy has no model group "+g.Model(), litellm.FixGroup
		if g.Paid() {
			c.Fix = "add it to model_list in the proxy's configuration, or name others in LOCALMODEL_FALLBACK"
		}
	case recent != nil && time.Since(recent.at) <= rememberRefusal && slices.Contains(lasting, recent.fault.Kind):
		c.Error = fmt.Sprintf("%s, %s ago: %s", g.t, routing.Seconds(time.Since(recent.at)), recent.fault.Reason)
		c.Fix = recent.fault.Fix
	default:
		c.OK = true
	}
	if c.OK && !g.Paid() && place.Loopback(c.URL) {
		host, known, fault := g.host(ctx)
		switch {
		case fault != nil:
			c.OK, c.Error, c.Fix = false, fault.Reason, fault.Fix
		case !known:
			c.Note = "the proxy does not report which host serves its group " + g.Model()
		}
		c.Remote, c.RemoteOwn = host.Name, host.Own
	}
	return c
}

// RemoteModel asks the proxy for the deployments of the group, and returns one
// that is not on this machine: each call may be sent to any of them. Where the
// proxy does not report it, the proxy's own address counts.
func (g *group) RemoteModel(ctx context.Context) (place.Host, *routing.Error) {
	host, _, fault := g.host(ctx)
	return host, fault
}

// host is RemoteModel; known is false where the proxy does not report it: a gateway
// without /model/info, or a key that may not read it.
func (g *group) host(ctx context.Context) (host place.Host, known bool, fault *routing.Error) {
	info, fault := g.get(ctx, "/model/info", func(response) *routing.Error { return nil })
	host, known = litellm.HostOf(info, g.Model())
	return host, known, fault
}
