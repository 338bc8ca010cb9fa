package routing

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/tidwall/gjson"
)

// proxy is a LiteLLM proxy; each of its model groups is a tier. The order of
// tiers is this router's: the proxy is told to retry and fall back on nothing,
// so that the two do not multiply and no paid model answers as another.
type proxy struct {
	cfg     Config
	client  func() *http.Client
	session string // groups this process's calls in the proxy's records
	faults  faults
}

func newProxy(cfg Config) *proxy {
	cfg.ProxyURL = strings.TrimRight(cfg.ProxyURL, "/")
	return &proxy{cfg: cfg, session: "localmodel-" + rand.Text(),
		client: sync.OnceValue(func() *http.Client { return newClient(cfg.ConnectTimeout) })}
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
	NumRetries       *int            `json:"num_retries,omitempty"`
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
		DisableFallbacks: true, User: "localmodel", SessionID: g.session}
	if g.paid() {
		b.NumRetries = new(int) // a retry is another paid call
	} // else the proxy's configuration says: in a fleet a retry finds another host
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
		f.Schema.Schema = q.Schema // Ollama needs the bounds: a string without one can loop
		if g.paid() {
			f.Schema.Schema = portable(q.Schema)
		}
		b.ResponseFormat = f
	}
	return json.Marshal(b)
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
	defer narrate(q.Request, func() (string, int) { return "waiting for " + g.model(), 0 })()
	resp, data, fault := g.send(req)
	switch {
	case fault != nil && g.paid() && !neverSent(fault):
		return reply{cost: estimateCost(g.t, q), estimated: true}, fault // it may have been served
	case fault != nil:
		return reply{}, fault
	case resp.StatusCode != http.StatusOK:
		fault = g.refused(resp.StatusCode, resp.Header, data)
		g.faults.note(g.t, fault)
		return reply{}, fault
	}
	g.faults.forget(g.t)
	return g.read(resp.Header, data)
}

// neverSent says whether a call failed before the proxy can have had it.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
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
	r.cost, r.estimated = g.cost(h, r)
	switch finish := doc.Get("choices.0.finish_reason").Str; {
	case !g.answered(h):
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

// answered says whether the group that was asked is the one that answered. Its
// own hosts may take over from each other.
func (g group) answered(h http.Header) bool {
	if by := h.Get("x-litellm-model-group"); by != "" {
		return by == g.model()
	}
	return n(h.Get("x-litellm-attempted-fallbacks")) == 0
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
		return fail(Timeout, limitError{"connection to the proxy at " + p.shown(), p.cfg.ConnectTimeout, "LOCALMODEL_CONNECT_TIMEOUT"}.Error(), err)
	}
	return &Error{Kind: Unavailable, Err: err, Reason: "the proxy is not reachable at " + p.shown() + " (" + netCause(err) + ")",
		Fix: "git clone --depth 1 https://github.com/fjbelchi/localmodel && cd localmodel/integration/litellm && litellm --config config.yaml --host 127.0.0.1 --port 8000"}
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
		return nil, fail(Unavailable, p.shown()+" answers, but not as LiteLLM does", nil)
	}
	return data, nil
}

// shown is the proxy's address without a password that may stand in it.
func (p *proxy) shown() string {
	u, err := url.Parse(p.cfg.ProxyURL)
	if err != nil {
		return "the configured address"
	}
	return u.Redacted()
}
