package routing

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"
)

const (
	progressEvery = time.Second // how often a call reports what it is doing
	loadGrace     = 2 * time.Second
	// While a tier is asked, this much of the call's time is kept for the tiers
	// behind it: the smaller of the two.
	reserveTime  = 15 * time.Second
	reserveShare = 0.3
	// And this much for the caller, who answers by rules when no tier did.
	floorTime  = time.Second
	floorShare = 0.05
)

type message struct{ Role, Content string }

// question is a Request as one backend gets it.
type question struct {
	Request
	messages []message
	alone    bool // no other tier may be asked after this one
}

func (q question) temperature() float64 {
	if q.Temperature > 0 {
		return q.Temperature
	}
	return 0.2
}

// reply is what a backend gives back, not yet judged.
type reply struct {
	text          []byte
	model, digest string
	in, out       int // tokens
	probs         []tokenProb
	cost          float64 // USD
	estimated     bool
}

// backend is one tier's endpoint. Its errors are *Error without a tier.
type backend interface {
	tier() Tier
	model() string
	key() string // of its breaker: endpoint and model
	paid() bool
	window() int                      // tokens of prompt and reply together
	probe(ctx context.Context) *Error // a free sign of life
	ask(ctx context.Context, q question) (reply, *Error)
}

// Router asks the tiers in order until one gives an answer that counts.
type Router struct {
	cfg     Config
	ledger  Ledger
	budget  Budget
	breaker *Breaker
	schemas schemas
	gauge   *gauge
	ollama  *ollama
	proxy   *proxy

	mu      sync.Mutex
	cooling map[string]time.Time // endpoints that said when they may be asked again
	last    map[string]string    // why each endpoint failed last, for when its breaker is open
}

// New makes a router. It opens and dials nothing.
func New(cfg Config, ledger Ledger, budget Budget) *Router {
	cfg = cfg.withDefaults()
	return &Router{cfg: cfg, ledger: ledger, budget: budget, breaker: NewBreaker(time.Now), gauge: newGauge(cfg),
		cooling: map[string]time.Time{}, last: map[string]string{},
		ollama: newOllama(cfg, newMachine(cfg)), proxy: newProxy(cfg)}
}

// tiers lists whom a route may ask, in order.
func (r *Router) tiers(route Route) []backend {
	var out []backend
	if route != OnlyCloud {
		switch {
		case r.cfg.Local != "proxy":
			out = append(out, r.ollama)
		case r.cfg.CloudAllowed || Loopback(r.cfg.ProxyURL):
			out = append(out, r.proxy.group(Local))
		}
	}
	if route != OnlyLocal && r.cfg.CloudAllowed {
		for _, t := range r.cfg.Fallback {
			out = append(out, r.proxy.group(t))
		}
	}
	return out
}

// Loopback says whether a URL stays on this machine.
func Loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

// Complete asks the tiers of a route in order. The error is *Unanswered when
// none gave an answer that counts, in time included, else context.Canceled. It
// ends a little before the context's deadline, so that the caller can still
// answer by rules.
func (r *Router) Complete(ctx context.Context, route Route, req Request) (Answer, error) {
	run := &run{router: r, req: req, start: time.Now(), caller: ctx}
	limited, stop := keepTime(ctx, floorTime, floorShare)
	defer stop()
	tiers := r.tiers(route)
	for i, b := range tiers {
		if answer, done, err := run.ask(limited, b, len(tiers)-1-i); done {
			return answer, err
		}
	}
	// With nobody else left, a model that is loading is worth the rest of the
	// call's time.
	for _, b := range tiers {
		if run.loading == b.tier() && len(tiers) > 1 && limited.Err() == nil {
			if answer, done, err := run.ask(limited, b, 0); done {
				return answer, err
			}
		}
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return Answer{}, err
	}
	return Answer{}, &Unanswered{Attempts: run.attempts, Closed: r.closed(tiers)}
}

// closed says which setting leaves nobody to ask.
func (r *Router) closed(tiers []backend) string {
	switch {
	case len(tiers) > 0:
		return ""
	case !r.cfg.CloudAllowed:
		return "LOCALMODEL_CLOUD=never"
	}
	return "LOCALMODEL_FALLBACK names no tier"
}

// run is one Complete under way.
type run struct {
	router   *Router
	req      Request
	caller   context.Context //nolint:containedctx // of one call, gone with it
	start    time.Time
	attempts []Attempt
	spent    float64
	loading  Tier // the tier whose model is still loading
}

