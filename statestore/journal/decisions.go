package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// SaveDecision keeps a classification by its content's hash. It is the newest
// of its ticket and of its content, even where the clock went back.
func SaveDecision(ctx context.Context, tx sqldb.Q, d Decision) error {
	wave, err := json.Marshal(d.Wave)
	if err != nil {
		return err
	}
	var last int64
	if err := tx.Row(ctx, `SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(at) AS at FROM decisions WHERE ticket = ?
UNION ALL SELECT MAX(at) FROM decisions WHERE hash = ?) AS newest`, d.TicketID, d.Hash).Scan(&last); err != nil {
		return fmt.Errorf("read decision: %w", err)
	}
	return tx.Exec(ctx, `INSERT INTO decisions (hash, ticket, category, complexity, decided_by, why, local, wave, wave_known, digest, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash, ticket) DO UPDATE SET category = excluded.category, complexity = excluded.complexity,
decided_by = excluded.decided_by, why = excluded.why, local = excluded.local, wave = excluded.wave, wave_known = excluded.wave_known,
digest = excluded.digest, at = excluded.at`, d.Hash, d.TicketID, d.Category, d.Complexity, d.By, d.Why, flag(d.Local), string(wave),
		flag(d.WaveKnown), d.Digest, max(d.At.UnixMilli(), last+1))
}

// ReadDecision is the newest decision on a content; found is false where there
// is none.
func ReadDecision(ctx context.Context, q sqldb.Q, hash string) (d Decision, found bool, err error) {
	var wave string
	var local, known int
	var at int64
	err = q.Row(ctx, `SELECT hash, ticket, category, complexity, decided_by, why, local, wave, wave_known, digest, at
FROM decisions WHERE hash = ? ORDER BY at DESC LIMIT 1`, hash).
		Scan(&d.Hash, &d.TicketID, &d.Category, &d.Complexity, &d.By, &d.Why, &local, &wave, &known, &d.Digest, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return Decision{}, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("read decision: %w", err)
	}
	d.Local, d.WaveKnown, d.At = local == 1, known == 1, time.UnixMilli(at)
	return d, true, json.Unmarshal([]byte(wave), &d.Wave)
}
