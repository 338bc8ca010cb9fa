// Package guard keeps what the quality guard knows: a record for each key, of
// tickets, of drafts and of what was measured of a model, and what it decided
// for a ticket. The rules are those of routing/policy.
package guard

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Key names one record of the quality guard. Digest is the model's digest
// and the prompts' version; Category is empty for the record of a whole class.
type Key struct{ Class, Category, Digest string }

// cell is the key as it is stored: no class or category has a space.
func (k Key) cell() string {
	return strings.ReplaceAll(k.Class, " ", "_") + " " + strings.ReplaceAll(k.Category, " ", "_") + " " + k.Digest
}

func parseCell(cell string) Key {
	words := append(strings.SplitN(cell, " ", 3), "", "")
	return Key{Class: words[0], Category: words[1], Digest: words[2]}
}

// Cells are the records that an attempt under this key moves: that of the class,
// and that of the category in it.
func (k Key) Cells() []Key {
	all := []Key{{Class: k.Class, Digest: k.Digest}}
	if k.Category != "" {
		all = append(all, k)
	}
	return all
}

// Bounded is the key as it is stored, no word longer than a field.
func (k Key) Bounded() Key {
	return Key{journal.Clip(k.Class, journal.MaxField), journal.Clip(k.Category, journal.MaxField), journal.Clip(k.Digest, journal.MaxField)}
}

// The classes of records that are of no ticket.
const (
	// EchoClass is that of whether a model repeats the hints of its prompt.
	EchoClass = "echo:"
	// draftClass begins that of the records of drafts.
	draftClass = "draft:"
)

// DraftKey is the record of drafts that belongs to a key.
func (k Key) DraftKey() Key {
	k.Class = draftClass + k.Class
	return k
}

const (
	selectState = `SELECT state FROM guard WHERE project = ? AND cell = ?`
	upsertState = `INSERT INTO guard (project, cell, state) VALUES (?, ?, ?) ON CONFLICT (project, cell) DO UPDATE SET state = excluded.state`
	deleteMemo  = `DELETE FROM guard_memo WHERE project = ? AND ticket = ? AND cell = ?`
)

// Move makes of a key's record what step makes of it.
func Move(ctx context.Context, tx sqldb.Q, project int64, key Key, step func(state []byte) ([]byte, error)) error {
	state, err := tx.Text(ctx, selectState, project, key.cell())
	if err != nil {
		return fmt.Errorf("read guard: %w", err)
	}
	next, err := step(state)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if err := tx.Exec(ctx, upsertState, project, key.cell(), string(next)); err != nil {
		return fmt.Errorf("write guard: %w", err)
	}
	return nil
}

// Forget forgets what was decided for a ticket under a key.
func Forget(ctx context.Context, tx sqldb.Q, project int64, key Key, ticket string) error {
	if err := tx.Exec(ctx, deleteMemo, project, ticket, key.cell()); err != nil {
		return fmt.Errorf("write guard: %w", err)
	}
	return nil
}

// ForgetTicket forgets what was decided for a ticket under any key.
func ForgetTicket(ctx context.Context, tx sqldb.Q, project int64, ticket string) error {
	return tx.Exec(ctx, `DELETE FROM guard_memo WHERE project = ? AND ticket = ?`, project, ticket)
}

// Records are the guard's records of a project.
type Records struct{ j *journal.Journal }

// New returns the records in a journal.
func New(j *journal.Journal) *Records { return &Records{j} }

// admission is what is kept of a cell, and of a ticket in it; nil = nothing.
type admission struct{ state, memo []byte }

// Admit lets the guard decide for a ticket: step gets the record of the key and
// what was kept of the ticket under it, and returns both as they are to be
// stored. One transaction, so that processes side by side count once each;
// where step changes nothing, nothing is written. step may be called more than
// once; its last call counts.
func (r *Records) Admit(ctx context.Context, key Key, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	key = key.Bounded()
	var before, after admission
	look := func(ctx context.Context, q sqldb.Q, project int64) (err error) {
		before.state, err = q.Text(ctx, selectState, project, key.cell())
		if err == nil {
			before.memo, err = q.Text(ctx, `SELECT memo FROM guard_memo WHERE project = ? AND ticket = ? AND cell = ?`, project, ticketID, key.cell())
		}
		if err != nil {
			return fmt.Errorf("read guard: %w", err)
		}
		after.state, after.memo, err = step(before.state, before.memo)
		return err
	}
	err := r.j.Read(ctx, func(q sqldb.Q, project int64) error { return look(ctx, q, project) })
	if err != nil || bytes.Equal(after.state, before.state) && bytes.Equal(after.memo, before.memo) {
		return err
	}
	return r.j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
		if err := look(ctx, tx, p.ID); err != nil {
			return err
		}
		if !bytes.Equal(before.state, after.state) {
			if err := tx.Exec(ctx, upsertState, p.ID, key.cell(), string(after.state)); err != nil {
				return err
			}
		}
		switch {
		case bytes.Equal(before.memo, after.memo):
			return nil
		case after.memo == nil:
			return tx.Exec(ctx, deleteMemo, p.ID, ticketID, key.cell())
		}
		return tx.Exec(ctx, `INSERT INTO guard_memo (project, ticket, cell, memo, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (project, ticket, cell) DO UPDATE SET memo = excluded.memo, at = excluded.at`, p.ID, ticketID, key.cell(),
			string(after.memo), r.j.Now().UnixMilli())
	})
}

// GuardStates returns every record of tickets, as stored.
func (r *Records) GuardStates(ctx context.Context) (map[Key][]byte, error) {
	states, err := r.states(ctx)
	maps.DeleteFunc(states, func(key Key, _ []byte) bool {
		return strings.HasPrefix(key.Class, draftClass) || key.Class == EchoClass
	})
	return states, err
}

// DraftRecords returns every record of drafts, as stored, under the tickets' keys.
func (r *Records) DraftRecords(ctx context.Context) (map[Key][]byte, error) {
	all, err := r.states(ctx)
	records := map[Key][]byte{}
	for key, state := range all {
		if class, found := strings.CutPrefix(key.Class, draftClass); found {
			key.Class = class
			records[key] = state
		}
	}
	return records, err
}

func (r *Records) states(ctx context.Context) (states map[Key][]byte, err error) {
	err = r.j.Read(ctx, func(q sqldb.Q, project int64) error {
		states = map[Key][]byte{}
		return q.Each(ctx, `SELECT cell, state FROM guard WHERE project = ?`, []any{project}, func(r sqldb.Row) error {
			var cell, state string
			err := r.Scan(&cell, &state)
			states[parseCell(cell)] = []byte(state)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read guard: %w", err)
	}
	return states, nil
}

// Echo returns what was kept of a model, as it was saved; nil = nothing.
func (r *Records) Echo(ctx context.Context, key Key) (state []byte, err error) {
	_, err = r.j.One(ctx, selectState, []any{key.Bounded().cell()}, &state)
	return state, err
}

// SaveEcho keeps what was measured of a model.
func (r *Records) SaveEcho(ctx context.Context, key Key, state []byte) error {
	return r.j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
		return tx.Exec(ctx, upsertState, p.ID, key.Bounded().cell(), string(state))
	})
}
