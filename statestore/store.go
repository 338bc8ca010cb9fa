package statestore

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/money"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Store is a project's journal with everything that is recorded in it. It is safe
// for concurrent use, by many goroutines and many processes.
type Store struct {
	*journal.Journal
	*decisions.History
	*guard.Records
	*drafts.Uses
	*money.Spending
	Calls *calls.Log

	memory memory
	step   atomic.Pointer[Step] // that kept outcomes are delivered with; nil = not known yet
}

// New makes a store. It opens nothing: the first use does.
func New(o journal.Options) *Store {
	j := journal.New(o)
	s := &Store{
		Journal: j, History: decisions.New(j), Records: guard.New(j), Uses: drafts.New(j), Spending: money.New(j), Calls: calls.New(j),
	}
	j.OnDelivery(kindOutcome, s.sendOutcome)
	journal.NewKind(j, kindPlan, func(ctx context.Context, tx sqldb.Q, project *journal.Project, p Plan, at time.Time) error {
		_, _, err := recordPlan(ctx, tx, project, p, at)
		return err
	})
	return s
}

// DeliverWith has outcomes that wait for a server delivered without waiting for
// the next Record: step is what that will be given.
func (s *Store) DeliverWith(step Step) { s.step.Store(&step) }
