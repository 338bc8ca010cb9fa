package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// EchoClass is the class of the guard's records that say whether a model repeats
// the hints of its prompt. They are of no ticket.
const EchoClass = "echo:"

// Echo returns what was kept of a model, as it was saved; nil = nothing.
func (s *Store) Echo(ctx context.Context, key GuardKey) (state []byte, err error) {
	err = s.read(ctx, func(q sqldb.Q, project int64) error {
		state, err = maybe(q.Row(ctx, `SELECT state FROM guard WHERE project = ? AND cell = ?`, project, key.bounded().cell()))
		return err
	})
	return state, err
}

// SaveEcho keeps what was measured of a model.
func (s *Store) SaveEcho(ctx context.Context, key GuardKey, state []byte) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		return tx.Exec(ctx, upsertGuard, p.id, key.bounded().cell(), string(state))
	})
}
