// Package calls keeps model calls as rows, and as sums by hour that outlive the rows.
package calls

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Bounds of a call.
const (
	maxTokens = 1_000_000_000
	maxUSD    = 1e6
)

// Call is one model call, whatever its end.
type Call struct {
	At                                                    time.Time
	Purpose, TicketID, Tier, Model, Digest, PromptVersion string
	TokensIn, TokensOut                                   int
	CostUSD                                               float64
	Estimated, Paid                                       bool
	MS                                                    int64
	Result                                                string // ok, or why not
}

// bounded makes a call one that every reader can read.
func (c Call) bounded() Call {
	for _, text := range []*string{&c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion, &c.Result} {
		*text = journal.Clip(*text, journal.MaxField)
	}
	c.TokensIn, c.TokensOut = min(max(c.TokensIn, 0), maxTokens), min(max(c.TokensOut, 0), maxTokens)
	c.MS = max(c.MS, 0)
	if !(c.CostUSD >= 0 && c.CostUSD <= maxUSD) { // NaN too
		c.CostUSD, c.Estimated = 0, true
	}
	return c
}

// insert writes model calls, and the digest that each model had.
func insert(ctx context.Context, tx sqldb.Q, p *journal.Project, calls []Call, _ time.Time) error {
	digests := map[string]string{}
	project := p.ID
	sums := newTally(ctx, tx, project)
	slices.SortStableFunc(calls, func(a, b Call) int { return a.At.Compare(b.At) })
	for _, c := range calls {
		if err := sums.call(c); err != nil {
			return err
		}
		if err := tx.Exec(ctx, `INSERT INTO calls (project, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, project, c.At.UnixMilli(), c.Purpose, c.TicketID, c.Tier, c.Model, c.Digest, c.PromptVersion,
			c.TokensIn, c.TokensOut, c.CostUSD, sqldb.Flag(c.Estimated), sqldb.Flag(c.Paid), c.MS, c.Result); err != nil {
			return fmt.Errorf("insert call: %w", err)
		}
		if c.Digest != "" {
			digests[c.Model] = c.Digest
		}
	}
	for model, digest := range digests {
		if err := tx.Exec(ctx, `INSERT INTO models (project, model, digest) VALUES (?, ?, ?)
ON CONFLICT (project, model) DO UPDATE SET digest = excluded.digest`, project, model, digest); err != nil {
			return fmt.Errorf("insert model: %w", err)
		}
	}
	// Replies that nothing can follow any more, a few at a time.
	settled := calls[len(calls)-1].At.Add(-settleAfter).UnixMilli()
	if err := sums.settle(Answer, `id IN (SELECT id FROM answers WHERE project = ? AND purpose <> 'plan' AND at < ? LIMIT ?)`,
		project, settled, settleAtOnce); err != nil {
		return err
	}
	return sums.save()
}

const localTier = string(policy.Local)
