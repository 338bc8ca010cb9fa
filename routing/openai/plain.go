package openai

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// NewLocal makes the local tier of a plain server. It dials nothing.
func NewLocal(cfg Config) routing.Backend { return newPlain(cfg) }

func newPlain(cfg Config) *plain {
	p := &plain{client: newClient("the local server", "start the server that LOCALMODEL_LOCAL_URL names", cfg)}
	p.seen.Store(&facts{})
	return p
}

// maxDescribed bounds how many models of a list the server is asked about.
const maxDescribed = 20

// ListLocal returns the models of a plain server, and its version where it
// reports one. MaxContext is the window each is served with.
func ListLocal(ctx context.Context, cfg Config) (version string, models []routing.Listed, fault *routing.Error) {
	p := newPlain(cfg)
	defer p.Close()
	all := p.askFacts(ctx)
	for _, name := range all.models {
		if name == "" || len(models) == maxDescribed {
			continue
		}
		p.cfg.Model = name
		f := p.askFacts(ctx)
		if f.fault != nil {
			return version, models, f.fault
		}
		version = f.version
		models = append(models, routing.Listed{Name: name, MaxContext: f.window, Remote: f.remote})
	}
	return version, models, all.fault
}

// plain is one model of a plain server.
type plain struct {
	*client
	seen atomic.Pointer[facts]
}

// keepFacts is how long what a server reports of itself is taken to stay.
const keepFacts = 10 * time.Second

func (p *plain) Tier() policy.Tier                 { return policy.Local }
func (p *plain) Model() string                     { return p.cfg.Model }
func (p *plain) Paid() bool                        { return false }
func (p *plain) Estimate(routing.Question) float64 { return 0 }

// Window is what the server reported, at most what is configured.
func (p *plain) Window() int {
	if told := p.seen.Load().window; told > 0 {
		return min(told, p.cfg.NumCtx)
	}
	return p.cfg.NumCtx
}

// RemoteModel asks where the model runs: a server may be Ollama, whose list
// names the host of a cloud model. It is asked anew each time.
func (p *plain) RemoteModel(ctx context.Context) (place.Host, *routing.Error) {
	f := p.look(ctx, 0)
	return place.Host{Name: f.remote}, f.fault
}

// AskDigest names the weights behind the model's name, as far as it is reported.
func (p *plain) AskDigest(ctx context.Context) string { return p.look(ctx, keepFacts).digest }

func (p *plain) Probe(ctx context.Context) *routing.Error {
	_, fault := p.get(ctx, "/v1/models", p.refused)
	return fault
}

// Ask asks the model, if the server lists it: some answer with whatever model
// they have, whichever is asked for.
func (p *plain) Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error) {
	f := p.look(ctx, keepFacts)
	if fault := f.problem(p.cfg.Model); fault != nil {
		return routing.Reply{Cost: routing.CostNone}, fault
	}
	reply, fault := p.ask(ctx, p, f.id, q)
	if reply.Model == f.id {
		reply.Model = p.cfg.Model
	}
	reply.Digest, reply.Remote = f.digest, f.remote
	return reply, fault
}

func (p *plain) body(*chatBody, routing.Question)              {}
func (p *plain) cost(_ response, r *routing.Reply, _ bool)     { r.Cost = routing.CostNone }
func (p *plain) check(response, *routing.Reply) *routing.Error { return nil }

// cutPrompt asks for the window again where it was not reported: Ollama has one
// only when the model is loaded.
func (p *plain) cutPrompt(ctx context.Context, q routing.Question, in int) *routing.Error {
	window := p.seen.Load().window
	if window == 0 {
		window = p.look(ctx, 0).window
	}
	return cutPrompt(q, in, window)
}

// Check looks what the server has. It makes no call to the model.
func (p *plain) Check(ctx context.Context) routing.Check {
	f := p.look(ctx, 0)
	c := routing.Check{Server: p.what, URL: p.Address(), Version: f.version, Model: p.cfg.Model,
		Present: f.id != "", Digest: f.digest, Remote: f.remote, ContextLength: f.window, Loaded: f.window > 0, Models: f.models}
	if fault := f.problem(p.cfg.Model); fault != nil {
		c.Error, c.Fix = fault.Reason, fault.Fix
		return c
	}
	c.OK = true
	if f.window == 0 {
		c.Note = fmt.Sprintf("%s does not report its context window: a prompt that is too long for it may be cut unseen; "+
			"LOCALMODEL_NUM_CTX (%d) must not be larger than the window it was started with", p.what, p.cfg.NumCtx)
	}
	return c
}

