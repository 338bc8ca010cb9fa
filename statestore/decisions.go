package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// SaveDecision keeps a classification by its content's hash. It is the newest
// of its ticket and of its content, even where the clock went back.
func (s *Store) SaveDecision(ctx context.Context, d Decision) error {
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error { return journal.SaveDecision(ctx, tx, d) })
}

// Decision is the newest decision on a content; found is false where there is
// none.
func (s *Store) Decision(ctx context.Context, hash string) (d Decision, found bool, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		d, found, err = journal.ReadDecision(ctx, q, hash)
		return err
	})
	return d, found, err
}
