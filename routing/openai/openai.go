// Package openai asks chat completions over HTTP: the model groups of a LiteLLM
// proxy.
package openai

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Config is what the client of one LiteLLM proxy needs to know.
type Config struct {
	URL, Key       string
	ConnectTimeout time.Duration // 0 = 2 s
	NumCtx         int           // context window of the group free, tokens
	PaidWindow     int           // of the paid groups, tokens; 0 = 200,000
	Version        string        // of this program, for User-Agent
}

// Server is a LiteLLM proxy; each of its model groups is a tier. The order of
// tiers is the Router's: the proxy is told to retry and fall back on nothing,
// so that the two do not multiply and no paid model answers as another.
type Server struct {
	cfg     Config
	client  func() *http.Client
	session string // groups this process's calls in the proxy's records
	faults  faults

	mu     sync.Mutex
	looked time.Time // when seen was found
	seen   listing
}

// New makes a client. It dials nothing.
func New(cfg Config) *Server {
	cfg.URL = strings.TrimRight(cfg.URL, "/")
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 2 * time.Second
	}
	if cfg.PaidWindow <= 0 {
		cfg.PaidWindow = 200_000
	}
	return &Server{cfg: cfg, session: "localmodel-" + rand.Text(),
		client: sync.OnceValue(func() *http.Client { return httpclient.New(cfg.URL, cfg.ConnectTimeout) })}
}

// Close ends idle connections.
func (p *Server) Close() { p.client().CloseIdleConnections() }

// group is one model group of the proxy as a tier.
type group struct {
	*Server
	t policy.Tier
}

// Tier makes a tier of one of the proxy's model groups.
func (p *Server) Tier(t policy.Tier) routing.Backend { return group{p, t} }

func (g group) Tier() policy.Tier { return g.t }
func (g group) Paid() bool        { return g.t != policy.Local }
func (g group) Address() string   { return g.shown() }

// RemoteModel cannot be told: of the hosts behind a group nothing is known.
func (g group) RemoteModel(context.Context) (string, *routing.Error) { return "", nil }

func (g group) Estimate(q routing.Question) float64 {
	if !g.Paid() {
		return 0
	}
	return routing.EstimateCost(g.t, q)
}

// Window is a paid group's, or for the group free the one its configuration
// must share with ours.
func (g group) Window() int {
	if g.Paid() {
		return g.cfg.PaidWindow
	}
	return g.cfg.NumCtx
}

// model is the group's name at the proxy: the plan calls the local one "free".
func (g group) Model() string {
	if g.t == policy.Local {
		return "free"
	}
	return string(g.t)
}

