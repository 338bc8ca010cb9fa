package routing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// call makes one model call and judges its reply: window and breaker before,
// budget around, ledger after.
func (r *Router) call(whole, ctx context.Context, b backend, q question, a *Attempt) (reply, *Error) { //nolint:revive // two contexts: the caller's and the tier's share of it
	if fault := r.fits(ctx, b, q); fault != nil {
		return reply{}, fault
	}
	if fault := r.admit(ctx, b); fault != nil {
		return reply{}, r.ended(whole, ctx, fault)
	}
	estimate, settle, fault := r.reserve(ctx, b, q)
	if fault != nil {
		r.breaker.Abandon(b.key())
		return reply{}, r.ended(whole, ctx, fault)
	}
	start := time.Now()
	rep, fault := b.ask(ctx, q)
	if fault = r.ended(whole, ctx, fault); fault == nil {
		fault = r.judge(q.Request, rep)
	}
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
	r.learn(after, b, q, rep, fault)
	return rep, fault
}

// reserve keeps the estimate of a paid call back before it is made.
func (r *Router) reserve(ctx context.Context, b backend, q question) (estimate float64, settle func(context.Context, float64) error, fault *Error) {
	if !b.paid() {
		return 0, func(context.Context, float64) error { return nil }, nil
	}
	estimate = estimateCost(b.tier(), q)
	settle, err := r.budget.Reserve(ctx, b.tier(), estimate)
	if err == nil {
		return estimate, settle, nil
	}
	var known *Error
	if errors.As(err, &known) {
		return 0, nil, &Error{Kind: known.Kind, Reason: known.Reason, Fix: known.Fix, Err: err}
	}
	// Unrecorded money is not spent: no reservation, no paid call.
	return 0, nil, fail(BudgetSpent, "the spending journal cannot be written, so no paid call is made", err)
}

// mayHaveCost says whether a failed call may have been billed all the same.
func mayHaveCost(k Kind) bool { return k == Timeout || k == Canceled || k == InvalidOutput }

// learn keeps what a call has taught about the model's tokens.
func (r *Router) learn(ctx context.Context, b backend, q question, rep reply, fault *Error) {
	switch {
	case rep.in > 0:
		r.gauge.learn(ctx, b.model(), q.bytes(), rep.in)
	case fault != nil && fault.Kind == ContextOverflow:
		r.gauge.overflowed(ctx, b.model(), q.bytes(), b.window())
	}
}

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
	if wait := r.coolingFor(b.key()); wait > 0 {
		return &Error{Kind: Busy, RetryAfter: wait, Reason: "it asked not to be called again for another " + wait.Round(100*time.Millisecond).String()}
	}
	ok, halfOpen, retryIn := r.breaker.Allow(b.key())
	if !ok {
		reason := fmt.Sprintf("not asked after repeated failures, next try in %s", seconds(retryIn))
		if why := r.lastFault(b.key()); why != "" {
			reason += " (" + why + ")"
		}
		return &Error{Kind: Unavailable, RetryAfter: retryIn, Reason: reason, Err: errBreakerOpen}
	}
	if !halfOpen {
		return nil
	}
	fault := b.probe(ctx)
	switch {
	case fault == nil:
	case ctx.Err() != nil:
		r.breaker.Abandon(b.key()) // says nothing of the endpoint
	default:
		r.breaker.Failure(b.key())
	}
	return fault
}

var errBreakerOpen = errors.New("breaker open")

// health tells the breaker, and the calls that come after, how one ended.
func (r *Router) health(b backend, fault *Error) {
	switch {
	case fault == nil:
		r.breaker.Success(b.key())
	case fault.Kind.infrastructure():
		r.breaker.Failure(b.key())
		r.mu.Lock()
		r.last[b.key()] = fault.Reason
		r.mu.Unlock()
	case fault.Kind == InvalidOutput || fault.Kind == ContextOverflow || fault.Kind == LowConfidence:
		r.breaker.Success(b.key()) // it is alive, whatever it wrote
	default:
		r.breaker.Abandon(b.key())
	}
	if fault != nil && fault.Kind == Busy && fault.RetryAfter > 0 {
		r.mu.Lock()
		r.cooling[b.key()] = time.Now().Add(min(fault.RetryAfter, breakerMost))
		r.mu.Unlock()
	}
}

func (r *Router) lastFault(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[key]
}

func (r *Router) coolingFor(key string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Until(r.cooling[key])
	if wait <= 0 {
		delete(r.cooling, key)
	}
	return wait
}

// soon is how long an endpoint that asked for patience may hold up a call that
// has another tier.
const soon = 2 * time.Second

// await waits for an endpoint that said when it may be asked again: while
// another tier could answer only where that is soon, else as long as there is
// time. It says whether to ask again.
func (r *Router) await(ctx context.Context, q question, b backend, fault *Error) bool {
	if fault == nil || fault.Kind != Busy || fault.RetryAfter <= 0 || (!q.alone && fault.RetryAfter > soon) {
		return false
	}
	if end, ok := ctx.Deadline(); !ok || time.Until(end) <= fault.RetryAfter+fault.RetryAfter/4 {
		return false
	}
	start := time.Now()
	defer narrate(q.Request, func() (string, int) {
		return fmt.Sprintf("%s is busy, asking again in %s", b.model(), seconds(fault.RetryAfter-time.Since(start))), 0
	})()
	t := time.NewTimer(fault.RetryAfter + 10*time.Millisecond) // not a moment before it is due
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
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
	if c := sure(req, rep); c != nil && *c < r.cfg.MinConfidence {
		return fail(LowConfidence, "low confidence "+twoDigits(*c), nil)
	}
	return nil
}
