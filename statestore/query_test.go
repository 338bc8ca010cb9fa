package statestore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// query reads one value from the journal's tables.
func query(t testing.TB, s *Store, into any, text string, args ...any) {
	t.Helper()
	if err := s.db.Read(context.Background(), func(q sqldb.Q) error {
		return q.Row(context.Background(), text, args...).Scan(into)
	}); err != nil {
		t.Fatal(err)
	}
}

func isBudget(err error, words string) bool {
	return errors.Is(err, ErrBudget) && strings.Contains(err.Error(), words)
}

// exec changes the journal's tables behind the store's back.
func exec(t testing.TB, s *Store, text string, args ...any) {
	t.Helper()
	if err := s.db.Write(context.Background(), func(ctx context.Context, tx sqldb.Q) error { return tx.Exec(ctx, text, args...) }); err != nil {
		t.Fatal(err)
	}
}
