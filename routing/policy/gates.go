package policy

import (
	"fmt"
	"slices"
)

// Gate is one quality gate of a ticket.
type Gate string

// The gates.
const (
	Plan      Gate = "plan"
	Implement Gate = "implement"
	Lint      Gate = "lint"
	Review    Gate = "review"
	Commit    Gate = "commit"
)

// GateRule is one gate's row in the table of gates.
type GateRule struct {
	Gate Gate
	// Escalates says that the second failure hands the ticket to a stronger
	// model. Elsewhere a failure is retried.
	Escalates bool
	// Passes and Fails say in a sentence what counts as each, for the documents
	// and the skill.
	Passes, Fails string
}

// GateRules is every gate in order. Schemas, documents and the store's
// counters follow it: a new gate is one entry here.
var GateRules = [...]GateRule{
	{Gate: Plan, Escalates: true,
		Passes: "the plan covers every affected file and every acceptance criterion",
		Fails:  "a file or criterion is missing, or a step is wrong"},
	{Gate: Implement, Escalates: true,
		Passes: "the change is written and its tests pass",
		Fails:  "tests fail, or a step could not be done"},
	{Gate: Lint, Escalates: true,
		Passes: "format, lint and type checks pass",
		Fails:  "a check reports an error"},
	{Gate: Review, Escalates: true,
		Passes: "the reviewer approves",
		Fails:  "the reviewer asks for a change"},
	{Gate: Commit, Escalates: false,
		Passes: "the commit is made",
		Fails:  "a hook or git refuses the commit"},
}

// Gates lists the gates' names in order.
func Gates() []Gate {
	names := make([]Gate, len(GateRules))
	for i, rule := range GateRules {
		names[i] = rule.Gate
	}
	return names
}

func (g Gate) index() int {
	return slices.IndexFunc(GateRules[:], func(r GateRule) bool { return r.Gate == g })
}

// Valid reports whether g is one of the gates.
func (g Gate) Valid() bool { return g.index() >= 0 }

// Next returns the gate whose outcome is expected after this one: the same
// after a failure, the following after a pass, the first after a commit.
func (g Gate) Next(o Outcome) Gate {
	i := g.index()
	if o != Pass || i < 0 {
		return g
	}
	return GateRules[(i+1)%len(GateRules)].Gate
}

// Phase is a ticket's state between its first plan and its commit.
type Phase string

// The phases. The zero Phase is that of a ticket without a record.
const (
	PhaseLocal     Phase = "local"     // a local attempt is open
	PhaseCloud     Phase = "cloud"     // the cloud works on it
	PhaseEscalated Phase = "escalated" // handed to a stronger model, no commit since
	PhaseDone      Phase = "done"      // the commit passed
)

// Limits on repeating one gate.
const (
	failuresToEscalate = 2 // within one phase
	failuresToStop     = 2 // after an escalation
	maxRetriesInRow    = 2 // answers `retry` for one gate since it last passed
)

// EscalationModel takes over escalated tickets.
const EscalationModel = "sonnet"

// TicketState is everything the gate rules remember of a ticket. The zero
// value is a ticket that was never seen. It is comparable.
type TicketState struct {
	Phase       Phase                 `json:"phase,omitempty"`
	EscalatedAt Gate                  `json:"escalated_at,omitempty"`
	Failures    [len(GateRules)]uint8 `json:"failures"` // by gate, in this phase
	Retries     [len(GateRules)]uint8 `json:"retries"`  // by gate, `retry` answered since it last passed
}

// Owner returns whose ticket it is.
func (s TicketState) Owner() Owner {
	if s.Phase == PhaseLocal {
		return OwnerLocal
	}
	return OwnerCloud
}

// GateOutcome is one recorded outcome as the rules see it.
type GateOutcome struct {
	TicketID string
	Gate     Gate
	Outcome  Outcome
	Route    Owner // whose the caller says it was; "" = not said
	// Eligible says that the classification rules let the local model have the
	// ticket, and IneligibleWhy why not.
	Eligible      bool
	IneligibleWhy string
}

// Decision is what one outcome or plan leads to. The booleans say what moves
// in the store.
type Decision struct {
	Action     Action
	Owner      Owner  // whose ticket it was when the gate ran
	EscalateTo string // the model, with Action Escalate
	Message    string // for the user; "" = none
	Warning    string // what was not counted as the caller meant it; "" = nothing
	Changed    string // why the owner changed with this outcome; "" = it did not

	OpensAttempt  bool // a local attempt begins, before the outcome counts
	ClosesAttempt bool // the open local attempt ends with this outcome
	Succeeded     bool // with ClosesAttempt: a commit passed; else it was escalated
}

// OwnerAfter returns whose the ticket is once the decision has led to s: of a
// finished ticket, the owner that did the work.
func (d Decision) OwnerAfter(s TicketState) Owner {
	if s.Phase == PhaseDone {
		return d.Owner
	}
	return s.Owner()
}

