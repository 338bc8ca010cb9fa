package statestore

import (
	"context"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Admit lets the guard decide for a ticket: step gets the record of the class
// and what was kept of the ticket in it, and returns both as they are to be
// stored. One transaction, so that processes side by side count once each;
// where step changes nothing, nothing is written. step may be called more than
// once; its last call counts.
func (s *Store) Admit(ctx context.Context, key GuardKey, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	var before, after journal.Admission
	look := func(ctx context.Context, q sqldb.Q) (err error) {
		if before, err = journal.ReadAdmission(ctx, q, key, ticketID); err == nil {
			after.State, after.Memo, err = step(before.State, before.Memo)
		}
		return err
	}
	err := s.read(ctx, func(q sqldb.Q) error { return look(ctx, q) })
	if err != nil || after.Equal(before) {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		if err := look(ctx, tx); err != nil {
			return err
		}
		return journal.SaveAdmission(ctx, tx, key, ticketID, before, after)
	})
}

// GuardStates returns every record of the guard, as stored.
func (s *Store) GuardStates(ctx context.Context) (states map[GuardKey][]byte, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		states, err = journal.GuardStates(ctx, q)
		return err
	})
	return states, err
}

// ResetGuard forgets every record of the guard; outcomes and counters stay.
func (s *Store) ResetGuard(ctx context.Context) error { return s.write(ctx, journal.ResetGuard) }
