package statestore

import (
	"errors"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// ErrConflict comes wrapped, with the key that is free.
var ErrConflict = errors.New("this event id was recorded with another outcome")

// Outcome is one gate's result.
type Outcome struct {
	TicketID           string
	Gate               policy.Gate
	Outcome            policy.Outcome
	EventID, ToolUseID string
	Route              policy.Owner    // whose the caller says it was; "" = not said
	Quality            *float64        // 0 to 100; nil = not said
	Evidence           string          // what failed, in the caller's words
	Draft              policy.DraftUse // what became of the local model's draft; "" = not said
	// Default is whose record an attempt that this outcome opens falls under where
	// the ticket was never classified. It is no part of the payload.
	Default guard.Key
}

// Pass reports whether the gate passed.
func (o Outcome) Pass() bool { return o.Outcome == policy.Pass }

// Recorded is Record's answer.
type Recorded struct {
	Action      policy.Action    `json:"action"`
	NextEventID string           `json:"next_event_id"`
	EscalateTo  string           `json:"escalate_to,omitempty"`
	Message     string           `json:"message,omitempty"`
	Changed     string           `json:"changed,omitempty"` // why the owner changed; "" = it did not
	Route       policy.Owner     `json:"route"`             // whose ticket it was when the gate ran
	Owner       policy.Owner     `json:"owner"`             // whose it is from here
	Stats       projection.Stats `json:"stats"`
	Warnings    []string         `json:"warnings,omitempty"`
	Attempt     *Attempt         `json:"-"` // what was escalated, local or the cloud's; nil otherwise

	Repeated     bool   `json:"-"`
	IfNewEventID string `json:"-"` // with Repeated: the key to use if the gate ran anew
}

// Plan is a plan that was handed over.
type Plan struct {
	TicketID string
	ByLocal  bool
	By       string // who made it, in words
	Key      guard.Key
	Text     string
	Model    string
}

// planner is what an attempt stores of who made its plan: "" = its own model.
func (p Plan) planner() string {
	if p.ByLocal {
		return ""
	}
	return journal.Clip(p.By, journal.MaxField)
}

// Ticket is a ticket's state.
type Ticket struct {
	policy.TicketState
	Attempt int64 // the open local attempt; 0 = none
	runs    [gates]int
	pruned  bool // keys of it are older than retention and gone
	key     guard.Key
	quality *float64
}

// Closed is a local attempt that just ended.
type Closed struct {
	TicketID  string
	Key       guard.Key // of the record that moves
	Escalated bool
}

// Step moves a record of the guard when a local attempt closes. Where a
// transaction has to be tried again, its last call counts.
type Step = func(state []byte, c Closed) ([]byte, error)

// Attempt is one try of the local model at a ticket, or, with OwnerCloud, what
// the cloud did with one since its last commit.
type Attempt struct {
	TicketID    string
	Owner       policy.Owner
	Plan, Model string
	Planner     string // who made Plan, where it was not Model
	Outcomes    []OutcomeRow
}

// OutcomeRow is one recorded outcome of an attempt.
type OutcomeRow struct {
	Gate     policy.Gate
	Pass     bool
	Evidence string
}

// gates is how many there are.
const gates = len(policy.GateRules)
