package routing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/breaker"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

const (
	progressEvery = time.Second // how often a call reports what it is doing
	// While a tier is asked, this much of the call's time is kept for the tiers
	// behind it: the smaller of the two.
	reserveTime  = 15 * time.Second
	reserveShare = 0.3
	// And this much for the caller, who answers by rules when no tier did.
	floorTime  = time.Second
	floorShare = 0.05
)

// Router asks the tiers in order until one gives an answer that counts.
type Router struct {
	cfg      Config
	backends []Backend // in order of tiers
	ledger   Ledger
	budget   Budget
	breaker  *breaker.Breaker
	schemas  judge.Schemas
	gauge    *gauge

	mu        sync.Mutex
	endpoints map[string]*endpoint // by key
}

// endpoint is what is known of one endpoint and model.
type endpoint struct {
	cooling time.Time  // when it said that it may be asked again
	raised  float64    // by how much its estimates are raised
	last    string     // why it failed last, for when its breaker is open
	host    place.Host // where a local model runs, as of hostAt
	hostAt  time.Time
}

// at looks at what is known of a backend's endpoint, or changes it.
func (r *Router) at(b Backend, look func(*endpoint)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.endpoints[key(b)]
	if e == nil {
		e = &endpoint{}
		r.endpoints[key(b)] = e
	}
	look(e)
}

// New makes a router over backends in order of tiers. It opens and dials
// nothing.
func New(cfg Config, backends []Backend, ledger Ledger, budget Budget) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Router{
		cfg: cfg, backends: backends, ledger: ledger, budget: budget,
		breaker: breaker.New(time.Now), gauge: newGauge(), endpoints: map[string]*endpoint{},
	}
}

// tiers lists whom a route may ask, in order. Whether one may be asked where
// it runs is decided when its turn comes: permit.
func (r *Router) tiers(route policy.Route) []Backend {
	var out []Backend
	for _, b := range r.backends {
		isLocal := b.Tier() == policy.Local
		switch {
		case route == policy.OnlyCloud && isLocal, route == policy.OnlyLocal && !isLocal:
		case b.Paid() && !r.cfg.CloudAllowed:
		default:
			out = append(out, b)
		}
	}
	return out
}

// Complete asks the tiers of a route in order. The error is *Unanswered when
// none gave an answer that counts, in time included, else context.Canceled. It
// ends a little before the context's deadline, so that the caller can still
// answer by rules.
func (r *Router) Complete(ctx context.Context, route policy.Route, req Request) (Answer, error) {
	run := &run{router: r, route: route, req: req, start: time.Now(), caller: ctx}
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
		if run.loading == b.Tier() && len(tiers) > 1 && limited.Err() == nil {
			if answer, done, err := run.ask(limited, b, 0); done {
				return answer, err
			}
		}
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return Answer{}, err
	}
	return Answer{}, &Unanswered{Attempts: run.attempts, Closed: r.closed(tiers), Withheld: run.withheld}
}

// closed says which setting leaves nobody to ask.
func (r *Router) closed(tiers []Backend) string {
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
	route    policy.Route
	req      Request
	caller   context.Context //nolint:containedctx // of one call, gone with it
	start    time.Time
	attempts []Attempt
	loading  policy.Tier // the tier whose model is still loading

	redacted bool // Request.Remote was called
	remote   string
	withheld []string
}

// ask asks one tier. done means that the call is over: answered, or canceled.
func (u *run) ask(ctx context.Context, b Backend, behind int) (a Answer, done bool, err error) {
	rep, attempt, fault := u.try(ctx, b, behind)
	u.note(attempt)
	if fault == nil {
		usd, estimated := cost(u.attempts)
		return Answer{
			Text: rep.Text, Tier: b.Tier(), Model: rep.Model, Digest: rep.Digest, Remote: attempt.Remote,
			Confidence: u.req.confidence(rep), CostUSD: usd, CostEstimated: estimated,
			TokensIn: rep.In, TokensOut: rep.Out, Attempts: u.attempts, Withheld: u.withheld,
			MS: time.Since(u.start).Milliseconds(),
		}, true, nil
	}
	u.router.cfg.Log.Info("tier did not answer", "tier", b.Tier(), "kind", fault.Kind, "reason", fault.Reason)
	if fault.Kind == Loading {
		u.loading = b.Tier()
	}
	if fault.Kind == Canceled {
		return Answer{}, true, u.caller.Err()
	}
	return Answer{}, false, nil
}

// messages is what a tier is sent: a remote one gets what the caller lets leave
// the machine. tail is the repair round.
func (u *run) messages(remote bool, tail []Message) []Message {
	var out []Message
	if u.req.System != "" {
		out = append(out, Message{"system", u.req.System})
	}
	out = append(out, Message{"user", u.user(remote)})
	return append(out, tail...)
}

