package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	retainDays  = 400                   // what is older is deleted, its sums are kept
	retainDelay = 5 * time.Second       // after the start
	retainPause = 50 * time.Millisecond // between pieces
	retainEvery = time.Hour
	// retainTimeout bounds a piece, its waiting for other programs included.
	retainTimeout = time.Minute
	// retainAtOnce bounds a piece, rows of each table, so that a record never
	// waits for it longer than one piece takes.
	retainAtOnce = 100
)

// retained are the tables whose old rows go; sums of them stay elsewhere.
var retained = []struct{ table, key, old string }{
	{"attempts", "id", "closed > 0 AND closed < ?"},
	{"calls", "id", "at < ?"},
	{"answers", "id", "at < ?"},
	{"reservations", "id", "at < ?"},
	{"decisions", "project, ticket, hash, source", "at < ?"},
	{"drafts", "project, ticket", "at < ?"},
	{"guard_memo", "project, ticket, cell", "at < ?"},
	{"deliveries", "delivery", "at < ?"},
}

// oldOutcomes are those among the first recorded that are old.
const oldOutcomes = `SELECT id FROM (SELECT id, at FROM outcomes ORDER BY id LIMIT ?) AS first WHERE at < ?`

// retainLater deletes a piece in the background and asks for the next.
func (j *Journal) retainLater() {
	ctx, stop := context.WithTimeout(j.background, retainTimeout)
	defer stop()
	more, err := j.Retain(ctx)
	if err != nil && j.background.Err() == nil {
		j.o.Log.Warn("old rows not deleted", "err", err)
	}
	next := retainEvery
	if more && err == nil {
		next = retainPause
	}
	j.keeping.After(next, j.retainLater)
}

// Retain deletes one piece, of every project; more = there may be another.
func (j *Journal) Retain(ctx context.Context) (more bool, err error) {
	limit := j.o.Now().AddDate(0, 0, -retainDays).UnixMilli()
	query, args := `SELECT EXISTS (`+oldOutcomes+`)`, []any{retainAtOnce, limit}
	for _, r := range retained {
		query += ` OR EXISTS (SELECT 1 FROM ` + r.table + ` WHERE ` + r.old + `)`
		args = append(args, limit)
	}
	old := false
	if err := j.db.Read(ctx, func(q sqldb.Q) error { return q.Row(ctx, query, args...).Scan(&old) }); err != nil || !old {
		return false, err
	}
	err = j.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		// An event id of before is not taken for a new one.
		if err := tx.Exec(ctx, `UPDATE tickets SET pruned = 1 WHERE (project, ticket) IN
(SELECT project, ticket FROM outcomes WHERE id IN (`+oldOutcomes+`))`, retainAtOnce, limit); err != nil {
			return fmt.Errorf("mark tickets: %w", err)
		}
		if err := tx.Exec(ctx, `DELETE FROM outcomes WHERE id IN (`+oldOutcomes+`)`, retainAtOnce, limit); err != nil {
			return fmt.Errorf("delete old outcomes: %w", err)
		}
		for _, r := range retained {
			statement := `DELETE FROM ` + r.table + ` WHERE (` + r.key + `) IN (SELECT ` + r.key + ` FROM ` + r.table + ` WHERE ` + r.old + ` LIMIT ?)`
			if err := tx.Exec(ctx, statement, limit, retainAtOnce); err != nil {
				return fmt.Errorf("delete old rows of %s: %w", r.table, err)
			}
		}
		return nil
	})
	return err == nil, err
}
