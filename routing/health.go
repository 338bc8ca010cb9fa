package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Health is what this machine can do now. Looking costs nothing: no probe is a
// paid call.
type Health struct {
	Ollama Check // the local tier
	Proxy  Check // of the tiers behind it the first; not OK where one is not
}

// HealthTimeout bounds all probes together.
const HealthTimeout = 2 * time.Second

// Health probes all tiers side by side, for 2 s at most; deep makes one real
// local generation after that, within ctx. An address that may not be reached
// is not: its tier says why.
func (r *Router) Health(ctx context.Context, deep bool) Health {
	limited, stop := context.WithTimeout(ctx, HealthTimeout)
	defer stop()
	checks := make([]Check, len(r.backends))
	var group sync.WaitGroup
	for i, b := range r.backends {
		if b.Tier() != policy.Local && !r.cfg.CloudAllowed {
			continue
		}
		group.Go(func() { checks[i] = r.check(limited, b) })
	}
	group.Wait()
	var h Health
	for i, b := range r.backends {
		switch {
		case b.Tier() == policy.Local:
			h.Ollama = checks[i]
		case r.cfg.CloudAllowed:
			h.Proxy.add(checks[i])
		}
	}
	if local := r.local(); deep && local != nil && h.Ollama.Present && h.Ollama.OK {
		r.generate(ctx, local, &h.Ollama)
	}
	return h
}

func (r *Router) check(ctx context.Context, b Backend) Check {
	if fault := r.forbidden(b, policy.Auto); fault != nil {
		remote := placeOf(b, place.Host{}).Remote
		return Check{URL: b.Address(), Model: b.Model(), Remote: remote, Refused: true, Error: fault.Reason, Fix: fault.Fix}
	}
	c := b.Check(ctx)
	place := placeOf(b, place.Host{Name: c.Remote, Own: c.RemoteOwn})
	c.Remote = place.Remote
	if fault := r.refuse(place, policy.Auto); fault != nil {
		c.OK, c.Refused, c.Error, c.Fix = false, true, fault.Reason, fault.Fix
	}
	return c
}

// add takes in one tier behind the local one.
func (c *Check) add(tier Check) {
	if !c.Used {
		*c = tier
		c.Used = true
	} else if c.OK && !tier.OK {
		c.OK, c.Error, c.Fix = false, tier.Error, tier.Fix
	}
}

const deepSchema = `{"type":"object","properties":{"ok":{"type":"string","enum":["OK"]}},` +
	`"required":["ok"],"additionalProperties":false}`

func (r *Router) generate(ctx context.Context, b Backend, h *Check) {
	start := time.Now()
	u := &run{router: r, route: policy.Auto, start: start, caller: ctx, req: Request{Purpose: "health",
		System: "Answer with one word.", User: "Say OK.", MaxTokens: 64, Schema: json.RawMessage(deepSchema)}}
	_, attempt, fault := u.try(ctx, b, 0)
	switch {
	case fault == nil:
		h.Generated = fmt.Sprintf("%d ms", time.Since(start).Milliseconds())
		limited, stop := context.WithTimeout(ctx, HealthTimeout)
		defer stop()
		if now := b.Check(limited); now.Loaded { // the answer may have loaded it
			h.Loaded, h.ContextLength = true, now.ContextLength
		}
	case fault.Kind == Loading: // as without deep: a cold model can answer, after its load
		h.Loading, h.Note = true, "no answer yet: "+attempt.Reason
	case fault.Kind == Busy: // with another call, so that it works
		h.Note = "no answer yet: " + attempt.Reason
	default:
		h.OK, h.Error, h.Fix = false, attempt.Reason, fault.Fix
	}
}

// Inspect asks the local tier what its model takes. Nothing is loaded by it.
func (r *Router) Inspect(ctx context.Context) (ModelInfo, error) {
	b, ok := r.local().(Inspector)
	if !ok {
		return ModelInfo{}, Fail(Unavailable, "the local tier does not report what its model takes", nil)
	}
	if fault := r.forbidden(r.local(), policy.Auto); fault != nil {
		return ModelInfo{}, ofLocal(fault)
	}
	info, fault := b.Inspect(ctx)
	return info, ofLocal(fault)
}

// Pull makes the local tier fetch its model. Report hears what is being
// fetched, with bytes done of total, 0 of 0 where there is nothing to count. A
// pull that is canceled goes on where it stopped when it is asked for again.
func (r *Router) Pull(ctx context.Context, report func(status string, done, total int64)) error {
	b, ok := r.local().(Puller)
	if !ok {
		return Fail(Unavailable, "the local tier fetches its models itself", nil)
	}
	fault := r.forbidden(r.local(), policy.Auto)
	if fault == nil {
		fault = b.Pull(ctx, report)
	}
	return ofLocal(fault)
}
