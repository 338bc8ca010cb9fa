package routing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/breaker"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// call makes one model call and judges its reply: window and breaker before,
// budget around, ledger after.
func (u *run) call(ctx context.Context, b Backend, q Question, tail []Message, a *Attempt) (Reply, *Error) {
	r := u.router
	pass, fault := r.admit(ctx, b)
	if fault != nil {
		return Reply{}, u.ended(ctx, fault)
	}
	start := time.Now()
	place, fault := r.permit(ctx, b, u.route)
	if fault != nil {
		fault = u.ended(ctx, fault)
		r.health(b, pass, fault)
		if fault.Kind != Remote { // it was asked where its model runs and did not answer
			u.record(context.WithoutCancel(ctx), b, CallRecord{At: start, Model: a.Model}, fault)
		}
		return Reply{}, fault
	}
	a.Remote = !place.OnThisMachine()
	q.Messages = u.messages(a.Remote, tail)
	if fault := r.fits(b, q); fault != nil {
		pass.Abandon()
		return Reply{}, fault
	}
	estimate, settle, fault := r.reserve(ctx, b, q)
	if fault != nil {
		pass.Abandon()
		return Reply{}, u.ended(ctx, fault)
	}
	start = time.Now()
	rep, fault := b.Ask(ctx, q)
	rep.Model = policy.Shorten(rep.Model, maxName)
	if fault = u.ended(ctx, fault); fault == nil {
		if place, fault = r.cameFromAfar(b, rep, u.route); fault == nil {
			a.Remote = a.Remote || !place.OnThisMachine()
			fault = r.judge(q.Request, &rep)
		}
	}
	r.health(b, pass, fault)
	cost, estimated := settled(b, rep, estimate)
	r.raise(b, cost, b.Estimate(q))
	a.add(Attempt{TokensIn: rep.In, TokensOut: rep.Out, CostUSD: cost, CostEstimated: estimated && cost > 0})
	if rep.Model != "" {
		a.Model = rep.Model
	}
	// The row and the settlement are kept even if the caller is gone.
	after, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := settle(after, cost); err != nil {
		r.cfg.Log.Error("paid call not settled; its estimate stays counted", "tier", b.Tier(), "err", err)
	}
	u.record(after, b, CallRecord{At: start, Model: a.Model, Digest: rep.Digest, TokensIn: rep.In, TokensOut: rep.Out,
		CostUSD: cost, Estimated: estimated}, fault)
	r.learn(b, q, rep, fault)
	return rep, fault
}

func (u *run) record(ctx context.Context, b Backend, c CallRecord, fault *Error) {
	c.Purpose, c.TicketID, c.Tier, c.Paid = u.req.Purpose, u.req.TicketID, b.Tier(), b.Paid()
	c.MS, c.Result = time.Since(c.At).Milliseconds(), "ok"
	if fault != nil {
		c.Result = string(fault.Kind)
	}
	if err := u.router.ledger.Call(ctx, c); err != nil {
		u.router.cfg.Log.Warn("model call not recorded", "tier", b.Tier(), "err", err)
	}
}

// reserve keeps the estimate of a paid call back before it is made.
func (r *Router) reserve(ctx context.Context, b Backend, q Question) (estimate float64, settle func(context.Context, float64) error, fault *Error) {
	if !b.Paid() {
		return 0, func(context.Context, float64) error { return nil }, nil
	}
	estimate = b.Estimate(q)
	r.at(b, func(e *endpoint) { estimate *= max(1, e.raised) })
	settle, err := r.budget.Reserve(ctx, b.Tier(), estimate)
	if err == nil {
		return estimate, settle, nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return 0, nil, &Error{Kind: known.Kind, Reason: known.Reason, Fix: known.Fix, Err: err}
	}
	// Unrecorded money is not spent: no reservation, no paid call.
	return 0, nil, Fail(BudgetSpent, "the spending journal cannot be written, so no paid call is made", err)
}

// raise takes in a call that cost more than its estimate, in US dollars: the
// model is more expensive than the list says, and the next reservations must hold. A
// call that cost less lowers them again, slowly.
func (r *Router) raise(b Backend, cost, estimate float64) {
	if estimate > 0 && cost > 0 {
		r.at(b, func(e *endpoint) { e.raised = max(1, cost/estimate, e.raised*0.95) })
	}
}

// settled is what a call cost: finite and at least 0; unknown = the
// reservation.
func settled(b Backend, rep Reply, reserved float64) (usd float64, estimated bool) {
	switch {
	case rep.Cost == CostNone:
		return 0, false
	case rep.Cost == CostUnknown || !(rep.CostUSD >= 0 && rep.CostUSD <= MaxCallUSD):
		return reserved, b.Paid() // a free tier reserves 0
	}
	return prices.Round(rep.CostUSD), rep.Cost == CostEstimated
}

// learn keeps what a call has taught about the model's tokens.
func (r *Router) learn(b Backend, q Question, rep Reply, fault *Error) {
	switch {
	case rep.In > 0:
		r.gauge.learn(b.Model(), q.PromptBytes(), rep.In)
	case fault != nil && fault.Kind == ContextOverflow:
		r.gauge.overflowed(b.Model(), q.PromptBytes(), b.Window())
	}
}

// ended distinguishes a call that its caller ended, or that ran out of its time, from
// one that failed by itself.
func (u *run) ended(ctx context.Context, fault *Error) *Error {
	switch {
	case fault == nil:
		return nil
	case errors.Is(u.caller.Err(), context.Canceled):
		return Fail(Canceled, "canceled by the caller", fault)
	case ctx.Err() != nil && fault.Kind != Loading && fault.Kind != Busy && fault.Kind != Timeout:
		if limit, ok := errors.AsType[LimitError](context.Cause(ctx)); ok {
			return Fail(Timeout, limit.Error(), fault)
		}
		return Fail(Timeout, "no whole answer within the call's time (LOCALMODEL_DEADLINE)", fault)
	}
	return fault
}

