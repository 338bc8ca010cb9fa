// Package ollama is the native backend of one Ollama server. It alone imports
// ollama/api.
package ollama

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/slots"
)

// Config is what the backend of one Ollama server needs to know. A limit of 0
// is taken for the default: Ollama takes some zeros for "no limit".
type Config struct {
	URL, Model string
	Key        string // OLLAMA_API_KEY, sent as a bearer token; "" = none
	NumCtx     int    // tokens; ONE value for every call, since another makes Ollama reload
	// KeepAlive is how long the model stays in memory: 0 = it is unloaded after
	// the call, below 0 = for good. With ServerKeepAlive none is sent, and the
	// server's own setting counts.
	KeepAlive       time.Duration
	ServerKeepAlive bool
	Slots           int    // local generations at once on this machine, over all processes
	SlotDir         string // where their lock files are, a directory of the user's own; "" = no limit
	ConnectTimeout, LoadTimeout,
	FirstTokenTimeout, TokenTimeout time.Duration
	LoadGrace time.Duration // how long a cold model may hold up a call that has another tier; 0 = 2 s
	Log       *slog.Logger
	Version   string // of this program, for User-Agent
}

func (c Config) withDefaults() Config {
	c.ConnectTimeout = cmp.Or(max(c.ConnectTimeout, 0), 2*time.Second)
	c.LoadTimeout = cmp.Or(max(c.LoadTimeout, 0), 10*time.Minute)
	c.FirstTokenTimeout = cmp.Or(max(c.FirstTokenTimeout, 0), 40*time.Second)
	c.TokenTimeout = cmp.Or(max(c.TokenTimeout, 0), 10*time.Second)
	c.LoadGrace = cmp.Or(max(c.LoadGrace, 0), 2*time.Second)
	c.NumCtx = cmp.Or(max(c.NumCtx, 0), 32768)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Backend is the local tier: /api/chat of one server. It uses Ollama's types
// and not its client, which returns no error on streams that die and allocates
// 8 MB a call.
type Backend struct {
	cfg           Config
	slots         *slots.Server
	slotsReported sync.Once
	client        func() *http.Client

	loadedUntil atomic.Pointer[time.Time] // the model was seen loaded, and need not be looked for until then
	traits      atomic.Pointer[traits]    // nil = not known yet

	mu       sync.Mutex
	loading  *load // the load under way in this process, if any
	digest   string
	digestAt time.Time
}

var _ interface {
	routing.Backend
	routing.Loader
	routing.Digester
	routing.Inspector
	routing.Puller
} = (*Backend)(nil)

// New makes the backend. It opens and dials nothing.
func New(cfg Config) *Backend {
	cfg = cfg.withDefaults()
	return &Backend{cfg: cfg, slots: slots.New(cfg.SlotDir, cfg.URL, cfg.Slots),
		client: sync.OnceValue(func() *http.Client { return httpclient.New(cfg.URL, cfg.ConnectTimeout) })}
}

// Close ends idle connections.
func (o *Backend) Close() { o.client().CloseIdleConnections() }

// Tier is the local one.
func (o *Backend) Tier() policy.Tier { return policy.Local }

// Model is the name that is asked for.
func (o *Backend) Model() string { return o.cfg.Model }

// Address is the server's URL.
func (o *Backend) Address() string { return o.cfg.URL }

// Paid is false.
func (o *Backend) Paid() bool { return false }

// Estimate is 0.
func (o *Backend) Estimate(routing.Question) float64 { return 0 }

// chatRequest is the same for every call and for the load but for messages,
// format and output limit: another num_ctx or shift would make the server
// reload the model.
func (o *Backend) chatRequest(messages []routing.Message) *api.ChatRequest {
	yes, no := true, false
	r := &api.ChatRequest{
		Model: o.cfg.Model, Messages: make([]api.Message, 0, len(messages)),
		Stream: &yes, Truncate: &no, Shift: &no,
		Options: map[string]any{"num_ctx": o.cfg.NumCtx},
	}
	if !o.cfg.ServerKeepAlive {
		r.KeepAlive = &api.Duration{Duration: o.cfg.KeepAlive}
	}
	for _, m := range messages {
		r.Messages = append(r.Messages, api.Message{Role: m.Role, Content: m.Content})
	}
	return r
}

// Ask loads the model where needed, waits for a slot and asks.
func (o *Backend) Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	if o.knownTraits(ctx).remote != "" { // nothing of it is loaded or limited here
		return o.chat(ctx, q)
	}
	if fault := o.ensureLoaded(ctx, q); fault != nil {
		return routing.Reply{}, fault
	}
	if q.Background {
		return o.askBehind(ctx, q)
	}
	start := time.Now()
	release, err := o.slots.Acquire(ctx, func(ahead func() int) func() {
		return q.Narrate(func() (string, int) {
			return fmt.Sprintf("waiting for a local slot for %s: place %d in the queue of this machine, slots %d",
				routing.Seconds(time.Since(start)), ahead()+1, o.slots.Slots()), 0
		})
	})
	if fault := o.slotFault(err); fault != nil {
		return routing.Reply{}, fault
	}
	defer release()
	rep, fault := o.chat(ctx, q)
	if fault != nil && fault.Kind != routing.ContextOverflow && fault.Kind != routing.InvalidOutput {
		o.loadedUntil.Store(nil) // whatever happened may have taken the model with it
	}
	return rep, fault
}

