package statestore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// GuardKey names one record of the quality guard. Digest is the model's digest
// and the prompts' version; Category is empty for the record of a whole class.
type GuardKey struct{ Class, Category, Digest string }

// cell is the key as it is stored: no class or category has a space.
func (k GuardKey) cell() string {
	return strings.ReplaceAll(k.Class, " ", "_") + " " + strings.ReplaceAll(k.Category, " ", "_") + " " + k.Digest
}

func parseCell(cell string) GuardKey {
	words := append(strings.SplitN(cell, " ", 3), "", "")
	return GuardKey{Class: words[0], Category: words[1], Digest: words[2]}
}

// cells are the records that an attempt under this key moves: that of the class,
// and that of the category in it.
func (k GuardKey) cells() []GuardKey {
	all := []GuardKey{{Class: k.Class, Digest: k.Digest}}
	if k.Category != "" {
		all = append(all, k)
	}
	return all
}

func (k GuardKey) bounded() GuardKey {
	return GuardKey{clip(k.Class, maxField), clip(k.Category, maxField), clip(k.Digest, maxField)}
}

const upsertGuard = `INSERT INTO guard (project, cell, state) VALUES (?, ?, ?) ON CONFLICT (project, cell) DO UPDATE SET state = excluded.state`

// settleGuard moves the records of the attempt that closes.
func (t *recording) settleGuard(escalated bool) error {
	if t.step != nil {
		for _, key := range t.ticket.key.cells() {
			state, err := maybe(t.tx.Row(t.ctx, `SELECT state FROM guard WHERE project = ? AND cell = ?`, t.project.id, key.cell()))
			if err != nil {
				return fmt.Errorf("read guard: %w", err)
			}
			next, err := t.step(state, Closed{TicketID: t.o.TicketID, Key: key, Escalated: escalated})
			if err != nil {
				return fmt.Errorf("guard: %w", err)
			}
			if err := t.tx.Exec(t.ctx, upsertGuard, t.project.id, key.cell(), string(next)); err != nil {
				return fmt.Errorf("write guard: %w", err)
			}
		}
	}
	return t.tx.Exec(t.ctx, `DELETE FROM guard_memo WHERE project = ? AND ticket = ?`, t.project.id, t.o.TicketID)
}

// admission is what the guard keeps: of a cell, and of a ticket in it. What is
// not there is nil.
type admission struct{ state, memo []byte }

func (a admission) equal(b admission) bool {
	return bytes.Equal(a.state, b.state) && bytes.Equal(a.memo, b.memo)
}

// Admit lets the guard decide for a ticket: step gets the record of the key and
// what was kept of the ticket under it, and returns both as they are to be
// stored. One transaction, so that processes side by side count once each;
// where step changes nothing, nothing is written. step may be called more than
// once; its last call counts.
func (s *Store) Admit(ctx context.Context, key GuardKey, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	key = key.bounded()
	var before, after admission
	look := func(ctx context.Context, q sqldb.Q, project int64) (err error) {
		if before, err = readAdmission(ctx, q, project, key, ticketID); err == nil {
			after.state, after.memo, err = step(before.state, before.memo)
		}
		return err
	}
	err := s.read(ctx, func(q sqldb.Q, project int64) error { return look(ctx, q, project) })
	if err != nil || after.equal(before) {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		if err := look(ctx, tx, p.id); err != nil {
			return err
		}
		return s.saveAdmission(ctx, tx, p.id, key, ticketID, before, after)
	})
}

func readAdmission(ctx context.Context, q sqldb.Q, project int64, key GuardKey, ticketID string) (a admission, err error) {
	if a.state, err = maybe(q.Row(ctx, `SELECT state FROM guard WHERE project = ? AND cell = ?`, project, key.cell())); err != nil {
		return a, fmt.Errorf("read guard: %w", err)
	}
	a.memo, err = maybe(q.Row(ctx, `SELECT memo FROM guard_memo WHERE project = ? AND ticket = ? AND cell = ?`, project, ticketID, key.cell()))
	if err != nil {
		return a, fmt.Errorf("read guard: %w", err)
	}
	return a, nil
}

// saveAdmission writes what of before has changed; a nil memo is forgotten.
func (s *Store) saveAdmission(ctx context.Context, tx sqldb.Q, project int64, key GuardKey, ticketID string, before, after admission) error {
	if !bytes.Equal(before.state, after.state) {
		if err := tx.Exec(ctx, upsertGuard, project, key.cell(), string(after.state)); err != nil {
			return err
		}
	}
	switch {
	case bytes.Equal(before.memo, after.memo):
		return nil
	case after.memo == nil:
		return tx.Exec(ctx, `DELETE FROM guard_memo WHERE project = ? AND ticket = ? AND cell = ?`, project, ticketID, key.cell())
	}
	return tx.Exec(ctx, `INSERT INTO guard_memo (project, ticket, cell, memo, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (project, ticket, cell) DO UPDATE SET memo = excluded.memo, at = excluded.at`, project, ticketID, key.cell(),
		string(after.memo), s.o.Now().UnixMilli())
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

// GuardStates returns every record that the guard keeps of tickets, as stored.
func (s *Store) GuardStates(ctx context.Context) (map[GuardKey][]byte, error) {
	states, err := s.guardStates(ctx)
	maps.DeleteFunc(states, func(key GuardKey, _ []byte) bool {
		return strings.HasPrefix(key.Class, draftCells) || key.Class == EchoClass
	})
	return states, err
}

func (s *Store) guardStates(ctx context.Context) (states map[GuardKey][]byte, err error) {
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		states = map[GuardKey][]byte{}
		rows, err := q.Rows(ctx, `SELECT cell, state FROM guard WHERE project = ?`, project)
		if err != nil {
			return fmt.Errorf("read guard: %w", err)
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		for rows.Next() {
			var cell, state string
			if err := rows.Scan(&cell, &state); err != nil {
				return fmt.Errorf("read guard: %w", err)
			}
			states[parseCell(cell)] = []byte(state)
		}
		return rows.Err()
	})
	return states, err
}

// KnownDigest is the newest digest seen for a model, "" where it never
// answered.
func (s *Store) KnownDigest(ctx context.Context, model string) (digest string, err error) {
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		text, err := maybe(q.Row(ctx, `SELECT digest FROM models WHERE project = ? AND model = ?`, project, model))
		digest = string(text)
		return err
	})
	return digest, err
}
