package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// ReadAttempts reads a page of the local attempts that are open, or escalated
// since a time, in the order of their opening, with plan and outcomes of the
// escalated; last is the id of the last one, 0 where there is none. Those that
// were done are the many, and in ReadDone.
func ReadAttempts(ctx context.Context, q sqldb.Q, since time.Time, after int64, page int) (got []Attempt, last int64, err error) {
	rows, err := q.Rows(ctx, `SELECT id, ticket, class, digest, opened, closed, state, CASE WHEN state = 'escalated' THEN plan ELSE '' END, model, quality
FROM attempts WHERE id > ? AND (state = 'open' OR state = 'escalated' AND +closed >= ?) ORDER BY id LIMIT ?`, after, since.UnixMilli(), page)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var a Attempt
		if err := a.scan(rows); err != nil {
			return nil, 0, err
		}
		got = append(got, a)
	}
	if err := rows.Err(); err != nil || len(got) == 0 {
		return nil, 0, err
	}
	last = got[len(got)-1].ID
	return got, last, readOutcomes(ctx, q, got)
}

// readOutcomes fills in the outcomes of the escalated among attempts that are in
// the order of their ids, in one pass.
func readOutcomes(ctx context.Context, q sqldb.Q, attempts []Attempt) error {
	rows, err := q.Rows(ctx, `SELECT attempt, at, gate, pass, quality, evidence, route FROM outcomes
WHERE attempt IN (SELECT id FROM attempts WHERE id >= ? AND id <= ? AND state = 'escalated') ORDER BY attempt, id`,
		attempts[0].ID, attempts[len(attempts)-1].ID)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for i := 0; rows.Next(); {
		var id int64
		var o OutcomeRow
		if err := o.scan(rows, &id); err != nil {
			return err
		}
		for i < len(attempts) && attempts[i].ID < id {
			i++
		}
		if i < len(attempts) && attempts[i].ID == id { // else it is older than asked for
			attempts[i].Outcomes = append(attempts[i].Outcomes, o)
		}
	}
	return rows.Err()
}

// ReadDone sums up the attempts that were done since a time, by day, class,
// digest and model. They are counted where they are: to carry a row out of the
// database takes longer than to count it. The + keeps the index from being used,
// which for so many rows is the slower way.
func ReadDone(ctx context.Context, q sqldb.Q, since time.Time) (got []DailyFigures, err error) {
	rows, err := q.Rows(ctx, `SELECT closed / 86400000, class, digest, model, COUNT(*), COALESCE(SUM(quality), 0), COUNT(quality)
FROM attempts WHERE state = 'done' AND +closed >= ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read what was done: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var d DailyFigures
		var day int64 // since 1970
		if err := rows.Scan(&day, &d.Key.Class, &d.Key.Digest, &d.Model, &d.Done, &d.QualitySum, &d.QualityN); err != nil {
			return nil, fmt.Errorf("read what was done: %w", err)
		}
		d.Day = time.Unix(day*24*60*60, 0).UTC().Format(Day)
		got = append(got, d)
	}
	return got, rows.Err()
}

// ReadFates reads how the attempts of the tickets that local planned since a time
// ended, those that are open included, in the order of their opening.
func ReadFates(ctx context.Context, q sqldb.Q, since time.Time) (got []Fate, err error) {
	rows, err := q.Rows(ctx, `SELECT ticket, closed, state FROM attempts WHERE (closed = 0 OR +closed >= ?) AND ticket IN
(SELECT ticket FROM calls WHERE purpose = 'plan' AND tier = 'local' AND result = 'ok' AND +at >= ?) ORDER BY id`, since.UnixMilli(), since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read fates: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var f Fate
		var closed int64
		if err := rows.Scan(&f.TicketID, &closed, &f.State); err != nil {
			return nil, fmt.Errorf("read fates: %w", err)
		}
		if closed != 0 {
			f.ClosedAt = time.UnixMilli(closed)
		}
		got = append(got, f)
	}
	return got, rows.Err()
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
