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
	traits      *traits   // nil = not known yet
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
	rep, fault := o.chat(ctx, q)
	if fault != nil && fault.Kind != ContextOverflow && fault.Kind != InvalidOutput {
		o.forgetLoaded() // whatever happened may have taken the model with it
	}
	return rep, fault
}

func (o *ollama) chat(ctx context.Context, q question) (reply, *Error) {
	r := o.chatRequest(q.messages)
	r.Format = q.Schema
	r.Options["num_predict"] = q.MaxTokens
	r.Options["temperature"] = q.temperature()
	r.Options["seed"] = 42
	r.Options["repeat_penalty"] = 1.05 // its default changed between versions
	if len(q.ConfidenceFields) > 0 {
		r.Logprobs, r.TopLogprobs = true, 20
	}
	if o.modelTraits(ctx).thinks {
		r.Think = &api.ThinkValue{Value: false}
	}
	body, err := json.Marshal(r)
	if err != nil {
		return reply{}, fail(InvalidOutput, "the request cannot be written", err)
	}
	watch, stop := watchTokens(ctx, o.cfg.FirstTokenTimeout, o.cfg.TokenTimeout)
	defer stop()
	defer narrate(q.Request, func() (string, int) {
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
			return reply{}, brokenOff(err)
		}
		if msg := gjson.GetBytes(line, "error"); msg.Exists() && msg.Type != gjson.Null {
			return reply{}, ollamaError(midAnswer, line)
		}
		var c api.ChatResponse
		if err := json.Unmarshal(line, &c); err != nil {
			return reply{}, fail(Unavailable, "the server sent something that is no chat chunk", nil)
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

// brokenOff words a stream that ended before its time.
func brokenOff(err error) *Error {
	var size sizeError
	switch {
	case errors.As(err, &size):
		return fail(Unavailable, size.Error(), nil)
	case errors.Is(err, io.EOF):
		return fail(Unavailable, "the stream ended before the answer was done", err)
	}
	return fail(Unavailable, "the stream broke before the answer was done ("+netCause(err)+")", err)
}

func probOf(p api.Logprob) tokenProb {
	t := tokenProb{token: tokenText(p.TokenLogprob), logprob: p.Logprob}
	for _, alt := range p.TopLogprobs {
		t.top = append(t.top, tokenProb{token: tokenText(alt), logprob: alt.Logprob})
	}
	return t
}

// tokenText prefers a token's bytes: it may end in the middle of a character,
// which a JSON string cannot say.
func tokenText(p api.TokenLogprob) string {
	if len(p.Bytes) == 0 {
		return p.Token
	}
	b := make([]byte, 0, len(p.Bytes))
	for _, v := range p.Bytes {
		b = append(b, byte(v)) //nolint:gosec // a byte by contract
	}
	return string(b)
}

// traits are what a call needs to know of a model.
type traits struct {
	thinks bool // think:false must be sent; without a thinking mode the field is an error on some versions
	most   int  // tokens of context the model was made for; 0 = not said
}

// modelTraits asks the server once. One that does not tell is asked again by
// the next call; a thinking model's answer is then caught by its schema.
func (o *ollama) modelTraits(ctx context.Context) traits {
	o.mu.Lock()
	known := o.traits
	o.mu.Unlock()
	if known != nil {
		return *known
	}
	body, err := json.Marshal(api.ShowRequest{Model: o.cfg.Model})
	if err != nil {
		return traits{}
	}
	ctx, stop := o.soon(ctx)
	defer stop()
	resp, fault := o.post(ctx, "/api/show", body)
	if fault != nil {
		return traits{}
	}
	data, fault := o.read(ctx, resp)
	if fault != nil {
		return traits{}
	}
	t := traits{thinks: strings.Contains(gjson.GetBytes(data, "capabilities").Raw, `"thinking"`)}
	info := gjson.GetBytes(data, "model_info")
	arch := info.Get(gjson.Escape("general.architecture")).Str
	t.most = int(info.Get(gjson.Escape(arch + ".context_length")).Int())
	o.mu.Lock()
	o.traits = &t
	o.mu.Unlock()
	return t
}

// window is the context window as it will be: a server gives no model more
// than it was made for.
func (o *ollama) window() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.traits; t != nil && t.most > 0 {
		return min(t.most, o.cfg.NumCtx)
	}
	return o.cfg.NumCtx
}

// soon bounds a question that a living server answers at once.
func (o *ollama) soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, o.cfg.ConnectTimeout,
		limitError{"answer from Ollama's control API", o.cfg.ConnectTimeout, "LOCALMODEL_CONNECT_TIMEOUT"})
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
	ctx, stop := o.soon(ctx)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.cfg.OllamaURL+path, nil)
	if err != nil {
		return nil, fail(Unavailable, "the Ollama address is not valid", err)
	}
	resp, fault := o.do(req)
	if fault != nil {
		return nil, fault
	}
	return o.read(ctx, resp)
}

// read takes the whole of a control answer.
func (o *ollama) read(ctx context.Context, resp *http.Response) ([]byte, *Error) {
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes))
	if err != nil {
		return nil, o.unreachable(ctx, err)
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
		return nil, o.unreachable(req.Context(), err)
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

func (o *ollama) unreachable(ctx context.Context, err error) *Error {
	var limit limitError
	switch {
	case dialTimeout(err):
		limit = limitError{"connection to " + o.cfg.OllamaURL, o.cfg.ConnectTimeout, "LOCALMODEL_CONNECT_TIMEOUT"}
		return &Error{Kind: Timeout, Reason: limit.Error(), Fix: "ollama serve", Err: err}
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &limit):
		return fail(Timeout, limit.Error(), err)
	}
	return &Error{Kind: Unavailable, Reason: "Ollama is not reachable at " + o.cfg.OllamaURL + " (" + netCause(err) + ")", Fix: "ollama serve", Err: err}
}

// midAnswer stands for the status of an error in the middle of a 200.
const midAnswer = 0

// busyPause is how soon a server that is busy may be asked again: it does not
// say.
const busyPause = 500 * time.Millisecond

// ollamaError sorts a failure by status and meaning; the words differ between
// versions, and newer ones nest the runner's own JSON as a string.
func ollamaError(status int, body []byte) *Error {
	text := flatten(gjson.GetBytes(body, "error"))
	low := strings.ToLower(text)
	reason := fmt.Sprintf("Ollama answers %d", status)
	if status == midAnswer {
		reason = "Ollama broke the answer off"
	}
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
		return &Error{Kind: Busy, Reason: reason, RetryAfter: busyPause}
	case status == http.StatusBadRequest, strings.Contains(low, "format"), strings.Contains(low, "schema"):
		return fail(InvalidOutput, reason, nil) // it minds the question, so it lives
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
