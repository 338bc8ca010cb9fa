package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools"
)

// parts is the program put together. Nothing is opened or dialled yet.
type parts struct {
	config *config
	store  *statestore.Store
	router *routing.Router
	deps   *tools.Deps
	log    *slog.Logger
	unmade string // path of the journal where the store is only an empty one in its place
}

func build(w world) *parts { return assemble(w, loadConfig(w.lookup)) }

func assemble(w world, c *config) *parts {
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: c.log}))
	guard := routing.Guard{Mode: c.guard}
	store := statestore.New(statestore.Options{State: c.state, Root: c.root, Log: log, Version: version(),
		Settle: func(state []byte, closed statestore.Closed) ([]byte, error) {
			return guard.Settle(closed.TicketID, state, closed.Escalated, time.Now())
		}})
	asking := c.routing(log)
	asking.Calibration = store
	router := routing.New(asking, ledger{store}, budget{store, c.dailyUSD})
	return &parts{config: c, store: store, router: router, log: log, deps: &tools.Deps{
		Root: c.root, Prefixes: c.prefixes, Model: c.model, NumCtx: c.numCtx, Deadline: c.deadline,
		Guard: guard, Asker: router, Room: router.Room, Journal: store, Problems: append(slices.Clone(c.problems), c.untrusted...), CloudAllowed: c.cloud, Log: log,
	}}
}

// routing is what the router needs to know of the configuration.
func (c *config) routing(log *slog.Logger) routing.Config {
	return routing.Config{
		OllamaURL: c.ollama, Model: c.model, Local: c.local, NumCtx: c.numCtx, KeepAlive: c.keepAlive.For, Slots: c.slots, SlotDir: c.slotDir(),
		ConnectTimeout: c.connect, LoadTimeout: c.load, FirstTokenTimeout: c.firstToken, TokenTimeout: c.token,
		MinConfidence: c.minConfidence, ProxyURL: c.proxy, ProxyKey: c.key, Fallback: c.fallback, CloudAllowed: c.cloud,
		Log: log, Version: version(),
	}
}

// ledger writes the router's calls into the journal: routing and statestore
// know nothing of each other.
type ledger struct{ store *statestore.Store }

func (l ledger) Call(ctx context.Context, c routing.CallRecord) error {
	return l.store.LogCall(ctx, statestore.Call{At: c.At, Purpose: c.Purpose, TicketID: c.TicketID, Tier: string(c.Tier),
		Model: c.Model, Digest: c.Digest, PromptVersion: prompts.Version, TokensIn: c.TokensIn, TokensOut: c.TokensOut,
		CostUSD: c.CostUSD, Estimated: c.Estimated, Paid: c.Paid, MS: c.MS, Result: c.Result})
}

// budget keeps paid calls within the day's cap.
type budget struct {
	store  *statestore.Store
	capUSD float64
}

func (b budget) Reserve(ctx context.Context, tier routing.Tier, estimateUSD float64) (func(context.Context, float64) error, error) {
	id, _, err := b.store.Reserve(ctx, string(tier), estimateUSD, b.capUSD)
	if errors.Is(err, statestore.ErrBudget) {
		return nil, &routing.Error{Tier: tier, Kind: routing.BudgetSpent, Err: err,
			Reason: "today's budget is spent (LOCALMODEL_CLOUD_DAILY_USD), paid tiers open again at midnight UTC",
			Fix:    "export LOCALMODEL_CLOUD_DAILY_USD=<more>"}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, usd float64) error { return b.store.Settle(ctx, id, usd) }, nil
}
