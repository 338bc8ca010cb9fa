package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// ReadAttempts reads a page of the local attempts that are open or closed since
// a time, in the order of their opening, each with its outcomes; last is the id
// of the last one, 0 where there is none.
func ReadAttempts(ctx context.Context, q sqldb.Q, since time.Time, after int64, page int) (got []Attempt, last int64, err error) {
	ids, err := readIDs(ctx, q, `SELECT id FROM attempts WHERE id > ? AND (closed = 0 OR closed >= ?) ORDER BY id LIMIT ?`,
		after, since.UnixMilli(), page)
	if err != nil {
		return nil, 0, err
	}
	for _, id := range ids {
		a, err := ReadAttempt(ctx, q, id, 1<<62)
		if err != nil {
			return nil, 0, err
		}
		if last = id; a != nil { // nil: folded between the two reads
			got = append(got, *a)
		}
	}
	return got, last, nil
}

// ReadDaily reads the figures of the days since a time that are folded, in the
// order of days.
func ReadDaily(ctx context.Context, q sqldb.Q, since time.Time) (got []DailyFigures, err error) {
	rows, err := q.Rows(ctx, selectDaily+` WHERE day >= ? ORDER BY day, class, digest, model`, since.UTC().Format(Day))
	if err != nil {
		return nil, fmt.Errorf("read daily figures: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		d, err := scanDaily(rows)
		if err != nil {
			return nil, fmt.Errorf("read daily figures: %w", err)
		}
		got = append(got, d)
	}
	return got, rows.Err()
}

const selectDaily = `SELECT day, class, digest, model, done, escalated, quality_sum, quality_n, by_gate, passed, failed FROM daily`

func scanDaily(row interface{ Scan(...any) error }) (d DailyFigures, err error) {
	var byGate, passed, failed string
	if err := row.Scan(&d.Day, &d.Key.Class, &d.Key.Digest, &d.Model, &d.Done, &d.Escalated, &d.QualitySum, &d.QualityN,
		&byGate, &passed, &failed); err != nil {
		return d, err
	}
	return d, errors.Join(json.Unmarshal([]byte(byGate), &d.EscalatedByGate), json.Unmarshal([]byte(passed), &d.GatesPassed),
		json.Unmarshal([]byte(failed), &d.GatesFailed))
}

func readIDs(ctx context.Context, q sqldb.Q, query string, args ...any) (ids []int64, err error) {
	rows, err := q.Rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
