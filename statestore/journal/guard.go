package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const upsertGuard = `INSERT INTO guard (class, digest, state) VALUES (?, ?, ?) ON CONFLICT (class, digest) DO UPDATE SET state = excluded.state`

// Admission is what the guard keeps: of a class, and of a ticket in it. What is
// not there is nil.
type Admission struct{ State, Memo []byte }

// Equal says whether two are the same.
func (a Admission) Equal(b Admission) bool {
	return bytes.Equal(a.State, b.State) && bytes.Equal(a.Memo, b.Memo)
}

// ReadAdmission reads both records.
func ReadAdmission(ctx context.Context, q sqldb.Q, key GuardKey, ticketID string) (a Admission, err error) {
	if a.State, err = Maybe(q.Row(ctx, `SELECT state FROM guard WHERE class = ? AND digest = ?`, key.Class, key.Digest)); err != nil {
		return a, fmt.Errorf("read guard: %w", err)
	}
	a.Memo, err = Maybe(q.Row(ctx, `SELECT memo FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`, ticketID, key.Class, key.Digest))
	if err != nil {
		return a, fmt.Errorf("read guard: %w", err)
	}
	return a, nil
}

// SaveAdmission writes what of before has changed; a nil memo is forgotten.
func SaveAdmission(ctx context.Context, tx sqldb.Q, key GuardKey, ticketID string, before, after Admission) error {
	if !bytes.Equal(before.State, after.State) {
		if err := tx.Exec(ctx, upsertGuard, key.Class, key.Digest, string(after.State)); err != nil {
			return err
		}
	}
	switch {
	case bytes.Equal(before.Memo, after.Memo):
		return nil
	case after.Memo == nil:
		return tx.Exec(ctx, `DELETE FROM guard_memo WHERE ticket = ? AND class = ? AND digest = ?`, ticketID, key.Class, key.Digest)
	}
	return tx.Exec(ctx, `INSERT INTO guard_memo (ticket, class, digest, memo) VALUES (?, ?, ?, ?)
ON CONFLICT (ticket, class, digest) DO UPDATE SET memo = excluded.memo`, ticketID, key.Class, key.Digest, string(after.Memo))
}

// Maybe reads a text; nil where there is no row.
func Maybe(row *sql.Row) ([]byte, error) {
	var text string
	switch err := row.Scan(&text); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []byte(text), nil
}

// GuardStates reads every record of the guard, as stored.
func GuardStates(ctx context.Context, q sqldb.Q) (map[GuardKey][]byte, error) {
	rows, err := q.Rows(ctx, `SELECT class, digest, state FROM guard`)
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
func ResetGuard(ctx context.Context, tx sqldb.Q) error {
	if err := tx.Exec(ctx, `DELETE FROM guard`); err != nil {
		return err
	}
	return tx.Exec(ctx, `DELETE FROM guard_memo`)
}
