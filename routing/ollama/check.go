package ollama

import (
	"context"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Check looks at the server and its model.
func (o *Backend) Check(ctx context.Context) routing.Check {
	h := routing.Check{URL: o.cfg.URL, Model: o.cfg.Model, SlotsError: o.machine.problem(ctx)}
	data, fault := o.get(ctx, "/api/version")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	h.Version = policy.Shorten(gjson.GetBytes(data, "version").Str, 40)
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	h.Digest, h.Present = findDigest(tags, o.cfg.Model)
	if !h.Present {
		h.Error, h.Fix = o.missing(gjson.ParseBytes(tags))
		return h
	}
	h.OK = true
	if doc, fault := o.show(ctx); fault == nil {
		h.Remote = remoteHost(doc)
	}
	if ps, fault := o.get(ctx, "/api/ps"); fault == nil {
		gjson.GetBytes(ps, "models").ForEach(func(_, m gjson.Result) bool {
			if sameModel(m.Get("name").Str, o.cfg.Model) {
				h.Loaded, h.ContextLength = true, int(m.Get("context_length").Int())
			}
			return !h.Loaded
		})
	}
	return h
}

func findDigest(tags []byte, model string) (digest string, found bool) {
	gjson.GetBytes(tags, "models").ForEach(func(_, m gjson.Result) bool {
		if sameModel(m.Get("name").Str, model) {
			digest, found = policy.Shorten(strings.TrimPrefix(m.Get("digest").Str, "sha256:"), 80), true
		}
		return !found
	})
	return digest, found
}

// keepDigest is how long a digest is taken to stay: a pull changes it.
const keepDigest = 30 * time.Second

// AskDigest looks the digest up; a server that is slow or down gives "".
func (o *Backend) AskDigest(ctx context.Context) string {
	o.mu.Lock()
	digest, at := o.digest, o.digestAt
	o.mu.Unlock()
	if !at.IsZero() && time.Since(at) < keepDigest {
		return digest
	}
	limited, stop := context.WithTimeout(ctx, routing.HealthTimeout/4)
	defer stop()
	tags, fault := o.get(limited, "/api/tags")
	o.mu.Lock()
	defer o.mu.Unlock()
	if fault == nil {
		o.digest, _ = findDigest(tags, o.cfg.Model)
	}
	if ctx.Err() == nil {
		o.digestAt = time.Now() // also of a failure: one that is down is not asked for each ticket
	}
	return o.digest
}
