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
