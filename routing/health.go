package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// Health is what this machine can do now. Looking costs nothing: no probe is a
// paid call.
type Health struct {
	Ollama OllamaHealth
	Proxy  ProxyHealth
}

// OllamaHealth is the local tier.
type OllamaHealth struct {
	OK                  bool
	URL, Version, Model string
	Present, Loaded     bool
	Digest              string
	ContextLength       int // tokens, as loaded; 0 = not loaded
	Error, Fix          string
	Generated           string // with deep: how long one real answer took
	SlotsError          string // why local calls are not limited, "" = they are
	Proxied             bool   // it is the proxy's group: of the hosts nothing is known
}

// ProxyHealth is LiteLLM. Used is false where the configuration asks it nothing.
type ProxyHealth struct {
	OK, Used     bool
	URL, Version string
	Models       []string
	Error, Fix   string
}

// healthTime bounds all probes together.
const healthTime = 2 * time.Second

// Health probes Ollama and the proxy side by side, for 2 s at most; deep makes
// one real local generation after that, within ctx.
func (r *Router) Health(ctx context.Context, deep bool) Health {
	limited, stop := context.WithTimeout(ctx, healthTime)
	defer stop()
	var h Health
	var group sync.WaitGroup
	if r.cfg.Local != "proxy" {
		group.Go(func() {
			h.Ollama = r.ollama.health(limited)
			h.Ollama.SlotsError = r.ollama.machine.problem(limited)
		})
	}
	group.Go(func() { h.Proxy = r.proxyHealth(limited) })
	group.Wait()
	if r.cfg.Local == "proxy" {
		h.Ollama = r.proxiedHealth(h.Proxy)
	}
	if local := r.tiers(OnlyLocal); deep && h.Ollama.Present && len(local) > 0 {
		start := time.Now()
		_, attempt, fault := r.try(ctx, local[0], Request{Purpose: "health", System: "Answer with one word.",
			User: "Say OK.", MaxTokens: 64, Schema: []byte(`{"type":"object","properties":{"ok":{"type":"string","enum":["OK"]}},"required":["ok"],"additionalProperties":false}`)}, 0)
		if fault != nil {
			h.Ollama.OK, h.Ollama.Error, h.Ollama.Fix = false, attempt.Reason, fault.Fix
		} else {
			h.Ollama.Generated = fmt.Sprintf("%d ms", time.Since(start).Milliseconds())
		}
	}
	return h
}

func (o *ollama) health(ctx context.Context) OllamaHealth {
	h := OllamaHealth{URL: o.cfg.OllamaURL, Model: o.cfg.Model}
	data, fault := o.get(ctx, "/api/version")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	h.Version = gjson.GetBytes(data, "version").Str
	tags, fault := o.get(ctx, "/api/tags")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	h.Digest, h.Present = findDigest(tags, o.cfg.Model)
	if !h.Present {
		h.Error, h.Fix = "model "+o.cfg.Model+" is not there", "ollama pull "+o.cfg.Model
		return h
	}
	h.OK = true
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
			digest, found = strings.TrimPrefix(m.Get("digest").Str, "sha256:"), true
		}
		return !found
	})
	return digest, found
}

// keepDigest is how long a digest is taken to stay: a pull changes it.
const keepDigest = 30 * time.Second

func (o *ollama) knownDigest() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.digest
}

// askDigest looks the digest up; a server that is slow or down gives "".
func (o *ollama) askDigest(ctx context.Context) string {
	o.mu.Lock()
	digest, at := o.digest, o.digestAt
	o.mu.Unlock()
	if !at.IsZero() && time.Since(at) < keepDigest {
		return digest
	}
	limited, stop := context.WithTimeout(ctx, healthTime/4)
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

func (r *Router) proxyHealth(ctx context.Context) ProxyHealth {
	h := ProxyHealth{URL: r.proxy.shown(), Used: (r.cfg.Local == "proxy" && len(r.tiers(OnlyLocal)) > 0) || (r.cfg.CloudAllowed && len(r.cfg.Fallback) > 0)}
	if !h.Used {
		return h
	}
	ready, fault := r.proxy.get(ctx, "/health/readiness")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	h.Version = gjson.GetBytes(ready, "litellm_version").Str
	models, fault := r.proxy.get(ctx, "/v1/models")
	if fault != nil {
		h.Error, h.Fix = fault.Reason, fault.Fix
		return h
	}
	gjson.GetBytes(models, "data.#.id").ForEach(func(_, id gjson.Result) bool {
		h.Models = append(h.Models, id.Str)
		return true
	})
	h.OK = true
	for _, t := range r.cfg.Fallback {
		if r.cfg.CloudAllowed && !slices.Contains(h.Models, string(t)) {
			h.OK, h.Error, h.Fix = false, "the proxy has no model group "+string(t), "add it to model_list in the proxy's configuration, or name others in LOCALMODEL_FALLBACK"
		}
		if fault, ago := r.proxy.faults.recent(t); fault != nil && h.OK {
			h.OK, h.Error, h.Fix = false, fmt.Sprintf("%s, %s ago: %s", t, seconds(ago), fault.Reason), fault.Fix
		}
	}
	return h
}

// proxiedHealth is the local tier where it is the proxy's group: whether the
// group is there. What its hosts do only a call would tell.
func (r *Router) proxiedHealth(p ProxyHealth) OllamaHealth {
	model := r.proxy.group(Local).model()
	h := OllamaHealth{URL: p.URL, Model: model, Version: p.Version, Proxied: true, Present: slices.Contains(p.Models, model)}
	fault, ago := r.proxy.faults.recent(Local)
	switch {
	case !p.Used:
		h.Error, h.Fix = "the proxy is not on this machine, and LOCALMODEL_CLOUD=never", "export LOCALMODEL_CLOUD=allow"
	case len(p.Models) == 0:
		h.Error, h.Fix = p.Error, p.Fix
	case !h.Present:
		h.Error, h.Fix = "the proxy has no model group "+model, fixGroup
	case fault != nil:
		h.Error, h.Fix = fmt.Sprintf("%s ago: %s", seconds(ago), fault.Reason), fault.Fix
	default:
		h.OK = true
	}
	return h
}
