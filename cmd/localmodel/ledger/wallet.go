package ledger

import (
	"context"
	"sync"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

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
