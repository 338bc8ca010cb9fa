package openai

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/openai/litellm"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// fixStart is how the proxy at an address is started, where that can be done from
// here.
func fixStart(address string) string {
	u, err := url.Parse(rootOf(address))
	if err != nil || !place.Loopback(address) {
		return "start the proxy that LITELLM_BASE_URL names, or name another"
	}
	return "git clone --depth 1 https://github.com/fjbelchi/localmodel && cd localmodel/integration/litellm && " +
		"litellm --config config.yaml --host 127.0.0.1 --port " + cmp.Or(u.Port(), "8000")
}

// Server is a LiteLLM proxy; each of its model groups is a tier. The order of
// tiers is the Router's: the proxy is asked to retry and fall back on nothing,
// so that the two do not multiply and no paid model answers as another.
type Server struct {
	*client
	session string // groups this process's calls in the proxy's records

	looking sync.Mutex
	looked  time.Time // when seen was found
	seen    listing
}

// New makes a client. It dials nothing.
func New(cfg Config) *Server {
	return &Server{client: newClient("the proxy", fixStart(cfg.URL), cfg), session: "localmodel-" + rand.Text()}
}

// group is one model group of the proxy as a tier.
type group struct {
	*Server
	t policy.Tier
	// last is how the last call was refused, since no free probe sees a provider's
	// key, a budget or tag filtering; nil = it was not.
	last atomic.Pointer[refusal]
}

type refusal struct {
	fault *routing.Error
	at    time.Time
}

// Tier makes a tier of one of the proxy's model groups.
func (p *Server) Tier(t policy.Tier) routing.Backend { return &group{Server: p, t: t} }

func (g *group) Tier() policy.Tier { return g.t }
func (g *group) Paid() bool        { return g.t != policy.Local }

func (g *group) Estimate(q routing.Question) float64 {
	if !g.Paid() {
		return 0
	}
	return prices.Estimate(g.t, len(q.Schema)+q.PromptBytes(), q.MaxTokens)
}

// Window is a paid group's, or for the group free the one its configuration
// must share with ours.
func (g *group) Window() int {
	if g.Paid() {
		return g.cfg.PaidWindow
	}
	return g.cfg.NumCtx
}

// Model is the group's name at the proxy: the plan calls the local one "free".
func (g *group) Model() string {
	if g.t == policy.Local {
		return "free"
	}
	return string(g.t)
}

func (g *group) Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	reply, fault := g.ask(ctx, g, g.Model(), q)
	switch {
	case fault == nil:
		g.last.Store(nil)
	case ctx.Err() == nil:
		g.last.Store(&refusal{fault, time.Now()})
	}
	return reply, fault
}

// litellmBody is what LiteLLM takes beside the common fields.
type litellmBody struct {
	NumRetries       *int     `json:"num_retries,omitempty"`
	DisableFallbacks bool     `json:"disable_fallbacks"`
	User             string   `json:"user"`
	SessionID        string   `json:"litellm_session_id"`
	Metadata         metadata `json:"metadata"`
}

type metadata struct {
	Tags []string `json:"tags"`
}

func (g *group) body(b *chatBody, q routing.Question) {
	b.litellmBody = &litellmBody{DisableFallbacks: true, User: "localmodel", SessionID: g.session}
	b.Metadata.Tags = []string{"gate:" + q.Purpose}
	if q.TicketID != "" {
		b.Metadata.Tags = append(b.Metadata.Tags, "ticket:"+q.TicketID)
	}
	b.Logprobs, b.TopLogprobs = false, 0 // lost on their way through the proxy
	if !g.Paid() {
		return // the proxy's configuration says: in a fleet a retry finds another host
	}
	b.NumRetries = new(int) // a retry is another paid call
	b.TopP, b.Seed = 0, 0   // some paid models take a temperature alone
	if b.ResponseFormat != nil {
		b.ResponseFormat.Schema.Schema = portable(q.Schema)
	}
}

