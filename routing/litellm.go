package routing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"
)

// proxy is a LiteLLM proxy; each of its model groups is a tier. The order of
// tiers is this router's: the proxy is told to retry and fall back on nothing,
// so that the two do not multiply and no paid model answers as another.
type proxy struct {
	cfg     Config
	client  func() *http.Client
	session func() string
}

func newProxy(cfg Config) *proxy {
	cfg.ProxyURL = strings.TrimRight(cfg.ProxyURL, "/")
	return &proxy{cfg: cfg,
		client:  sync.OnceValue(func() *http.Client { return newClient(cfg.ConnectTimeout) }),
		session: sync.OnceValue(uuid.NewString)}
}

// group is one model group of the proxy as a tier.
type group struct {
	*proxy
	t Tier
}

func (p *proxy) group(t Tier) group { return group{p, t} }

func (g group) tier() Tier  { return g.t }
func (g group) key() string { return g.cfg.ProxyURL + " " + g.model() }
func (g group) paid() bool  { return g.t != Local }

// model is the group's name at the proxy: the plan calls the local one "free".
func (g group) model() string {
	if g.t == Local {
		return "free"
	}
	return string(g.t)
}

func (g group) probe(ctx context.Context) *Error {
	_, fault := g.get(ctx, "/health/readiness")
	return fault
}

type chatBody struct {
	Model            string          `json:"model"`
	Messages         []chatMessage   `json:"messages"`
	MaxTokens        int             `json:"max_tokens"`
	Temperature      float64         `json:"temperature"`
	ResponseFormat   *responseFormat `json:"response_format,omitempty"`
	NumRetries       int             `json:"num_retries"`
	DisableFallbacks bool            `json:"disable_fallbacks"`
	User             string          `json:"user"`
	SessionID        string          `json:"litellm_session_id"`
	Metadata         struct {
		Tags []string `json:"tags"`
	} `json:"metadata"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type responseFormat struct {
	Type   string `json:"type"`
	Schema struct {
		Name   string          `json:"name"`
		Strict bool            `json:"strict"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

func (g group) body(q question) ([]byte, error) {
	b := chatBody{Model: g.model(), MaxTokens: q.MaxTokens, Temperature: q.temperature(),
		DisableFallbacks: true, User: "localmodel", SessionID: g.session()}
	for _, m := range q.messages {
		b.Messages = append(b.Messages, chatMessage(m))
	}
	b.Metadata.Tags = []string{"gate:" + q.Purpose}
	if q.TicketID != "" {
		b.Metadata.Tags = append(b.Metadata.Tags, "ticket:"+q.TicketID)
	}
	if q.Schema != nil {
		f := &responseFormat{Type: "json_schema"}
		f.Schema.Name, f.Schema.Strict = q.Purpose, true
		f.Schema.Schema = portable(q.Schema)
		b.ResponseFormat = f
	}
	return json.Marshal(b)
}

// portable strips from a schema the bounds that some providers refuse; the
// reply is checked against the full schema here.
func portable(schema json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(schema, &v) != nil {
		return schema
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, isSchema := v["type"].(string); isSchema {
				for _, bound := range []string{"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern"} {
					delete(v, bound)
				}
			}
			for _, child := range v {
				strip(child)
			}
		case []any:
			for _, child := range v {
				strip(child)
			}
		}
	}
	strip(v)
	out, err := json.Marshal(v)
	if err != nil {
		return schema
	}
	return out
}

func (g group) ask(ctx context.Context, q question) (reply, *Error) {
	body, err := g.body(q)
	if err != nil {
		return reply{}, fail(InvalidOutput, "the request cannot be written", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.ProxyURL+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return reply{}, fail(Unavailable, "the proxy's address is not valid", err)
	}
	req.Header.Set("Content-Type", "application/json")
	defer narrate(q.Request, progressEvery, func() (string, int) { return "waiting for " + g.model(), 0 })()
	resp, data, fault := g.send(req)
	if fault != nil {
		return reply{}, fault
	}
	if resp.StatusCode != http.StatusOK {
		return reply{}, g.refused(resp.StatusCode, resp.Header, data)
	}
	return g.read(resp.Header, data)
}

// read takes a 200 apart: it counts only with a choice that stopped by itself.
func (g group) read(h http.Header, data []byte) (reply, *Error) {
	if !gjson.ValidBytes(data) {
		return reply{}, fail(Unavailable, "the proxy sent something that is not JSON", nil)
	}
	doc := gjson.ParseBytes(data)
	r := reply{text: []byte(doc.Get("choices.0.message.content").Str), model: doc.Get("model").Str,
		in: int(doc.Get("usage.prompt_tokens").Int()), out: int(doc.Get("usage.completion_tokens").Int())}
	if id := h.Get("x-litellm-model-id"); id != "" && (r.model == "" || r.model == g.model()) {
		r.model = id
	}
	if r.model == "" {
		r.model = g.model()
	}
	if g.paid() {
		r.cost, r.estimated = g.cost(h, r)
	}
	switch finish := doc.Get("choices.0.finish_reason").Str; {
	case n(h.Get("x-litellm-attempted-fallbacks")) > 0:
		return r, fail(InvalidOutput, "the proxy answered with another group although told not to: "+shorten(h.Get("x-litellm-model-group"), 40), nil)
	case !doc.Get("choices.0").Exists():
		return r, fail(InvalidOutput, "the proxy's answer has no choices", nil)
	case finish == "length":
		return r, fail(InvalidOutput, fmt.Sprintf("the answer was cut at %d tokens", r.out), nil)
	case finish != "stop":
		return r, fail(InvalidOutput, "the answer ended with "+shorten(finish, 40), nil)
	}
	return r, nil
}

func n(s string) int { v, _ := strconv.Atoi(s); return v }

// send makes the HTTP call with the key and reads a bounded body.
func (p *proxy) send(req *http.Request) (*http.Response, []byte, *Error) {
	req.Header.Set("User-Agent", "localmodel/"+p.cfg.Version)
	if p.cfg.ProxyKey != "" {
		req.Header.Set("Authorization", "Bearer "+p.cfg.ProxyKey)
	}
	resp, err := p.client().Do(req)
	if err != nil {
		return nil, nil, p.unreachable(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes+1))
	switch {
	case err != nil:
		return nil, nil, p.unreachable(err)
	case len(data) > maxReplyBytes:
		return nil, nil, fail(Unavailable, fmt.Sprintf("the proxy's answer has more than %d bytes", maxReplyBytes), nil)
	}
	return resp, data, nil
}

func (p *proxy) unreachable(err error) *Error {
	if dialTimeout(err) {
		return fail(Timeout, limitError{"connection to the proxy at " + p.cfg.ProxyURL, p.cfg.ConnectTimeout, "LOCALMODEL_CONNECT_TIMEOUT"}.Error(), err)
	}
	return &Error{Kind: Unavailable, Err: err, Reason: "the proxy is not reachable at " + p.cfg.ProxyURL + " (" + netCause(err) + ")",
		Fix: "litellm --config integration/litellm/config.yaml --host 127.0.0.1 --port 8000"}
}

func (p *proxy) get(ctx context.Context, path string) ([]byte, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.cfg.ProxyURL+path, nil)
	if err != nil {
		return nil, fail(Unavailable, "the proxy's address is not valid", err)
	}
	resp, data, fault := p.send(req)
	if fault != nil {
		return nil, fault
	}
	if resp.StatusCode != http.StatusOK {
		return nil, p.refused(resp.StatusCode, resp.Header, data)
	}
	if !gjson.ValidBytes(data) {
		return nil, fail(Unavailable, p.cfg.ProxyURL+" answers, but not as LiteLLM does", nil)
	}
	return data, nil
}