// OnOutcome returns what an outcome leads to, and the ticket's state after it.
//
// A ticket is local's while it has an open attempt. The second failure of a
// gate in one phase escalates it once, a local ticket as a cloud one; after
// that the second failure of one gate stops it. A commit's failure is retried
// twice and then stops it. No gate is answered `retry` more than twice in a
// row. A commit that passes ends whatever is open.
func OnOutcome(s TicketState, o GateOutcome) (TicketState, Decision) {
	i := o.Gate.index()
	if i < 0 {
		return s, Decision{Action: Stop, Owner: s.Owner(), Message: fmt.Sprintf("unknown gate %q", o.Gate)}
	}
	s, d := start(s, o)
	d.Owner = s.Owner()
	if o.Outcome == Pass {
		s.Retries[i] = 0
		d.Action = Continue
		if o.Gate == Commit {
			d.Action = Complete
			d.ClosesAttempt = s.Phase == PhaseLocal
			d.Succeeded = d.ClosesAttempt
			s = TicketState{Phase: PhaseDone}
		}
		return s, d
	}
	s.Failures[i]++
	failures, mayRetry := s.Failures[i], s.Retries[i] < maxRetriesInRow
	rule := GateRules[i]
	switch {
	case s.Phase == PhaseEscalated && (failures >= failuresToStop || !mayRetry),
		!rule.Escalates && !mayRetry:
		d.Action = Stop
		d.Message = fmt.Sprintf("%s failed again at %s. Do not retry: show the user what was tried.", o.TicketID, o.Gate)
	case s.Phase != PhaseEscalated && rule.Escalates && (failures >= failuresToEscalate || !mayRetry):
		return escalate(s, o, d)
	default:
		d.Action = Retry
		s.Retries[i]++
	}
	return s, d
}

// start settles whose the outcome is: it opens an attempt where the caller says
// local and the rules agree, and makes an unknown ticket the cloud's otherwise.
func start(s TicketState, o GateOutcome) (TicketState, Decision) {
	var d Decision
	switch {
	case s.Phase == PhaseLocal && o.Route == OwnerCloud:
		d.Warning = fmt.Sprintf("%s has an open local attempt, so this outcome counts as local's", o.TicketID)
	case s.Phase == PhaseLocal:
	case s.Phase == PhaseEscalated && o.Route == OwnerLocal:
		d.Warning = fmt.Sprintf("%s was escalated at %s: it is the cloud's until a commit passes, so route local is not counted",
			o.TicketID, s.EscalatedAt)
	case s.Phase == PhaseEscalated:
	case o.Route == OwnerLocal && o.Eligible:
		d.OpensAttempt = true
		d.Changed = "recorded as local: an attempt of the local model is open"
		s = openAttempt(s)
	default:
		if o.Route == OwnerLocal {
			d.Warning = fmt.Sprintf("%s may not go local (%s), so this outcome counts as the cloud's", o.TicketID, o.IneligibleWhy)
		}
		s = toCloud(s)
	}
	return s, d
}

func escalate(s TicketState, o GateOutcome, d Decision) (TicketState, Decision) {
	who := "Cloud"
	if s.Phase == PhaseLocal {
		who = "Local"
		d.ClosesAttempt = true
		d.Changed = fmt.Sprintf("escalated at %s: from here a cloud ticket", o.Gate)
	}
	d.Action, d.EscalateTo = Escalate, EscalationModel
	d.Message = fmt.Sprintf("%s failed on %s at %s. Escalated.", who, o.TicketID, o.Gate)
	next := TicketState{Phase: PhaseEscalated, EscalatedAt: o.Gate, Retries: s.Retries}
	return next, d
}

// OnPlan returns what a plan that was handed over leads to. A plan of the local
// tier opens an attempt, unless one is open or the ticket was escalated; by
// another tier (named in by) it leaves an open attempt as it is and makes any
// other ticket the cloud's.
func OnPlan(s TicketState, byLocal bool, by string) (TicketState, Decision) {
	d := Decision{Action: Continue}
	switch {
	case s.Phase == PhaseLocal || s.Phase == PhaseEscalated:
	case byLocal:
		d.OpensAttempt = true
		d.Changed = "planned by the local model: from here a local ticket"
		s = openAttempt(s)
	default:
		if s.Phase != PhaseCloud {
			d.Changed = fmt.Sprintf("planned by the %s: from here a cloud ticket", by)
		}
		s = toCloud(s)
	}
	d.Owner = s.Owner()
	return s, d
}

// openAttempt begins a local attempt. Failures of another's work do not count
// against it; the retries do, so that no gate is retried for ever.
func openAttempt(s TicketState) TicketState {
	return TicketState{Phase: PhaseLocal, Retries: s.Retries}
}

func toCloud(s TicketState) TicketState {
	if s.Phase == PhaseCloud {
		return s
	}
	return TicketState{Phase: PhaseCloud, Retries: s.Retries}
}