func (p *Server) refused(r response) *routing.Error {
	return litellm.Refused(r.status, r.header, r.data, p.cfg.Key)
}

// cutPrompt looks at the hosts behind the group free. A paid provider refuses
// what is too long for it.
func (g *group) cutPrompt(_ context.Context, q routing.Question, in int) *routing.Error {
	if g.Paid() {
		return nil
	}
	return cutPrompt(q, in, g.cfg.NumCtx)
}

// check refuses the reply of another group. Its own hosts may take over from
// each other.
func (g *group) check(r response, reply *routing.Reply) *routing.Error {
	if id := r.header.Get("x-litellm-model-id"); id != "" && reply.Model == g.Model() {
		reply.Model = id
	}
	by := r.header.Get("x-litellm-model-group")
	if by == g.Model() || by == "" && atoiOrZero(r.header.Get("x-litellm-attempted-fallbacks")) == 0 {
		return nil
	}
	return routing.Fail(routing.InvalidOutput,
		"the proxy answered with another group although told not to: "+policy.Shorten(by, 40), nil)
}

func atoiOrZero(s string) int { v, _ := strconv.Atoi(s); return v }

// cost is what the proxy says the call cost, whatever the call's end, else an
// estimate from the tokens used: the header is absent for models whose price
// the proxy does not know. What is not known stays at its reservation.
func (g *group) cost(r response, reply *routing.Reply, sent bool) {
	stated, err := strconv.ParseFloat(strings.TrimSpace(r.header.Get("x-litellm-response-cost")), 64)
	switch {
	case !sent:
		reply.Cost = routing.CostNone
	case err == nil && stated > 0 && stated <= routing.MaxCallUSD:
		reply.CostUSD, reply.Cost = stated, routing.CostStated
	case r.status == http.StatusOK && reply.In > 0:
		if usd, known := prices.Of(g.t, reply.Model, reply.In, reply.Out); known {
			reply.CostUSD, reply.Cost = usd, routing.CostEstimated
		}
	case refusedUnserved(r.status), err == nil && stated == 0 && r.status >= 500 && !timedOut(r.status):
		reply.Cost = routing.CostNone
	}
}

// refusedUnserved reports whether a status says that no model was asked.
func refusedUnserved(status int) bool { return status >= 300 && status < 500 && !timedOut(status) }

// timedOut reports whether a status says that somebody waited: the model may
// have been at work, and the proxy's cost of 0 says nothing.
func timedOut(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout || status == 499
}

// bounds are the keywords that providers refuse or drop. The reply is checked
// against the full schema here, so they only move into the description, where
// the model reads them.
var bounds = []string{"minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems",
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties"}

// portable writes a schema in the subset that every paid provider takes: object
// root; type, properties, required, enum, items, description; closed objects
// with all properties required. A schema outside of it is sent as it is.
func portable(schema json.RawMessage) json.RawMessage {
	var v map[string]any
	if json.Unmarshal(schema, &v) != nil {
		return schema
	}
	stripBounds(v)
	out, err := json.Marshal(v)
	if err != nil {
		return schema
	}
	return out
}

func stripBounds(schema map[string]any) {
	var said []string
	for _, bound := range bounds {
		if value, ok := schema[bound]; ok {
			said = append(said, fmt.Sprintf("%s %v", bound, value))
			delete(schema, bound)
		}
	}
	if len(said) > 0 {
		if text, ok := schema["description"].(string); ok && text != "" {
			said = slices.Insert(said, 0, text)
		}
		schema["description"] = strings.Join(said, ", ")
	}
	if items, ok := schema["items"].(map[string]any); ok {
		stripBounds(items)
	}
	properties, _ := schema["properties"].(map[string]any) // nil where there are none
	for _, p := range properties {
		if p, ok := p.(map[string]any); ok {
			stripBounds(p)
		}
	}
}
