// Package calls keeps what became of model calls: a row for each, and sums by
// hour that outlive the rows.
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
	if err := sums.settleOld(calls[len(calls)-1].At); err != nil {
		return err
	}
	return sums.save()
}

const localTier = string(policy.Local)

// recentRows reads what Recent returns of the calls on disk.
func recentRows(ctx context.Context, q sqldb.Q, project int64, model string, since time.Time, n int) (got []Call, err error) {
	err = q.Each(ctx, `SELECT at, purpose, tokens_in, tokens_out, ms, result FROM calls
WHERE project = ? AND at >= ? AND model = ? AND tier = ? ORDER BY at DESC, id DESC LIMIT ?`, []any{project, since.UnixMilli(), model, localTier, n}, func(r sqldb.Row) error {
		var c Call
		var at int64
		err := r.Scan(&at, &c.Purpose, &c.TokensIn, &c.TokensOut, &c.MS, &c.Result)
		c.At = time.UnixMilli(at)
		got = append(got, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// readCalls reads a page of calls after a place, which it moves on.
func readCalls(ctx context.Context, q sqldb.Q, project int64, after *callPlace) (got []Call, err error) {
	last := *after
	err = q.Each(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE project = ? AND at >= ? AND (at > ? OR id > ?) ORDER BY at, id LIMIT ?`, []any{project, after.at, after.at, after.id, page}, func(r sqldb.Row) error {
		var c Call
		var estimated, paid int
		err := r.Scan(&last.id, &last.at, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
			&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result)
		c.At, c.Estimated, c.Paid = time.UnixMilli(last.at), estimated == 1, paid == 1
		got = append(got, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	*after = last
	return got, nil
}