const fixKey = "export LITELLM_MASTER_KEY=<the proxy's master key>"

var tryAgain = regexp.MustCompile(`Try again in (\d+) seconds`)

// refused sorts the proxy's errors by status and text: neither says enough
// alone (a wrong key is 400 without a database, 401 may be tags or the
// provider's key, 429 may be a budget or a cooling deployment).
func (p *proxy) refused(status int, h http.Header, data []byte) *Error {
	msg := flatten(gjson.GetBytes(data, "error"))
	kind := gjson.GetBytes(data, "error.type").String()
	low := strings.ToLower(msg)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(low, w) {
				return true
			}
		}
		return false
	}
	e := &Error{Kind: Unavailable, Reason: fmt.Sprintf("the proxy answers %d: %s", status, shorten(p.hide(msg), 140))}
	switch {
	case has("tags configuration"):
		e.Kind, e.Reason, e.Fix = Auth, "the proxy refuses by tag filtering", "remove enable_tag_filtering from the proxy's configuration"
	case kind == "no_db_connection" && status < 500, has("no connected db"):
		e.Kind, e.Reason, e.Fix = Auth, "the proxy does not know our key", fixKey
	case status == http.StatusInternalServerError && kind == "internal_server_error" && !gjson.GetBytes(data, "error.code").Exists():
		e.Kind, e.Reason, e.Fix = Auth, "the proxy got no key", fixKey
	case has("budget has been exceeded", "crossed budget"), kind == "budget_exceeded":
		e.Kind, e.Reason, e.Fix = BudgetSpent, "the proxy's own budget is spent", "raise max_budget in the proxy's configuration, or wait for its period to end"
	case has("contextwindowexceeded", "context_length_exceeded") || saysTooLong(low):
		e.Kind, e.Reason = ContextOverflow, "the prompt does not fit the model's context window"
	case has("invalid model name"):
		e.Kind, e.Reason, e.Fix = ModelMissing, "the proxy has no such model group", "add the group to model_list in the proxy's configuration"
	case has("no deployments available", "no healthy deployments"):
		e.Kind, e.Reason = Busy, "the proxy's deployment is cooling down"
	case status == http.StatusUnauthorized && has("virtual key", "token_not_found", "invalid proxy server token"), kind == "token_not_found_in_db", kind == "expired_key":
		e.Kind, e.Reason, e.Fix = Auth, "the proxy does not accept our key", fixKey
	case status == http.StatusUnauthorized:
		e.Kind, e.Reason, e.Fix = Auth, "the provider does not accept the proxy's key", "set the provider's key (ANTHROPIC_API_KEY) for the proxy and restart it"
	case status == http.StatusForbidden:
		e.Kind, e.Fix = Auth, "allow this key the model group in the proxy"
	case status == http.StatusNotFound:
		e.Kind = ModelMissing
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		e.Kind, e.Reason = Timeout, "the proxy's own time-out ran out"
	case status == http.StatusTooManyRequests:
		e.Kind, e.Reason = Busy, "rate limited"
	}
	if m := tryAgain.FindStringSubmatch(msg); m != nil {
		e.RetryAfter = time.Duration(n(m[1])) * time.Second
	} else if s := n(h.Get("retry-after")); s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	if e.RetryAfter > 0 {
		e.Reason += ", again in " + e.RetryAfter.String()
	}
	return e
}

// hide keeps the key out of a text the proxy may have put it in.
func (p *proxy) hide(text string) string {
	if len(p.cfg.ProxyKey) < 4 {
		return text
	}
	return strings.ReplaceAll(text, p.cfg.ProxyKey, "[key]")
}
