package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Writable says whether an outcome could be recorded now, by a real write that
// changes nothing. The error says why not and what mends it.
func (s *Store) Writable(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		return tx.Exec(ctx, `UPDATE meta SET value = value WHERE name = 'schema'`)
	})
}
