package statestore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const upsertGuard = `INSERT INTO guard (class, digest, state) VALUES (?, ?, ?) ON CONFLICT (class, digest) DO UPDATE SET state = excluded.state`

// Admit lets the guard decide for a ticket: step gets the record of the class
// and what was kept of the ticket in it, and returns both as they are to be
// stored. One transaction, so that processes side by side count once each;
// where step changes nothing, nothing is written.
func (s *Store) Admit(ctx context.Context, key GuardKey, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	state, memo, err := s.guardRows(ctx, nil, key, ticketID)
	if err != nil {
		return err
	}
	newState, newMemo, err := step(state, memo)
	if err != nil {
		return err
	}
	if bytes.Equal(newState, state) && bytes.Equal(newMemo, memo) {
		return nil
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		state, memo, err := s.guardRows(ctx, tx, key, ticketID)
		if err != nil {
			return err
		}
		if newState, newMemo, err = step(state, memo); err != nil {
			return err
		}
		if !bytes.Equal(newState, state) {
			if _, err := tx.ExecContext(ctx, s.q(upsertGuard), key.Class, key.Digest, string(newState)); err != nil {
				return err
			}
		}
		if bytes.Equal(newMemo, memo) {
			return nil
		}
		if newMemo == nil {
			_, err = tx.ExecContext(ctx, s.q(`DELETE FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`), ticketID, key.Class, key.Digest)
			return err
		}
		_, err = tx.ExecContext(ctx, s.q(`INSERT INTO guard_memo (ticket, class, digest, memo) VALUES (?, ?, ?, ?)
ON CONFLICT (ticket, class, digest) DO UPDATE SET memo = excluded.memo`), ticketID, key.Class, key.Digest, string(newMemo))
		return err
	})
}

// guardRows reads both records; tx nil = outside a transaction. What is not
// there is nil.
func (s *Store) guardRows(ctx context.Context, tx *sql.Tx, key GuardKey, ticketID string) (state, memo []byte, err error) {
	var db querier = tx
	if tx == nil {
		opened, err := s.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		db = opened
	}
	lock := ""
	if tx != nil && postgres(s.o.State) {
		lock = " FOR UPDATE"
	}
	var text string
	for _, look := range []struct {
		into  *[]byte
		query string
		args  []any
	}{
		{&state, `SELECT state FROM guard WHERE class = ? AND digest = ?` + lock, []any{key.Class, key.Digest}},
		{&memo, `SELECT memo FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`, []any{ticketID, key.Class, key.Digest}},
	} {
		switch err := db.QueryRowContext(ctx, s.q(look.query), look.args...).Scan(&text); {
		case err == nil:
			*look.into = []byte(text)
		case !errors.Is(err, sql.ErrNoRows):
			return nil, nil, fmt.Errorf("read guard: %w", err)
		}
	}
	return state, memo, nil
}

// GuardStates returns every record of the guard, as stored.
func (s *Store) GuardStates(ctx context.Context) (map[GuardKey][]byte, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT class, digest, state FROM guard`)
	if err != nil {
		return nil, fmt.Errorf("read guard: %w", err)
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	out := map[GuardKey][]byte{}
	for rows.Next() {
		var key GuardKey
		var state string
		if err := rows.Scan(&key.Class, &key.Digest, &state); err != nil {
			return nil, fmt.Errorf("read guard: %w", err)
		}
		out[key] = []byte(state)
	}
	return out, rows.Err()
}

// ResetGuard forgets every record of the guard; outcomes and counters stay.
func (s *Store) ResetGuard(ctx context.Context) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"guard", "guard_memo"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil { //nolint:gosec // the two names above
				return err
			}
		}
		return nil
	})
}
