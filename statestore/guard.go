package statestore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const upsertGuard = `INSERT INTO guard (class, digest, state) VALUES (?, ?, ?) ON CONFLICT (class, digest) DO UPDATE SET state = excluded.state`

// Admit lets the guard decide for a ticket: step gets the record of the class
// and what was kept of the ticket in it, and returns both as they are to be
// stored. One transaction, so that processes side by side count once each;
// where step changes nothing, nothing is written. step may be called more than
// once; its last call counts.
func (s *Store) Admit(ctx context.Context, key GuardKey, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	var state, memo []byte
	err := s.read(ctx, func(q sqldb.Q) (err error) {
		state, memo, err = guardRows(ctx, q, key, ticketID)
		return err
	})
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
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		state, memo, err := guardRows(ctx, tx, key, ticketID)
		if err != nil {
			return err
		}
		newState, newMemo, err := step(state, memo)
		if err != nil {
			return err
		}
		if !bytes.Equal(newState, state) {
			if err := tx.Exec(ctx, upsertGuard, key.Class, key.Digest, string(newState)); err != nil {
				return err
			}
		}
		if bytes.Equal(newMemo, memo) {
			return nil
		}
		if newMemo == nil {
			return tx.Exec(ctx, `DELETE FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`, ticketID, key.Class, key.Digest)
		}
		return tx.Exec(ctx, `INSERT INTO guard_memo (ticket, class, digest, memo) VALUES (?, ?, ?, ?)
ON CONFLICT (ticket, class, digest) DO UPDATE SET memo = excluded.memo`, ticketID, key.Class, key.Digest, string(newMemo))
	})
}

// guardRows reads both records. What is not there is nil.
func guardRows(ctx context.Context, q sqldb.Q, key GuardKey, ticketID string) (state, memo []byte, err error) {
	if state, err = maybe(q.Row(ctx, `SELECT state FROM guard WHERE class = ? AND digest = ?`, key.Class, key.Digest)); err != nil {
		return nil, nil, fmt.Errorf("read guard: %w", err)
	}
	memo, err = maybe(q.Row(ctx, `SELECT memo FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`, ticketID, key.Class, key.Digest))
	if err != nil {
		return nil, nil, fmt.Errorf("read guard: %w", err)
	}
	return state, memo, nil
}

// maybe reads a text; nil where there is no row.
func maybe(row *sql.Row) ([]byte, error) {
	var text string
	switch err := row.Scan(&text); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []byte(text), nil
}

// GuardStates returns every record of the guard, as stored.
func (s *Store) GuardStates(ctx context.Context) (map[GuardKey][]byte, error) {
	out := map[GuardKey][]byte{}
	err := s.read(ctx, func(q sqldb.Q) error {
		rows, err := q.Rows(ctx, `SELECT class, digest, state FROM guard`)
		if err != nil {
			return fmt.Errorf("read guard: %w", err)
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		for rows.Next() {
			var key GuardKey
			var state string
			if err := rows.Scan(&key.Class, &key.Digest, &state); err != nil {
				return fmt.Errorf("read guard: %w", err)
			}
			out[key] = []byte(state)
		}
		return rows.Err()
	})
	return out, err
}

// ResetGuard forgets every record of the guard; outcomes and counters stay.
func (s *Store) ResetGuard(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		if err := tx.Exec(ctx, `DELETE FROM guard`); err != nil {
			return err
		}
		return tx.Exec(ctx, `DELETE FROM guard_memo`)
	})
}