// admit asks the breaker. In its half-open state a free probe goes first.
func (r *Router) admit(ctx context.Context, b Backend) (breaker.Pass, *Error) {
	var known endpoint
	r.at(b, func(e *endpoint) { known = *e })
	if wait := time.Until(known.cooling); wait > 0 {
		reason := "it asked not to be called again for another " + wait.Round(100*time.Millisecond).String()
		return breaker.Pass{}, &Error{Kind: Busy, RetryAfter: wait, Reason: reason}
	}
	pass, ok, retryIn := r.breaker.Allow(key(b))
	if !ok {
		reason := fmt.Sprintf("not asked after repeated failures, next try in %s", Seconds(retryIn))
		if known.last != "" {
			reason += " (" + known.last + ")"
		}
		return breaker.Pass{}, &Error{Kind: Unavailable, RetryAfter: retryIn, Reason: reason}
	}
	if !pass.HalfOpen {
		return pass, nil
	}
	fault := b.Probe(ctx)
	switch {
	case fault == nil:
	case ctx.Err() != nil:
		pass.Abandon() // says nothing of the endpoint
	default:
		pass.Failure()
	}
	return pass, fault
}

// bounds of what a server says and a row keeps.
const (
	maxName   = 120     // bytes of a model's name
	maxReason = 400     // bytes of a reason
	maxText   = 1 << 20 // bytes of a reply: far more than any question's limit of tokens

	// MaxCallUSD is the most that one call is believed to cost, US dollars.
	MaxCallUSD = 1000
)

// health reports to the breaker, and to the calls that come after, how one ended.
func (r *Router) health(b Backend, pass breaker.Pass, fault *Error) {
	switch {
	case fault == nil:
		pass.Success()
	case fault.Kind.infrastructure():
		pass.Failure()
		r.at(b, func(e *endpoint) { e.last = fault.Reason })
	case fault.Kind == InvalidOutput || fault.Kind == ContextOverflow || fault.Kind == LowConfidence:
		pass.Success() // it is alive, whatever it wrote
	default:
		pass.Abandon()
	}
	if fault != nil && fault.Kind == Busy && fault.RetryAfter > 0 {
		r.at(b, func(e *endpoint) { e.cooling = time.Now().Add(min(fault.RetryAfter, breaker.Longest)) })
	}
}

// maxRetryWait is how long an endpoint that asked for patience may hold up a call that
// has another tier.
const maxRetryWait = 2 * time.Second

// await waits for an endpoint that said when it may be asked again: while
// another tier could answer only where that is soon, else as long as there is
// time. It says whether to ask again.
func (r *Router) await(ctx context.Context, q Question, b Backend, fault *Error) bool {
	if fault == nil || fault.Kind != Busy || fault.RetryAfter <= 0 || (!q.Alone && fault.RetryAfter > maxRetryWait) {
		return false
	}
	if end, ok := ctx.Deadline(); !ok || time.Until(end) <= fault.RetryAfter+fault.RetryAfter/4 {
		return false
	}
	start := time.Now()
	defer q.Narrate(func() (string, int) {
		return fmt.Sprintf("%s is busy, asking again in %s", b.Model(), Seconds(fault.RetryAfter-time.Since(start))), 0
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

// refusedError marks a whole reply that is worth a repair round.
type refusedError struct{ error }

// Unwrap gives the defects.
func (e refusedError) Unwrap() error { return e.error }

var errNotJSON = errors.New("the reply is not JSON")

// judge reports whether a reply counts: not empty, fitting the schema, accepted,
// and the model sure enough. What is wrapped around an answer is taken off
// first.
func (r *Router) judge(req Request, rep *Reply) *Error {
	rep.answer = judge.Unwrap(rep.Text, rep.Thinking, req.Schema != nil)
	rep.Text = rep.answer.Text
	switch {
	case len(bytes.TrimSpace(rep.Text)) == 0:
		return Fail(InvalidOutput, "the reply is empty", nil)
	case len(rep.Text) > maxText:
		return Fail(InvalidOutput, fmt.Sprintf("the reply has more than %d bytes", maxText), nil)
	}
	if req.Schema != nil && !judge.IsJSON(rep.Text) {
		return Fail(InvalidOutput, errNotJSON.Error(), refusedError{errNotJSON})
	}
	if req.Schema != nil {
		if err := r.schemas.Check(req.Schema, rep.Text); err != nil {
			return Fail(InvalidOutput, "the reply does not fit its schema: "+policy.Shorten(err.Error(), 120), nil)
		}
	}
	if req.Accept != nil {
		if err := req.Accept(rep.Text); err != nil {
			return Fail(InvalidOutput, policy.Shorten(err.Error(), 300), refusedError{err})
		}
	}
	if c := req.confidence(*rep); c != nil && *c < r.cfg.MinConfidence {
		return Fail(LowConfidence, "low confidence "+policy.TwoDigits(*c), nil)
	}
	return nil
}

// confidence is that of the field asked about of which the model is least sure;
// nil where it is not known.
func (r Request) confidence(rep Reply) *float64 {
	return rep.answer.Confidence(r.Schema, r.ConfidenceFields, rep.Probs)
}

// repair describes the one repair round.
func (r Request) repair(text []byte, defects error) string {
	if r.Repair != nil {
		return r.Repair(text, defects)
	}
	return "Your last reply cannot be used: " + policy.Shorten(defects.Error(), 300) +
		". Answer again with the JSON object alone: no other text, no code fence."
}
