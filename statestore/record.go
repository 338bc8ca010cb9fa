package statestore

import (
	"context"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Record writes one outcome: the row, the attempt, the counters and the guard
// (through step, called exactly when a local attempt closes, with the guard's
// state under the attempt's key; where the transaction has to be tried again,
// its last call counts) in one transaction, on disk before it returns.
//
// Where the journal is a Postgres server that cannot be reached, the outcome is
// on disk in the local journal instead; a warning says so, and it is delivered,
// once, when the server is back.
func (s *Store) Record(ctx context.Context, o Outcome, step Step) (Recorded, error) {
	if s.local != nil {
		return s.recordRemote(ctx, o, step)
	}
	return s.record(ctx, "", o, s.o.Now(), step)
}

func (s *Store) record(ctx context.Context, delivery string, o Outcome, now time.Time, step Step) (Recorded, error) {
	before, known := s.counters(ctx)
	var r Recorded
	err := s.writeOnce(ctx, delivery, func(ctx context.Context, tx sqldb.Q) (err error) {
		if known {
			if err := journal.TakeOver(ctx, tx, Stats(before)); err != nil {
				return err
			}
		}
		r, err = journal.Record(ctx, tx, o, now, step)
		return err
	})
	if err != nil {
		return Recorded{}, err
	}
	if known {
		s.baseline.Store(true)
	}
	if !r.Repeated {
		s.mirror.changed()
		r.Warnings = append(r.Warnings, s.Warnings()...)
	}
	return r, nil
}

// counters reads what the state file counted before the first outcome, where
// that is not taken over yet.
func (s *Store) counters(ctx context.Context) (before projection.Stats, known bool) {
	if s.baseline.Load() {
		return before, false
	}
	// A torn file is waited for once: one that stays broken must not slow every
	// record.
	return s.mirror.file.Baseline(ctx, !s.waited.Swap(true))
}

// OpenAttempt notes that the local model served a plan. While an attempt is
// open it stays the same one, with the new plan; after an escalation none opens
// until a commit has passed, and the Attempt returned is empty. It is also
// empty where a server cannot be reached: then it is kept and delivered.
func (s *Store) OpenAttempt(ctx context.Context, ticketID string, key GuardKey, plan, model string) (Attempt, error) {
	var a Attempt
	o := journal.Opening{Ticket: ticketID, Class: key.Class, Digest: key.Digest, Plan: plan, Model: model}
	now := s.o.Now()
	err := s.deliverable(ctx, kindOpening, o, func(ctx context.Context, tx sqldb.Q) (err error) {
		a, err = journal.Open(ctx, tx, o, now)
		return err
	})
	return a, err
}

// NextEventID is the key to record a gate's next outcome under.
func (s *Store) NextEventID(ctx context.Context, ticketID, gate string) (id string, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		id, err = journal.NextEventID(ctx, q, ticketID, gate)
		return err
	})
	return id, err
}

// TicketState says whether the ticket has an open local attempt, and at which
// gate it was escalated with no commit passed since ("" = not).
func (s *Store) TicketState(ctx context.Context, ticketID string) (open bool, escalatedAt string, err error) {
	err = s.read(ctx, func(q sqldb.Q) (err error) {
		open, escalatedAt, err = journal.TicketState(ctx, q, ticketID)
		return err
	})
	return open, escalatedAt, err
}
