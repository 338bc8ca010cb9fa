package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// InsertCalls writes model calls, and the digest that each model had.
func InsertCalls(ctx context.Context, tx sqldb.Q, calls []Call) error {
	digests := map[string]string{}
	for _, c := range calls {
		if err := tx.Exec(ctx, `INSERT INTO calls (at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.At.UnixMilli(), c.Purpose, c.TicketID, c.Tier, c.Model, c.Digest, c.PromptVersion,
			c.TokensIn, c.TokensOut, c.CostUSD, flag(c.Estimated), flag(c.Paid), c.MS, c.Result); err != nil {
			return fmt.Errorf("insert call: %w", err)
		}
		if c.Digest != "" {
			digests[c.Model] = c.Digest
		}
	}
	for model, digest := range digests {
		if err := tx.Exec(ctx, `INSERT INTO models (model, digest) VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET digest = excluded.digest`,
			model, digest); err != nil {
			return fmt.Errorf("insert model: %w", err)
		}
	}
	return nil
}

// KnownDigest is the newest digest seen for a model, "" where it never
// answered.
func KnownDigest(ctx context.Context, q sqldb.Q, model string) (string, error) {
	digest, err := Maybe(q.Row(ctx, `SELECT digest FROM models WHERE model = ?`, model))
	return string(digest), err
}

// ReadCalls reads a page of the calls since a time, in the order they were
// written; last is the id of the last one, 0 where there is none.
func ReadCalls(ctx context.Context, q sqldb.Q, since time.Time, after int64, page int) (got []Call, last int64, err error) {
	rows, err := q.Rows(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE id > ? AND at >= ? ORDER BY id LIMIT ?`, after, since.UnixMilli(), page)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var c Call
		var at int64
		var estimated, paid int
		if err := rows.Scan(&last, &at, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
			&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result); err != nil {
			return nil, 0, err
		}
		c.At, c.Estimated, c.Paid = time.UnixMilli(at), estimated == 1, paid == 1
		got = append(got, c)
	}
	return got, last, rows.Err()
}