// ask asks one tier. done means that the call is over: answered, or canceled.
func (u *run) ask(ctx context.Context, b backend, behind int) (a Answer, done bool, err error) {
	rep, attempt, fault := u.router.try(ctx, b, u.req, behind)
	u.spent += attempt.CostUSD
	u.note(attempt)
	if fault == nil {
		return Answer{Text: rep.text, Tier: b.tier(), Model: rep.model, Digest: rep.digest,
			Confidence: sure(u.req, rep), CostUSD: u.spent, CostEstimated: rep.estimated,
			TokensIn: rep.in, TokensOut: rep.out, Attempts: u.attempts, MS: time.Since(u.start).Milliseconds()}, true, nil
	}
	u.router.cfg.Log.Info("tier did not answer", "tier", b.tier(), "kind", fault.Kind, "reason", fault.Reason)
	if fault.Kind == Loading {
		u.loading = b.tier()
	}
	if fault.Kind == Canceled {
		return Answer{}, true, u.caller.Err()
	}
	return Answer{}, false, nil
}

// note adds an attempt. A tier that was asked twice in vain stands once, with
// its last word.
func (u *run) note(a Attempt) {
	for i, earlier := range u.attempts {
		if earlier.Tier == a.Tier && a.Kind != "" {
			a.MS += earlier.MS
			u.attempts[i] = a
			return
		}
	}
	u.attempts = append(u.attempts, a)
}

// sure is the confidence of the least sure field asked about; nil where one of
// them cannot be told.
func sure(req Request, rep reply) *float64 {
	var least *float64
	for _, field := range req.ConfidenceFields {
		c := confidence(rep.text, field, enumOf(req.Schema, field), rep.probs)
		if c == nil {
			return nil
		}
		if least == nil || *c < *least {
			least = c
		}
	}
	return least
}

// try asks one tier, within its share of the time left. A reply that was whole
// but not accepted gets one repair round, and an endpoint that says when it may
// be asked again is waited for once, where that is soon.
func (r *Router) try(ctx context.Context, b backend, req Request, behind int) (reply, Attempt, *Error) {
	start := time.Now()
	a := Attempt{Tier: b.tier(), Model: b.model()}
	if ctx.Err() != nil {
		fault := r.ended(ctx, ctx, fail(Timeout, "not asked, the call's time was over (LOCALMODEL_DEADLINE)", nil))
		fault.Tier, a.Kind, a.Reason = b.tier(), fault.Kind, fault.Reason
		return reply{}, a, fault
	}
	tierCtx, stop := share4tier(ctx, behind)
	defer stop()
	q := question{Request: req, alone: behind == 0}
	if req.System != "" {
		q.messages = append(q.messages, message{"system", req.System})
	}
	q.messages = append(q.messages, message{"user", req.User})

	rep, fault := r.call(ctx, tierCtx, b, q, &a)
	if r.await(tierCtx, q, b, fault) {
		rep, fault = r.call(ctx, tierCtx, b, q, &a)
	}
	var refused refusedError
	if fault != nil && req.Repair != nil && errors.As(fault.Err, &refused) {
		req.report("the reply was refused; asking "+b.model()+" once more with the defects listed", 0)
		q.messages = append(q.messages, message{"assistant", string(rep.text)}, message{"user", req.Repair(rep.text, refused.error)})
		rep, fault = r.call(ctx, tierCtx, b, q, &a)
	}
	a.MS = time.Since(start).Milliseconds()
	if fault != nil {
		fault = &Error{Tier: b.tier(), Kind: fault.Kind, Reason: fault.Reason, Fix: fault.Fix, RetryAfter: fault.RetryAfter, Err: fault.Err}
		a.Kind, a.Reason, a.Fix = fault.Kind, fault.Reason, fault.Fix
	}
	return rep, a, fault
}

// keepTime ends a context earlier than its deadline by the smaller of a time
// and a share of what is left.
func keepTime(ctx context.Context, most time.Duration, share float64) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(end)
	left -= min(most, time.Duration(float64(left)*share))
	return context.WithTimeoutCause(ctx, left, limitError{"whole answer", left.Round(100 * time.Millisecond), "LOCALMODEL_DEADLINE"})
}

// share4tier limits one tier's time so that those behind it still have some.
func share4tier(ctx context.Context, behind int) (context.Context, context.CancelFunc) {
	if behind == 0 {
		return context.WithCancel(ctx)
	}
	return keepTime(ctx, reserveTime, reserveShare)
}

// Digest is the local model's digest if the server tells it quickly, else "".
func (r *Router) Digest(ctx context.Context) string {
	if r.cfg.Local == "proxy" {
		return ""
	}
	return r.ollama.askDigest(ctx)
}

// Preload starts loading the local model and returns; the load goes on.
func (r *Router) Preload(ctx context.Context) error {
	if r.cfg.Local == "proxy" {
		return errors.New("the local tier is the proxy's: it loads its models itself")
	}
	if loaded, fault := r.ollama.isLoaded(ctx); fault != nil {
		return fault
	} else if !loaded {
		r.ollama.startLoad()
	}
	return nil
}
