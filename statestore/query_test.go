package statestore

import (
	"context"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// query reads one value from the journal's tables.
func query(t testing.TB, s *Store, into any, text string, args ...any) {
	t.Helper()
	if err := s.ReadAny(context.Background(), func(q sqldb.Q) error {
		return q.Row(context.Background(), text, args...).Scan(into)
	}); err != nil {
		t.Fatal(err)
	}
}

// change changes the journal's tables behind the store's back.
func change(t testing.TB, s *Store, text string, args ...any) {
	t.Helper()
	if err := s.WriteOnce(context.Background(), "", func(ctx context.Context, tx sqldb.Q) error { return tx.Exec(ctx, text, args...) }); err != nil {
		t.Fatal(err)
	}
}

// readOutcomes reads all outcomes as they were asked for, in the order of
// their recording.
func readOutcomes(s *Store) (list []Outcome, err error) {
	ctx := context.Background()
	err = s.ReadAny(ctx, func(q sqldb.Q) error {
		rows, err := q.Rows(ctx, `SELECT o.ticket, o.gate, o.pass, o.quality, o.evidence, o.event FROM outcomes o
JOIN projects p ON p.ID = o.project WHERE p.name = ? ORDER BY o.id`, s.Project())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var o Outcome
			var pass int
			if err := rows.Scan(&o.TicketID, &o.Gate, &pass, &o.Quality, &o.Evidence, &o.EventID); err != nil {
				return err
			}
			o.Outcome = map[int]policy.Outcome{0: policy.Fail, 1: policy.Pass}[pass]
			o.Route, o.EventID = policy.Owner(strings.TrimPrefix(o.Evidence, "route=")), strings.TrimPrefix(o.EventID, "event:")
			list = append(list, o)
		}
		return rows.Err()
	})
	return list, err
}
