package journal

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Opening is an attempt to be opened.
type Opening struct {
	Ticket string `json:"ticket"`
	Class  string `json:"class"`
	Digest string `json:"digest"`
	Plan   string `json:"plan"`
	Model  string `json:"model"`
}

// Open notes that the local model served a plan. While an attempt is open it
// stays the same one, with the new plan; after an escalation none opens until a
// commit has passed, and the Attempt returned is empty.
func Open(ctx context.Context, tx sqldb.Q, o Opening, now time.Time) (a Attempt, err error) {
	t := &recording{ctx: ctx, tx: tx, o: Outcome{TicketID: o.Ticket}, now: now}
	state, err := t.ticket()
	if err != nil || state.escalated != "" {
		return a, err
	}
	if state.attempt == 0 {
		state.attempt, err = t.insert(`INSERT INTO attempts (ticket, class, digest, opened, closed, state, plan, model, fails) VALUES (?, ?, ?, ?, 0, 'open', ?, ?, '{}')`,
			o.Ticket, o.Class, o.Digest, now.UnixMilli(), o.Plan, o.Model)
		if err != nil {
			return a, err
		}
		err = t.exec(`INSERT INTO tickets (ticket, attempt, escalated, runs) VALUES (?, ?, '', '{}') ON CONFLICT (ticket) DO UPDATE SET attempt = excluded.attempt`,
			o.Ticket, state.attempt)
	} else {
		err = t.exec(`UPDATE attempts SET plan = ?, model = ? WHERE id = ?`, o.Plan, o.Model, state.attempt)
	}
	if err != nil {
		return a, err
	}
	found, err := ReadAttempt(ctx, tx, state.attempt, 0)
	if found != nil {
		a = *found
	}
	return a, err
}

// ReadAttempt reads an attempt with its outcomes, up to one of them (0 = none
// are read).
func ReadAttempt(ctx context.Context, q sqldb.Q, id, upTo int64) (*Attempt, error) {
	a := &Attempt{}
	err := a.scan(q.Row(ctx, selectAttempt+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // folded by retention: there is none any more
	}
	if err != nil {
		return nil, err
	}
	if upTo == 0 {
		return a, nil
	}
	rows, err := q.Rows(ctx, `SELECT at, gate, pass, quality, evidence, route FROM outcomes WHERE attempt = ? AND id <= ? ORDER BY id`, id, upTo)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var o OutcomeRow
		if err := o.scan(rows); err != nil {
			return nil, err
		}
		a.Outcomes = append(a.Outcomes, o)
	}
	return a, rows.Err()
}

const selectAttempt = `SELECT id, ticket, class, digest, opened, closed, state, plan, model, quality FROM attempts`

// scanner is one row of a result.
type scanner interface{ Scan(dest ...any) error }

// scan reads what selectAttempt selects.
func (a *Attempt) scan(row scanner) error {
	var opened, closed int64
	if err := row.Scan(&a.ID, &a.TicketID, &a.Key.Class, &a.Key.Digest, &opened, &closed, &a.State, &a.Plan, &a.Model, &a.Quality); err != nil {
		return err
	}
	a.OpenedAt = time.UnixMilli(opened)
	if closed != 0 {
		a.ClosedAt = time.UnixMilli(closed)
	}
	return nil
}

// scan reads an outcome: what stands before it in the row, then at, gate, pass,
// quality, evidence, route.
func (o *OutcomeRow) scan(row scanner, before ...any) error {
	var at int64
	var pass int
	if err := row.Scan(append(before, &at, &o.Gate, &pass, &o.Quality, &o.Evidence, &o.Route)...); err != nil {
		return err
	}
	o.At, o.Pass = time.UnixMilli(at), pass == 1
	return nil
}

// TicketState says whether the ticket has an open local attempt, and at which
// gate it was escalated with no commit passed since ("" = not).
func TicketState(ctx context.Context, q sqldb.Q, ticketID string) (open bool, escalatedAt string, err error) {
	var attempt int64
	err = q.Row(ctx, `SELECT attempt, escalated FROM tickets WHERE ticket = ?`, ticketID).Scan(&attempt, &escalatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return false, "", nil
	}
	return attempt != 0, escalatedAt, err
}