func (g group) Probe(ctx context.Context) *routing.Error {
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

func (g group) body(q routing.Question) ([]byte, error) {
	b := chatBody{Model: g.Model(), MaxTokens: q.MaxTokens, Temperature: q.Heat(),
		DisableFallbacks: true, User: "localmodel", SessionID: g.session}
	if g.Paid() {
		b.NumRetries = new(int) // a retry is another paid call
	} // else the proxy's configuration says: in a fleet a retry finds another host
	for _, m := range q.Messages {
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
		if g.Paid() {
			f.Schema.Schema = portable(q.Schema)
		}
		b.ResponseFormat = f
	}
	return json.Marshal(b)
}

func (g group) Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	body, err := g.body(q)
	if err != nil {
		return routing.Reply{}, routing.Fail(routing.InvalidOutput, "the request cannot be written", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.URL+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return routing.Reply{}, routing.Fail(routing.Unavailable, "the proxy's address is not valid", err)
	}
	req.Header.Set("Content-Type", "application/json")
	defer q.Narrate(func() (string, int) { return "waiting for " + g.Model(), 0 })()
	resp, data, fault := g.send(req)
	switch {
	case fault != nil && httpclient.NeverSent(fault):
		return routing.Reply{Cost: routing.CostNone}, fault
	case fault != nil:
		return routing.Reply{}, fault // it may have been served
	case resp.StatusCode != http.StatusOK:
		fault = g.refused(resp.StatusCode, resp.Header, data)
		g.faults.note(g.t, fault)
		return routing.Reply{Cost: routing.CostNone}, fault
	}
	g.faults.forget(g.t)
	return g.read(resp.Header, data)
}

// read takes a 200 apart: it counts only with a choice that stopped by itself.
func (g group) read(h http.Header, data []byte) (routing.Reply, *routing.Error) {
	if !httpclient.ValidJSON(data) {
		return routing.Reply{}, routing.Fail(routing.Unavailable, "the proxy sent something that is not JSON", nil)
	}
	doc := gjson.ParseBytes(data)
	message := doc.Get("choices.0.message")
	r := routing.Reply{
		Text: []byte(message.Get("content").Str), Thinking: []byte(message.Get("reasoning_content").Str),
		Model: doc.Get("model").Str,
		In:    int(doc.Get("usage.prompt_tokens").Int()), Out: int(doc.Get("usage.completion_tokens").Int()),
	}
	if id := h.Get("x-litellm-model-id"); id != "" && (r.Model == "" || r.Model == g.Model()) {
		r.Model = id
	}
	if r.Model == "" {
		r.Model = g.Model()
	}
	g.cost(h, &r)
	switch finish := doc.Get("choices.0.finish_reason").Str; {
	case !g.answered(h):
		return r, routing.Fail(routing.InvalidOutput, "the proxy answered with another group although told not to: "+policy.Shorten(h.Get("x-litellm-model-group"), 40), nil)
	case !doc.Get("choices.0").Exists():
		return r, routing.Fail(routing.InvalidOutput, "the proxy's answer has no choices", nil)
	case finish == "length":
		return r, routing.Fail(routing.InvalidOutput, fmt.Sprintf("the answer was cut at %d tokens", r.Out), nil)
	case finish != "stop":
		return r, routing.Fail(routing.InvalidOutput, "the answer ended with "+policy.Shorten(finish, 40), nil)
	}
	return r, nil
}

// answered says whether the group that was asked is the one that answered. Its
// own hosts may take over from each other.
func (g group) answered(h http.Header) bool {
	if by := h.Get("x-litellm-model-group"); by != "" {
		return by == g.Model()
	}
	return n(h.Get("x-litellm-attempted-fallbacks")) == 0
}

func n(s string) int { v, _ := strconv.Atoi(s); return v }

// send makes the HTTP call with the key and reads a bounded body.
func (p *Server) send(req *http.Request) (*http.Response, []byte, *routing.Error) {
	req.Header.Set("User-Agent", "localmodel/"+p.cfg.Version)
	if p.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+p.cfg.Key)
	}
	resp, err := p.client().Do(req)
	if err != nil {
		return nil, nil, p.unreachable(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, httpclient.MaxReplyBytes+1))
	switch {
	case err != nil:
		return nil, nil, p.unreachable(err)
	case len(data) > httpclient.MaxReplyBytes:
		return nil, nil, routing.Fail(routing.Unavailable, fmt.Sprintf("the proxy's answer has more than %d bytes", httpclient.MaxReplyBytes), nil)
	}
	return resp, data, nil
}

func (p *Server) limit() routing.LimitError {
	return routing.LimitError{What: "connection to the proxy at " + p.shown(), Limit: p.cfg.ConnectTimeout,
		Setting: "LOCALMODEL_CONNECT_TIMEOUT"}
}

func (p *Server) unreachable(err error) *routing.Error {
	if httpclient.DialTimeout(err) {
		return routing.Fail(routing.Timeout, p.limit().Error(), err)
	}
	cause, fix := httpclient.Cause(err)
	if fix == "" {
		fix = "git clone --depth 1 https://github.com/fjbelchi/localmodel && cd localmodel/integration/litellm && " +
			"litellm --config config.yaml --host 127.0.0.1 --port 8000"
	}
	return &routing.Error{Kind: routing.Unavailable, Err: err, Fix: fix,
		Reason: "the proxy is not reachable at " + p.shown() + " (" + cause + ")"}
}

func (p *Server) get(ctx context.Context, path string) ([]byte, *routing.Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.cfg.URL+path, nil)
	if err != nil {
		return nil, routing.Fail(routing.Unavailable, "the proxy's address is not valid", err)
	}
	resp, data, fault := p.send(req)
	if fault != nil {
		return nil, fault
	}
	if resp.StatusCode != http.StatusOK {
		return nil, p.refused(resp.StatusCode, resp.Header, data)
	}
	if !httpclient.ValidJSON(data) {
		return nil, routing.Fail(routing.Unavailable, p.shown()+" answers, but not as LiteLLM does", nil)
	}
	return data, nil
}

// shown is the proxy's address without a password that may stand in it.
func (p *Server) shown() string {
	u, err := url.Parse(p.cfg.URL)
	if err != nil {
		return "the configured address"
	}
	return u.Redacted()
}

// cost is what the proxy says the call cost, else an estimate from the tokens
// used. The header is absent for models whose price the proxy does not know.
func (g group) cost(h http.Header, r *routing.Reply) {
	if v, err := strconv.ParseFloat(h.Get("x-litellm-response-cost"), 64); err == nil && v > 0 {
		r.CostUSD, r.Cost = v, routing.CostStated
		return
	}
	if r.In > 0 && r.Out >= 0 {
		if usd, known := routing.CostOf(g.t, r.Model, r.In, r.Out); known {
			r.CostUSD, r.Cost = usd, routing.CostEstimated
		}
	}
}
