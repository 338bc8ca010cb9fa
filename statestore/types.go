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

// What is recorded and read back, as package journal describes it.
type (
	Outcome      = journal.Outcome
	Recorded     = journal.Recorded
	Closed       = journal.Closed
	Step         = journal.Step
	GuardKey     = journal.GuardKey
	Attempt      = journal.Attempt
	OutcomeRow   = journal.OutcomeRow
	Decision     = journal.Decision
	Call         = journal.Call
	Stats        = journal.Stats
	DailyFigures = journal.DailyFigures
)

// Gates in their order.
var Gates = journal.Gates