// askBehind asks in a slot that no call wants, and ends when one does.
func (o *Backend) askBehind(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	release, wanted, err := o.slots.AcquireBackground(ctx)
	if fault := o.slotFault(err); fault != nil {
		return routing.Reply{}, fault
	}
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-wanted:
			cancel(errWanted)
		case <-ctx.Done():
		}
	}()
	reply, fault := o.chat(ctx, q)
	if fault != nil && errors.Is(context.Cause(ctx), errWanted) {
		return reply, routing.Fail(routing.Busy, errWanted.Error(), nil)
	}
	return reply, fault
}

var errWanted = errors.New("interrupted by a call")

func (o *Backend) chat(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	r := o.chatRequest(q.Messages)
	r.Format = q.Schema
	r.Options["num_predict"] = q.MaxTokens
	o.sample(ctx, q, r.Options)
	if len(q.ConfidenceFields) > 0 {
		r.Logprobs, r.TopLogprobs = true, judge.MaxTop
	}
	if o.knownTraits(ctx).thinks {
		r.Think = &api.ThinkValue{Value: false}
	}
	first := o.cfg.FirstTokenTimeout
	if q.Patient {
		first = max(first, mostReading)
	}
	watch, stop := httpclient.WatchTokens(ctx, first, o.cfg.TokenTimeout)
	defer stop()
	defer q.Narrate(func() (string, int) {
		n := int(watch.Tokens.Load())
		if n == 0 {
			return o.cfg.Model + " is reading the prompt", 0
		}
		return fmt.Sprintf("%s: %d of at most %d tokens", o.cfg.Model, n, q.MaxTokens), n
	})()
	resp, fault := o.post(watch.Ctx, "/api/chat", r)
	if fault != nil {
		return routing.Reply{}, watch.Explain(fault)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, fault := o.readChat(resp.Body, watch)
	if fault != nil {
		return answer, watch.Explain(fault)
	}
	o.sawLoaded()
	answer.Model, answer.Digest = o.cfg.Model, o.AskDigest(ctx)
	return answer, nil
}

var errNoChunk = routing.Fail(routing.Unavailable, "the server sent something that is no chat chunk", nil)

// mostReading is how long a patient question may wait for its first token.
const mostReading = 15 * time.Minute

// sample sets how the reply is drawn. A server applies what the model's file
// carries where a request is silent, so that for free text only what it does
// not carry is sent.
func (o *Backend) sample(ctx context.Context, q routing.Question, options map[string]any) {
	options["seed"] = q.Seed()
	values := map[string]any{"temperature": q.Heat(), "repeat_penalty": 1.05} // its default changed between versions
	if p := q.TopP(); p > 0 {
		values["top_p"] = p
	}
	asked := map[string]bool{"temperature": q.Sampling.Temperature > 0, "top_p": q.Sampling.TopP > 0}
	carried := o.knownTraits(ctx).carries
	for name, value := range values {
		if asked[name] || !q.Sampling.Free || !slices.Contains(carried, name) {
			options[name] = value
		}
	}
}

// readChat collects the chunks. A reply counts only when the chunk that says
// done has come with the reason stop: a healthy server can end a 200 without
// either.
func (o *Backend) readChat(body io.Reader, watch *httpclient.Watch) (routing.Reply, *routing.Error) {
	var (
		text, thinking strings.Builder
		probs          []judge.TokenProb
		lines          = httpclient.NewLines(body)
		remote         string // the host the server says the model ran on
	)
	for {
		line, err := lines.Next()
		if err != nil {
			return routing.Reply{}, httpclient.BrokenOff(err)
		}
		if jsondepth.Check(line) != nil {
			return routing.Reply{}, errNoChunk
		}
		if msg := gjson.GetBytes(line, "error"); msg.Exists() && msg.Type != gjson.Null {
			return routing.Reply{}, o.refused(midAnswer, nil, line)
		}
		var c api.ChatResponse
		if err := json.Unmarshal(line, &c); err != nil {
			return routing.Reply{}, errNoChunk
		}
		if host := remoteName(c.RemoteHost, c.RemoteModel); host != "" {
			remote = host
		}
		text.WriteString(c.Message.Content)
		thinking.WriteString(c.Message.Thinking)
		for _, p := range c.Logprobs[:min(len(c.Logprobs), judge.MaxTokens-len(probs))] {
			probs = append(probs, probOf(p))
		}
		watch.Token()
		if !c.Done {
			continue
		}
		r := routing.Reply{Text: []byte(text.String()), Thinking: []byte(thinking.String()), Remote: remote,
			In: judge.Tokens(float64(c.PromptEvalCount)), Out: judge.Tokens(float64(c.EvalCount)), Probs: probs}
		switch {
		case c.DoneReason == "length":
			return r, routing.Fail(routing.InvalidOutput, fmt.Sprintf("the answer was cut at %d tokens", r.Out), nil)
		case c.DoneReason != "stop":
			return r, routing.Fail(routing.InvalidOutput, "the server broke the answer off", nil)
		}
		return r, nil
	}
}

func probOf(p api.Logprob) judge.TokenProb {
	t := judge.TokenProb{Token: tokenText(p.TokenLogprob), Logprob: p.Logprob}
	for _, alt := range p.TopLogprobs[:min(len(p.TopLogprobs), judge.MaxTop)] {
		t.Top = append(t.Top, judge.TokenProb{Token: tokenText(alt), Logprob: alt.Logprob})
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

// Window is the context window as it will be: a server gives no model more
// than it was made for.
func (o *Backend) Window() int {
	if t := o.traits.Load(); t != nil && t.most > 0 {
		return min(t.most, o.cfg.NumCtx)
	}
	return o.cfg.NumCtx
}
