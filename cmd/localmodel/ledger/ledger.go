// Package ledger connects the router and the journal: calls and money.
// Routing and statestore know nothing of each other.
package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/money"
)

// Calls writes the router's calls into the journal.
type Calls struct {
	Store *statestore.Store
	Team  bool // other machines write to it, too
}

// Call records one call.
func (l Calls) Call(ctx context.Context, c routing.CallRecord) error {
	return l.Store.Calls.Add(ctx, calls.Call{At: c.At, Purpose: c.Purpose, TicketID: c.TicketID, Tier: string(c.Tier),
		Model: c.Model, Digest: c.Digest, PromptVersion: prompts.Version, TokensIn: c.TokensIn, TokensOut: c.TokensOut,
		CostUSD: c.CostUSD, Estimated: c.Estimated, Paid: c.Paid, MS: c.MS, Result: c.Result})
}

// Timings are what the forecast of a local call is made from. Speeds of another
// week, or of another machine's model, say little; who was given up an hour ago
// is tried again.
func (l Calls) Timings(ctx context.Context, model string) ([]policy.Timing, error) {
	const calls, days, retry = 30, 7, time.Hour
	if l.Team {
		return nil, nil // their speeds are not this machine's
	}
	recent, err := l.Store.Calls.Recent(ctx, model, time.Now().AddDate(0, 0, -days), calls)
	var out []policy.Timing
	for _, c := range recent {
		timedOut := c.Result == string(routing.Timeout)
		switch {
		case timedOut && time.Since(c.At) > retry:
		case timedOut, c.Result == "ok", c.Result == string(routing.InvalidOutput), c.Result == string(routing.LowConfidence):
			out = append(out, policy.Timing{
				Purpose: c.Purpose, In: c.TokensIn, Out: c.TokensOut,
				Took: time.Duration(c.MS) * time.Millisecond, TimedOut: timedOut,
			})
		}
	}
	return out, err
}

// Budget keeps paid calls within the day's cap.
type Budget struct {
	Store  *statestore.Store
	CapUSD float64 // US dollars
}

// Reserve holds an estimate, US dollars, before the call that it is for. The
// error is a routing.Error where the cap would be exceeded.
func (b Budget) Reserve(ctx context.Context, tier policy.Tier, estimateUSD float64) (func(context.Context, float64) error, error) {
	id, _, err := b.Store.Reserve(ctx, string(tier), estimateUSD, b.CapUSD)
	if errors.Is(err, money.ErrBudget) {
		return nil, &routing.Error{Tier: tier, Kind: routing.BudgetSpent, Err: err,
			Reason: "today's budget is spent (LOCALMODEL_CLOUD_DAILY_USD), paid tiers open again at midnight UTC",
			Fix:    "export LOCALMODEL_CLOUD_DAILY_USD=<more>"}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, usd float64) error { return b.Store.Settle(ctx, id, usd) }, nil
}

// Unrecorded keeps the calls of an evaluation out of the journal.
type Unrecorded struct{}

// Call does nothing.
func (Unrecorded) Call(context.Context, routing.CallRecord) error { return nil }

// Wallet holds what the user agreed to pay.
type Wallet struct {
	mu   sync.Mutex
	left float64 // USD
}

// Fill puts an amount in.
func (w *Wallet) Fill(usd float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = usd
}

// Reserve takes an estimate out; what it returns puts back what was not spent.
func (w *Wallet) Reserve(_ context.Context, tier policy.Tier, estimateUSD float64) (func(context.Context, float64) error, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if estimateUSD > w.left {
		return nil, &routing.Error{Tier: tier, Kind: routing.BudgetSpent, Reason: "the amount agreed to is spent"}
	}
	w.left -= estimateUSD
	return func(_ context.Context, actualUSD float64) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.left += estimateUSD - actualUSD
		return nil
	}, nil
}
