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

// CallPlace is a call's place in time: when it began, milliseconds, and its id.
type CallPlace struct{ At, ID int64 }

// ReadCalls reads a page of the calls since a time, in the order of their
// beginnings: a long call is written after shorter ones that began later. last
// is the place of the last one, zero where there is none.
func ReadCalls(ctx context.Context, q sqldb.Q, since time.Time, after CallPlace, page int) (got []Call, last CallPlace, err error) {
	from := max(after.At, since.UnixMilli())
	rows, err := q.Rows(ctx, `SELECT id, at, purpose, ticket, tier, model, digest, prompt, tokens_in, tokens_out, cost, estimated, paid, ms, result
FROM calls WHERE at >= ? AND (at > ? OR id > ?) ORDER BY at, id LIMIT ?`, from, after.At, after.ID, page)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var c Call
		var estimated, paid int
		if err := rows.Scan(&last.ID, &last.At, &c.Purpose, &c.TicketID, &c.Tier, &c.Model, &c.Digest, &c.PromptVersion,
			&c.TokensIn, &c.TokensOut, &c.CostUSD, &estimated, &paid, &c.MS, &c.Result); err != nil {
			return nil, last, err
		}
		c.At, c.Estimated, c.Paid = time.UnixMilli(last.At), estimated == 1, paid == 1
		got = append(got, c)
	}
	return got, last, rows.Err()
}