// facts are what a server reports of itself and of the model.
type facts struct {
	models  []string // that it lists
	id      string   // of ours; "" = it is not listed
	version string
	window  int // tokens; 0 = not reported
	digest  string
	remote  string // the host that the model runs on; "" = the server's own
	fault   *routing.Error
	at      time.Time
}

// problem is why the model cannot be asked; nil = it can.
func (f facts) problem(model string) *routing.Error {
	if f.fault != nil || f.id != "" {
		return f.fault
	}
	e := &routing.Error{Kind: routing.ModelMissing,
		Reason: "the local server does not have model " + policy.Shorten(model, maxName),
		Fix:    "load a model into the local server"}
	if len(f.models) > 0 {
		e.Reason += "; it has " + policy.Shorten(strings.Join(f.models, ", "), 200)
		e.Fix = "export LOCALMODEL_MODEL=" + quoted(f.models[0])
	}
	return e
}

// quoted is a word for a shell.
func quoted(word string) string {
	if strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("._-:/@+", r) && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	}) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// look asks the server for its facts, unless those known are younger than keep.
func (p *plain) look(ctx context.Context, keep time.Duration) facts {
	seen := p.seen.Load()
	if keep > 0 && seen.fault == nil && time.Since(seen.at) < keep {
		return *seen
	}
	f := p.askFacts(ctx)
	if f.window == 0 && f.fault != nil {
		f.window = seen.window
	}
	f.at = time.Now()
	p.seen.Store(&f)
	return f
}

func (p *plain) askFacts(ctx context.Context) (f facts) {
	list, fault := p.get(ctx, "/v1/models", p.refused)
	f.models, f.fault = namesIn(list), fault
	var ours gjson.Result
	list.Get("data").ForEach(func(_, m gjson.Result) bool {
		if sameName(m, p.cfg.Model) {
			ours, f.id = m, m.Get("id").Str
		}
		return f.id == ""
	})
	if f.id == "" {
		return f
	}
	f.window = firstTokens(ours, "meta.n_ctx", "max_model_len", "loaded_context_length",
		"context_length", "context_window")
	f.digest = digestOf(ours)
	p.askOllama(ctx, &f)
	p.askProps(ctx, &f)
	p.askLMStudio(ctx, &f)
	return f
}