func (u *run) user(remote bool) string {
	if !remote || u.req.Remote == nil {
		return u.req.User
	}
	if !u.redacted {
		u.redacted = true
		u.remote, u.withheld = u.req.Remote()
	}
	return u.remote
}

// note adds an attempt. A tier that was asked twice without an answer is listed once, with
// its last word.
func (u *run) note(a Attempt) {
	for i, earlier := range u.attempts {
		if earlier.Tier == a.Tier && a.Kind != "" {
			a.add(earlier)
			u.attempts[i] = a
			return
		}
	}
	u.attempts = append(u.attempts, a)
}

// try asks one tier, within its share of the time left. A reply that was whole
// but not accepted gets one repair round, and an endpoint that says when it may
// be asked again is waited for once, where that is soon.
func (u *run) try(ctx context.Context, b Backend, behind int) (Reply, Attempt, *Error) {
	start := time.Now()
	a := Attempt{Tier: b.Tier(), Model: policy.Shorten(b.Model(), maxName)}
	if behind > 0 { // they need time, too
		var stop context.CancelFunc
		ctx, stop = keepTime(ctx, reserveTime, reserveShare)
		defer stop()
	}
	rep, fault := u.question(ctx, b, behind == 0, &a)
	a.MS = time.Since(start).Milliseconds()
	if fault != nil {
		fault = fault.of(b.Tier())
		fault.Reason = policy.Shorten(fault.Reason, maxReason)
		a.Kind, a.Reason, a.Fix = fault.Kind, fault.Reason, fault.Fix
	}
	return rep, a, fault
}

// question is try without its bookkeeping.
func (u *run) question(ctx context.Context, b Backend, alone bool, a *Attempt) (Reply, *Error) {
	r := u.router
	if ctx.Err() != nil {
		return Reply{}, u.ended(ctx, Fail(Timeout, "not asked, the call's time was over (LOCALMODEL_DEADLINE)", nil))
	}
	if fault := r.refuse(placeOf(b, place.Host{}), u.route); fault != nil {
		return Reply{}, fault
	}
	if fault := u.tooSlow(ctx, b, alone); fault != nil {
		return Reply{}, fault
	}
	q := Question{Request: u.req, Alone: alone}
	rep, fault := u.call(ctx, b, q, nil, a)
	if r.await(ctx, q, b, fault) {
		rep, fault = u.call(ctx, b, q, nil, a)
	}
	var refused refusedError
	if fault != nil && errors.As(fault.Err, &refused) && (u.req.Repair != nil || errors.Is(refused, errNotJSON)) {
		u.req.Report("the reply was refused; asking "+a.Model+" once more with the defects listed", 0)
		q.Sampling.Seed++
		first := fault
		rep, fault = u.call(ctx, b, q, []Message{
			{"assistant", string(rep.Text)},
			{"user", u.req.repair(rep.Text, refused.error)},
		}, a)
		fault = unrepaired(first, fault)
	}
	return rep, fault
}

// unrepaired is the fault of a repair round that failed for another cause than
// the reply's content: what was wrong with the first reply comes before it. A
// prompt that is too long only with the defects is no fault of the caller's.
func unrepaired(first, fault *Error) *Error {
	if fault == nil || errors.As(fault.Err, &refusedError{}) {
		return fault
	}
	both := *fault
	both.Reason = first.Reason + "; repair round: " + fault.Reason
	if fault.Kind == ContextOverflow {
		both.Kind = InvalidOutput
	}
	return &both
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
	return context.WithTimeoutCause(ctx, left, LimitError{"whole answer", left.Round(100 * time.Millisecond), "LOCALMODEL_DEADLINE"})
}

// Digest is the local model's digest if the server reports it quickly, else "".
// A server on another machine is asked only where route local may: a call on
// that route looks the digest up too.
func (r *Router) Digest(ctx context.Context) string {
	local := r.local()
	b, ok := local.(Digester)
	if !ok || r.forbidden(local, policy.OnlyLocal) != nil {
		return ""
	}
	return b.AskDigest(ctx)
}

// Preload starts loading the local model and returns; the load goes on.
func (r *Router) Preload(ctx context.Context) error {
	b, ok := r.local().(Loader)
	if !ok {
		return errors.New("the local tier loads its models itself")
	}
	_, fault := r.permit(ctx, r.local(), policy.Auto)
	if fault == nil {
		fault = b.Preload(ctx)
	}
	return ofLocal(fault)
}

// Loading is closed when the model's load under way has ended; nil where there
// is none. A process that ends takes its load along, so one that has nothing
// else to do waits for it.
func (r *Router) Loading() <-chan struct{} {
	if b, ok := r.local().(Loader); ok {
		return b.Loading()
	}
	return nil
}

// ofLocal is a fault of the local tier as the Router hands it out; nil = none.
func ofLocal(fault *Error) error {
	if fault == nil {
		return nil
	}
	return fault.of(policy.Local)
}
