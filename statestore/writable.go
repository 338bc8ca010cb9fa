package statestore

import (
	"context"
	"database/sql"
)

// Writable says whether an outcome could be recorded now, by a real write that
// changes nothing. The error says why not and what mends it.
func (s *Store) Writable(ctx context.Context) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE meta SET value = value WHERE name = 'schema'`)
		return err
	})
}
