package routing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"
)

const (
	maxReplyBytes = 8 << 20 // a whole streamed reply
	maxLineBytes  = 1 << 20 // one chunk of it
)

// ollama is the local tier: /api/chat of one server. It uses Ollama's types and
// not its client, which returns no error on streams that die and allocates
// 8 MB a call.
type ollama struct {
	cfg     Config
	machine *machine
	client  func() *http.Client

	mu          sync.Mutex
	loadedUntil time.Time // the model was seen loaded, and need not be looked for until then
	loading     *load     // the load under way in this process, if any
	thinks      *bool     // whether the model has a thinking mode; nil = not known yet
	digest      string
	digestAt    time.Time
}

func newOllama(cfg Config, m *machine) *ollama {
	return &ollama{cfg: cfg, machine: m,
		client: sync.OnceValue(func() *http.Client { return newClient(cfg.ConnectTimeout) })}
}

func (o *ollama) tier() Tier    { return Local }
func (o *ollama) model() string { return o.cfg.Model }
func (o *ollama) key() string   { return o.cfg.OllamaURL + " " + o.cfg.Model }
func (o *ollama) paid() bool    { return false }

// probe is a free look whether the server lives, for the breaker's half-open
// state.
func (o *ollama) probe(ctx context.Context) *Error {
	_, err := o.get(ctx, "/api/version")
	return err
}

// chatRequest is the same for every call and for the load but for messages,
// format and output limit: another num_ctx or shift would make the server
// reload the model.
func (o *ollama) chatRequest(messages []message) *api.ChatRequest {
	yes, no := true, false
	r := &api.ChatRequest{
		Model: o.cfg.Model, Messages: make([]api.Message, 0, len(messages)),
		Stream: &yes, Truncate: &no, Shift: &no,
		KeepAlive: &api.Duration{Duration: o.cfg.KeepAlive},
		Options:   map[string]any{"num_ctx": o.cfg.NumCtx},
	}
	for _, m := range messages {
		r.Messages = append(r.Messages, api.Message{Role: m.Role, Content: m.Content})
	}
	return r
}

func (o *ollama) ask(ctx context.Context, q question) (reply, *Error) {
	if err := o.ensureLoaded(ctx, q); err != nil {
		return reply{}, err
	}
	release, err := o.machine.slot(ctx, q.Request)
	if err != nil {
		return reply{}, err
	}
	defer release()
	return o.chat(ctx, q)
}