// sameName reports whether a listed model is the one that is configured: by its
// id or an alias, the file's name standing for its path.
func sameName(listed gjson.Result, model string) bool {
	names := []string{listed.Get("id").Str}
	listed.Get("aliases").ForEach(func(_, alias gjson.Result) bool {
		names = append(names, alias.Str)
		return len(names) < maxListed
	})
	for _, name := range names {
		base := path.Base(strings.ReplaceAll(name, `\`, "/"))
		forms := []string{strings.TrimSuffix(name, ":latest"), base, strings.TrimSuffix(base, ".gguf")}
		for _, form := range forms {
			same := form != "" && strings.EqualFold(form, strings.TrimSuffix(model, ":latest"))
			if same || strings.EqualFold(name, model) {
				return true
			}
		}
	}
	return false
}

func firstTokens(v gjson.Result, paths ...string) int {
	for _, at := range paths {
		if n := tokens(v.Get(at)); n > 0 {
			return n
		}
	}
	return 0
}

// digestOf identifies the weights where the server reports no digest: the name
// and what is known of the size.
func digestOf(m gjson.Result) string {
	what := m.Get("id").Str
	for _, at := range []string{"meta.n_params", "meta.size", "meta.ftype", "root"} {
		what += " " + m.Get(at).Raw
	}
	sum := sha256.Sum256([]byte(what))
	return hex.EncodeToString(sum[:])
}

// quiet asks for what only some servers have.
func (p *plain) quiet(ctx context.Context, path string) gjson.Result {
	doc, _ := p.get(ctx, path, p.refused) // what is refused is not there
	return doc
}

// askOllama takes what Ollama's own interface reports beside /v1: the digest, the
// host of a cloud model, and the window of the model that is loaded.
func (p *plain) askOllama(ctx context.Context, f *facts) {
	find := func(list gjson.Result) (found gjson.Result) {
		list.Get("models").ForEach(func(_, m gjson.Result) bool {
			if sameTag(m.Get("name").Str, f.id) {
				found = m
			}
			return !found.Exists()
		})
		return found
	}
	m := find(p.quiet(ctx, "/api/tags"))
	digest := strings.TrimPrefix(m.Get("digest").Str, "sha256:")
	if digest == "" {
		return
	}
	f.digest = policy.Shorten(digest, maxName)
	f.version = policy.Shorten(p.quiet(ctx, "/api/version").Get("version").Str, 40)
	f.remote = policy.Shorten(cmp.Or(m.Get("remote_host").Str, m.Get("remote_model").Str), maxName)
	if n := tokens(find(p.quiet(ctx, "/api/ps")).Get("context_length")); n > 0 {
		f.window = n
	}
}

func sameTag(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, ":latest"), strings.TrimSuffix(b, ":latest"))
}

// askProps takes the window of llama.cpp's server and of llamafile.
func (p *plain) askProps(ctx context.Context, f *facts) {
	if f.window > 0 && f.version != "" {
		return
	}
	props := p.quiet(ctx, "/props")
	if n := firstTokens(props, "default_generation_settings.n_ctx", "n_ctx"); n > 0 {
		f.window = n
	}
	if f.version == "" {
		f.version = policy.Shorten(props.Get("build_info").Str, 40)
	}
}

// askLMStudio takes the window of the model that LM Studio has loaded.
func (p *plain) askLMStudio(ctx context.Context, f *facts) {
	if f.window > 0 {
		return
	}
	p.quiet(ctx, "/api/v0/models").Get("data").ForEach(func(_, m gjson.Result) bool {
		if m.Get("id").Str == f.id {
			f.window = tokens(m.Get("loaded_context_length"))
		}
		return f.window == 0
	})
}

// refused describes a plain server's errors by status, type and code.
func (p *plain) refused(a response) *routing.Error {
	doc, text := httpclient.ErrorIn(a.data, p.cfg.Key)
	kind := doc.Get("type").String()
	code := doc.Get("code").String()
	said := policy.Shorten(text, 140)
	model := policy.Shorten(p.cfg.Model, maxName)
	e := &routing.Error{Kind: routing.Unavailable, RetryAfter: httpclient.RetryAfter(a.header, time.Now()),
		Reason: httpclient.Answers(p.what, a.status, text)}
	is := func(k routing.Kind, reason, fix string) { e.Kind, e.Reason, e.Fix = k, reason, fix }
	switch {
	case httpclient.PlainOnTLS(a.status, a.data):
		is(routing.Unavailable, p.what+" speaks TLS on that port, not plain HTTP", httpclient.FixTLS)
	case a.status == http.StatusUnauthorized:
		is(routing.Auth, p.what+" does not accept our key",
			"export LOCALMODEL_LOCAL_KEY=<the key of the local server>")
		if p.cfg.Key == "" {
			e.Reason = p.what + " wants a key"
		}
	case a.status == http.StatusForbidden:
		is(routing.Forbidden, p.what+" forbids it: "+said, "")
	case kind == "exceed_context_size_error", code == "context_length_exceeded",
		a.status < 500 && httpclient.SaysTooLong(strings.ToLower(text)):
		is(routing.ContextOverflow, "the prompt does not fit the server's context window", fixWindow)
	case a.status == http.StatusNotFound && !doc.Exists():
		is(routing.Unavailable, p.Address()+" answers, but has no chat completions (404)",
			"check LOCALMODEL_LOCAL_URL")
	case a.status == http.StatusNotFound, code == "model_not_found":
		is(routing.ModelMissing, p.what+" does not have model "+model,
			"load it into the local server, or set LOCALMODEL_MODEL")
	case a.status == http.StatusServiceUnavailable && kind == "unavailable_error":
		is(routing.Loading, "the model is being loaded", "")
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
		is(routing.Busy, p.what+" is busy", "")
	}
	return e
}
