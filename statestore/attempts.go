package statestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// OpenAttempt notes that the local model served a plan. While an attempt is
// open it stays the same one, with the new plan; after an escalation none opens
// until a commit has passed, and the Attempt returned is empty.
func (s *Store) OpenAttempt(ctx context.Context, ticketID string, key GuardKey, plan, model string) (Attempt, error) {
	var a Attempt
	err := s.write(ctx, func(tx *sql.Tx) error {
		t := &recording{s: s, ctx: ctx, tx: tx, o: Outcome{TicketID: ticketID}, now: s.o.Now()}
		state, err := t.ticket()
		if err != nil || state.escalated != "" {
			return err
		}
		if state.attempt == 0 {
			state.attempt, err = t.insert(`INSERT INTO attempts (ticket, class, digest, opened, closed, state, plan, model, fails) VALUES (?, ?, ?, ?, 0, 'open', ?, ?, '{}')`,
				ticketID, key.Class, key.Digest, t.now.UnixMilli(), plan, model)
			if err != nil {
				return err
			}
			err = t.exec(`INSERT INTO tickets (ticket, attempt, escalated, runs) VALUES (?, ?, '', '{}') ON CONFLICT (ticket) DO UPDATE SET attempt = excluded.attempt`,
				ticketID, state.attempt)
		} else {
			err = t.exec(`UPDATE attempts SET plan = ?, model = ? WHERE id = ?`, plan, model, state.attempt)
		}
		if err != nil {
			return err
		}
		found, err := s.attempt(ctx, tx, state.attempt, 0)
		if found != nil {
			a = *found
		}
		return err
	})
	return a, err
}

// attempt reads an attempt with its outcomes, up to one of them (0 = none are
// read).
func (s *Store) attempt(ctx context.Context, db querier, id, upTo int64) (*Attempt, error) {
	a := &Attempt{ID: id}
	var opened, closed int64
	err := db.QueryRowContext(ctx, s.q(`SELECT ticket, class, digest, opened, closed, state, plan, model FROM attempts WHERE id = ?`), id).
		Scan(&a.TicketID, &a.Key.Class, &a.Key.Digest, &opened, &closed, &a.State, &a.Plan, &a.Model)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // folded by retention: there is none any more
	}
	if err != nil {
		return nil, err
	}
	a.OpenedAt = time.UnixMilli(opened)
	if closed != 0 {
		a.ClosedAt = time.UnixMilli(closed)
	}
	if upTo == 0 {
		return a, nil
	}
	rows, err := db.QueryContext(ctx, s.q(`SELECT at, gate, pass, quality, evidence, route FROM outcomes WHERE attempt = ? AND id <= ? ORDER BY id`), id, upTo)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var o OutcomeRow
		var at int64
		var pass int
		if err := rows.Scan(&at, &o.Gate, &pass, &o.Quality, &o.Evidence, &o.Route); err != nil {
			return nil, err
		}
		o.At, o.Pass = time.UnixMilli(at), pass == 1
		a.Outcomes = append(a.Outcomes, o)
	}
	return a, rows.Err()
}

// TicketState says whether the ticket has an open local attempt, and at which
// gate it was escalated with no commit passed since ("" = not).
func (s *Store) TicketState(ctx context.Context, ticketID string) (open bool, escalatedAt string, err error) {
	db, err := s.open(ctx)
	if err != nil {
		return false, "", err
	}
	var attempt int64
	err = db.QueryRowContext(ctx, s.q(`SELECT attempt, escalated FROM tickets WHERE ticket = ?`), ticketID).Scan(&attempt, &escalatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return false, "", nil
	}
	return attempt != 0, escalatedAt, err
}

// SaveDecision keeps a classification by its content's hash.
func (s *Store) SaveDecision(ctx context.Context, d Decision) error {
	wave, err := json.Marshal(d.Wave)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, s.q(`INSERT INTO decisions (hash, ticket, category, complexity, decided_by, why, local, wave, wave_known, digest, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash, ticket) DO UPDATE SET category = excluded.category, complexity = excluded.complexity,
decided_by = excluded.decided_by, why = excluded.why, local = excluded.local, wave = excluded.wave, wave_known = excluded.wave_known,
digest = excluded.digest, at = excluded.at`), d.Hash, d.TicketID, d.Category, d.Complexity, d.By, d.Why, flag(d.Local), string(wave),
			flag(d.WaveKnown), d.Digest, d.At.UnixMilli())
		return err
	})
}

// Decision is the newest decision on a content; found is false where there is
// none.
func (s *Store) Decision(ctx context.Context, hash string) (d Decision, found bool, err error) {
	db, err := s.open(ctx)
	if err != nil {
		return d, false, err
	}
	var wave string
	var local, known int
	var at int64
	err = db.QueryRowContext(ctx, s.q(`SELECT hash, ticket, category, complexity, decided_by, why, local, wave, wave_known, digest, at
FROM decisions WHERE hash = ? ORDER BY at DESC LIMIT 1`), hash).
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
