package routing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"
)

const (
	progressEvery = 2 * time.Second // how often a call reports what it is doing
	loadGrace     = 2 * time.Second
	// While a tier is asked, this much of the call's time is kept for the tiers
	// behind it: the smaller of the two.
	reserveTime  = 15 * time.Second
	reserveShare = 0.3
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
	ollama  *ollama
	proxy   *proxy
}

// New makes a router. It opens and dials nothing.
func New(cfg Config, ledger Ledger, budget Budget) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.LoadGrace == 0 {
		cfg.LoadGrace = loadGrace
	}
	return &Router{cfg: cfg, ledger: ledger, budget: budget, breaker: NewBreaker(time.Now),
		ollama: newOllama(cfg, newMachine(cfg.SlotDir, cfg.OllamaURL, cfg.Slots)), proxy: newProxy(cfg)}
}

// tiers lists whom a route may ask, in order.
func (r *Router) tiers(route Route) []backend {
	var out []backend
	if route != OnlyCloud {
		switch {
		case r.cfg.Local != "proxy":
			out = append(out, r.ollama)
		case r.cfg.CloudAllowed || loopback(r.cfg.ProxyURL):
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

// loopback says whether a URL stays on this machine.
func loopback(address string) bool {
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
// none gave an answer that counts, else the context's own.
func (r *Router) Complete(ctx context.Context, route Route, req Request) (Answer, error) {
	start := time.Now()
	var attempts []Attempt
	var spent float64
	tiers := r.tiers(route)
	for i, b := range tiers {
		rep, attempt, fault := r.try(ctx, b, req, len(tiers)-1-i)
		spent += attempt.CostUSD
		attempts = append(attempts, attempt)
		if fault == nil {
			return Answer{Text: rep.text, Tier: b.tier(), Model: rep.model, Digest: rep.digest,
				Confidence: r.sure(req, rep), CostUSD: spent, CostEstimated: rep.estimated,
				TokensIn: rep.in, TokensOut: rep.out, Attempts: attempts, MS: time.Since(start).Milliseconds()}, nil
		}
		r.cfg.Log.Info("tier did not answer", "tier", b.tier(), "kind", fault.Kind, "reason", fault.Reason)
		if ctx.Err() != nil && fault.Kind == Canceled {
			return Answer{}, ctx.Err()
		}
	}
	return Answer{}, &Unanswered{Attempts: attempts}
}

func (r *Router) sure(req Request, rep reply) *float64 {
	if req.ConfidenceField == "" {
		return nil
	}
	return confidence(rep.text, req.ConfidenceField, enumOf(req.Schema, req.ConfidenceField), rep.probs)
}

// try asks one tier, within its share of the time left, and gives it one
// repair round where its reply was whole but not accepted.
func (r *Router) try(ctx context.Context, b backend, req Request, behind int) (reply, Attempt, *Error) {
	start := time.Now()
	a := Attempt{Tier: b.tier(), Model: b.model()}
	tierCtx, stop := share4tier(ctx, behind)
	defer stop()
	q := question{Request: req, alone: behind == 0}
	if req.System != "" {
		q.messages = append(q.messages, message{"system", req.System})
	}
	q.messages = append(q.messages, message{"user", req.User})

	rep, fault := r.call(ctx, tierCtx, b, q, &a)
	if fault == nil {
		fault = r.judge(req, rep)
	}
	var refused refusedError
	if fault != nil && req.Repair != nil && errors.As(fault.Err, &refused) {
		req.report("the reply was refused; asking "+b.model()+" once more with the defects listed", 0)
		q.messages = append(q.messages, message{"assistant", string(rep.text)}, message{"user", req.Repair(rep.text, refused.error)})
		if rep, fault = r.call(ctx, tierCtx, b, q, &a); fault == nil {
			fault = r.judge(req, rep)
		}
	}
	a.MS = time.Since(start).Milliseconds()
	if fault != nil {
		fault.Tier = b.tier()
		a.Kind, a.Reason, a.Fix = fault.Kind, fault.Reason, fault.Fix
	}
	return rep, a, fault
}

// share4tier limits one tier's time so that those behind it still have some.
func share4tier(ctx context.Context, behind int) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok || behind == 0 {
		return context.WithCancel(ctx)
	}
	left := time.Until(end)
	keep := min(reserveTime, time.Duration(float64(left)*reserveShare))
	return context.WithTimeoutCause(ctx, left-keep, limitError{"whole answer", (left - keep).Round(100 * time.Millisecond)})
}

// call makes one model call: breaker before, budget around, ledger after.
func (r *Router) call(whole, ctx context.Context, b backend, q question, a *Attempt) (reply, *Error) { //nolint:revive // two contexts: the caller's and the tier's share of it
	if fault := r.admit(ctx, b); fault != nil {
		return reply{}, fault
	}
	estimate := 0.0
	settle := func(context.Context, float64) error { return nil }
	if b.paid() {
		estimate = estimateCost(b.tier(), q)
		s, err := r.budget.Reserve(ctx, b.tier(), estimate)
		if err != nil {
			var known *Error
			if errors.As(err, &known) {
				return reply{}, &Error{Kind: known.Kind, Reason: known.Reason, Fix: known.Fix, Err: err}
			}
			// Unrecorded money is not spent: no reservation, no paid call.
			return reply{}, fail(BudgetSpent, "the spending journal cannot be written, so no paid call is made", err)
		}
		settle = s
	}
	start := time.Now()
	rep, fault := b.ask(ctx, q)
	fault = r.ended(whole, ctx, fault)
	r.health(b, fault)
	cost, estimated := rep.cost, rep.estimated
	if b.paid() && fault != nil && cost == 0 && mayHaveCost(fault.Kind) {
		cost, estimated = estimate, true // it may have been served: count it
	}
	a.TokensIn, a.TokensOut, a.CostUSD = a.TokensIn+rep.in, a.TokensOut+rep.out, a.CostUSD+cost
	if rep.model != "" {
		a.Model = rep.model
	}
	// The row and the settlement stand even if the caller is gone.
	after, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := settle(after, cost); err != nil {
		r.cfg.Log.Error("paid call not settled; its estimate stays counted", "tier", b.tier(), "err", err)
	}
	record := CallRecord{At: start, Purpose: q.Purpose, TicketID: q.TicketID, Tier: b.tier(), Model: a.Model, Digest: rep.digest,
		TokensIn: rep.in, TokensOut: rep.out, CostUSD: cost, Estimated: estimated, Paid: b.paid(),
		MS: time.Since(start).Milliseconds(), Result: "ok"}
	if fault != nil {
		record.Result = string(fault.Kind)
	}
	if err := r.ledger.Call(after, record); err != nil {
		r.cfg.Log.Warn("model call not recorded", "tier", b.tier(), "err", err)
	}
	return rep, fault
}

// mayHaveCost says whether a failed call may have been billed all the same.
func mayHaveCost(k Kind) bool { return k == Timeout || k == Canceled || k == InvalidOutput }

// ended tells a call that its caller ended, or that ran out of its time, from
// one that failed by itself.
func (r *Router) ended(whole, ctx context.Context, fault *Error) *Error { //nolint:revive // as call
	switch {
	case fault == nil:
		return nil
	case errors.Is(whole.Err(), context.Canceled):
		return fail(Canceled, "canceled by the caller", fault)
	case ctx.Err() != nil && fault.Kind != Loading && fault.Kind != Busy && fault.Kind != Timeout:
		var limit limitError
		if errors.As(context.Cause(ctx), &limit) {
			return fail(Timeout, limit.Error(), fault)
		}
		return fail(Timeout, "no whole answer within the call's time (LOCALMODEL_DEADLINE)", fault)
	}
	return fault
}

// admit asks the breaker. In its half-open state a free probe goes first.
func (r *Router) admit(ctx context.Context, b backend) *Error {
	ok, halfOpen, retryIn := r.breaker.Allow(b.key())
	if !ok {
		return &Error{Kind: Unavailable, RetryAfter: retryIn,
			Reason: fmt.Sprintf("not asked after repeated failures, next try in %s", seconds(retryIn)), Err: errBreakerOpen}
	}
	if !halfOpen {
		return nil
	}
	fault := b.probe(ctx)
	if fault != nil {
		r.breaker.Failure(b.key())
	}
	return fault
}

var errBreakerOpen = errors.New("breaker open")

func (r *Router) health(b backend, fault *Error) {
	switch {
	case fault == nil:
		r.breaker.Success(b.key())
	case fault.Kind.infrastructure():
		r.breaker.Failure(b.key())
	case fault.Kind == InvalidOutput || fault.Kind == ContextOverflow:
		r.breaker.Success(b.key()) // it is alive, whatever it wrote
	}
}

// refusedError marks a whole reply that the acceptance check refused.
type refusedError struct{ error }

// judge says whether a reply counts: not empty, fitting the schema, accepted,
// and the model sure enough.
func (r *Router) judge(req Request, rep reply) *Error {
	if len(bytes.TrimSpace(rep.text)) == 0 {
		return fail(InvalidOutput, "the reply is empty", nil)
	}
	if req.Schema != nil {
		if err := r.schemas.check(req.Schema, rep.text); err != nil {
			return fail(InvalidOutput, "the reply does not fit its schema: "+shorten(err.Error(), 120), nil)
		}
	}
	if req.Accept != nil {
		if err := req.Accept(rep.text); err != nil {
			return fail(InvalidOutput, shorten(err.Error(), 300), refusedError{err})
		}
	}
	if c := r.sure(req, rep); c != nil && *c < r.cfg.MinConfidence {
		return fail(LowConfidence, "low confidence "+twoDigits(*c), nil)
	}
	return nil
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
