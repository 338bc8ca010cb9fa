package statestore

import (
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Errors of the journal. They come wrapped, with the cause in words.
var (
	ErrConflict    = journal.ErrConflict
	ErrBudget      = journal.ErrBudget
	ErrReadOnly    = sqldb.ErrReadOnly
	ErrUnavailable = sqldb.ErrUnavailable
)

// Outcome is one gate's result.
type Outcome = journal.Outcome

// Recorded is Record's answer.
type Recorded = journal.Recorded

// Closed is a local attempt that just ended.
type Closed = journal.Closed

// Step moves the guard's record when a local attempt closes. Where a
// transaction has to be tried again, its last call counts.
type Step = journal.Step

// GuardKey names one record of the quality guard.
type GuardKey = journal.GuardKey

// Attempt is one try of the local model at a ticket.
type Attempt = journal.Attempt

// OutcomeRow is one recorded outcome of an attempt.
type OutcomeRow = journal.OutcomeRow

// Decision is a classification, kept by the hash of the ticket's content.
type Decision = journal.Decision

// Call is one model call, whatever its end.
type Call = journal.Call

// Stats are the plan's counters, in the schema of the state file.
type Stats = journal.Stats

// Fate is how an attempt ended.
type Fate = journal.Fate

// DailyFigures sum up what retention has folded of one day.
type DailyFigures = journal.DailyFigures

// Gates in their order.
var Gates = journal.Gates