func (o *ollama) chat(ctx context.Context, q question) (reply, *Error) {
	r := o.chatRequest(q.messages)
	r.Format = q.Schema
	r.Options["num_predict"] = q.MaxTokens
	r.Options["temperature"] = q.temperature()
	r.Options["seed"] = 42
	r.Options["repeat_penalty"] = 1.05 // its default changed between versions
	if q.ConfidenceField != "" {
		r.Logprobs, r.TopLogprobs = true, 20
	}
	if o.modelThinks(ctx) {
		r.Think = &api.ThinkValue{Value: false}
	}
	body, err := json.Marshal(r)
	if err != nil {
		return reply{}, fail(InvalidOutput, "the request cannot be written", err)
	}
	watch, stop := watchTokens(ctx, o.cfg.FirstTokenTimeout, o.cfg.TokenTimeout)
	defer stop()
	defer narrate(q.Request, progressEvery, func() (string, int) {
		n := int(watch.tokens.Load())
		if n == 0 {
			return o.cfg.Model + " is reading the prompt", 0
		}
		return fmt.Sprintf("%s: %d of at most %d tokens", o.cfg.Model, n, q.MaxTokens), n
	})()
	resp, fault := o.post(watch.ctx, "/api/chat", body)
	if fault != nil {
		return reply{}, watch.explain(fault)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, fault := o.readChat(resp.Body, watch)
	if fault != nil {
		return answer, watch.explain(fault)
	}
	o.sawLoaded()
	answer.model, answer.digest = o.cfg.Model, o.knownDigest()
	return answer, nil
}

// readChat collects the chunks. A reply counts only when the chunk that says
// done has come with the reason stop: a healthy server can end a 200 without
// either.
func (o *ollama) readChat(body io.Reader, watch *tokenWatch) (reply, *Error) {
	var (
		text  strings.Builder
		probs []tokenProb
		lines = newLines(body)
	)
	for {
		line, err := lines.next()
		if err != nil {
			return reply{}, fail(Unavailable, "the stream ended before the answer was done", err)
		}
		var c api.ChatResponse
		if err := json.Unmarshal(line, &c); err != nil {
			return reply{}, fail(Unavailable, "the server sent something that is no chat chunk", nil)
		}
		if msg := gjson.GetBytes(line, "error"); msg.Exists() {
			return reply{}, ollamaError(http.StatusInternalServerError, line)
		}
		text.WriteString(c.Message.Content)
		for _, p := range c.Logprobs {
			probs = append(probs, probOf(p))
		}
		watch.token()
		if !c.Done {
			continue
		}
		r := reply{text: []byte(text.String()), in: c.PromptEvalCount, out: c.EvalCount, probs: probs}
		switch {
		case c.DoneReason == "length":
			return r, fail(InvalidOutput, fmt.Sprintf("the answer was cut at %d tokens", c.EvalCount), nil)
		case c.DoneReason != "stop":
			return r, fail(InvalidOutput, "the server broke the answer off", nil)
		}
		return r, nil
	}
}

func probOf(p api.Logprob) tokenProb {
	t := tokenProb{token: p.Token, logprob: p.Logprob}
	for _, alt := range p.TopLogprobs {
		t.top = append(t.top, tokenProb{token: alt.Token, logprob: alt.Logprob})
	}
	return t
}

// modelThinks says whether think:false must be sent: to a model without a
// thinking mode the field is an error on some versions.
func (o *ollama) modelThinks(ctx context.Context) bool {
	o.mu.Lock()
	known := o.thinks
	o.mu.Unlock()
	if known != nil {
		return *known
	}
	body, err := json.Marshal(api.ShowRequest{Model: o.cfg.Model})
	if err != nil {
		return false
	}
	resp, fault := o.post(ctx, "/api/show", body)
	if fault != nil {
		return false
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	if err != nil {
		return false
	}
	thinks := strings.Contains(gjson.GetBytes(data, "capabilities").Raw, `"thinking"`)
	o.mu.Lock()
	o.thinks = &thinks
	o.mu.Unlock()
	return thinks
}

func (o *ollama) post(ctx context.Context, path string, body []byte) (*http.Response, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.cfg.OllamaURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fail(Unavailable, "the Ollama address is not valid", err)
	}
	req.Header.Set("Content-Type", "application/json")
	return o.do(req)
}

func (o *ollama) get(ctx context.Context, path string) ([]byte, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.cfg.OllamaURL+path, nil)
	if err != nil {
		return nil, fail(Unavailable, "the Ollama address is not valid", err)
	}
	resp, fault := o.do(req)
	if fault != nil {
		return nil, fault
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	if err != nil {
		return nil, o.unreachable(err)
	}
	if !gjson.ValidBytes(data) {
		return nil, fail(Unavailable, o.cfg.OllamaURL+" answers, but not as an Ollama server does", nil)
	}
	return data, nil
}

func (o *ollama) do(req *http.Request) (*http.Response, *Error) {
	req.Header.Set("User-Agent", "localmodel/"+o.cfg.Version)
	resp, err := o.client().Do(req)
	if err != nil {
		return nil, o.unreachable(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	fault := ollamaError(resp.StatusCode, data)
	if fault.Kind == ModelMissing {
		fault.Reason = "model " + o.cfg.Model + " is not there"
		fault.Fix = "ollama pull " + o.cfg.Model
	}
	return nil, fault
}

func (o *ollama) unreachable(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Unavailable, Reason: "Ollama is not reachable at " + o.cfg.OllamaURL + " (" + netCause(err) + ")", Fix: "ollama serve", Err: err}
}

// ollamaError sorts a failure by status and meaning; the words differ between
// versions, and newer ones nest the runner's own JSON as a string.
func ollamaError(status int, body []byte) *Error {
	text := flatten(gjson.GetBytes(body, "error"))
	low := strings.ToLower(text)
	reason := fmt.Sprintf("Ollama answers %d", status)
	if text != "" {
		reason += ": " + shorten(text, 160)
	}
	switch {
	case saysTooLong(low):
		return fail(ContextOverflow, "the prompt does not fit the model's context window", nil)
	case status == http.StatusNotFound && strings.Contains(low, "model"):
		return fail(ModelMissing, reason, nil)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fail(Auth, reason, nil)
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		return fail(Busy, reason, nil)
	}
	return fail(Unavailable, reason, nil)
}

// saysTooLong recognises a context overflow by meaning: "exceeds the context
// length" (to 0.29), "exceeds the available context size", "longer than the
// context length currently available" (from 0.30).
func saysTooLong(low string) bool {
	if !strings.Contains(low, "context") {
		return false
	}
	for _, word := range []string{"exceed", "longer", "too long", "too large"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return false
}

// flatten gets the words out of an error that may be a string, an object, or a
// string of JSON with either inside.
func flatten(v gjson.Result) string {
	for range 4 {
		switch {
		case v.IsObject() && v.Get("message").Exists():
			v = v.Get("message")
		case v.IsObject() && v.Get("error").Exists():
			v = v.Get("error")
		case v.Type == gjson.String && strings.HasPrefix(strings.TrimSpace(v.Str), "{") && gjson.Valid(v.Str):
			v = gjson.Parse(v.Str)
		default:
			return v.String()
		}
	}
	return v.String()
}
