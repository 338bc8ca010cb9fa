package journal

import (
	"errors"
	"time"
)

// Errors of the journal. They come wrapped, with the cause in words.
var (
	ErrConflict = errors.New("this event id was recorded with another outcome")
	ErrBudget   = errors.New("today's budget is spent")
)

// Gates in their order.
var Gates = []string{"plan", "implement", "lint", "review", "commit"}

// Outcome is one gate's result.
type Outcome struct {
	TicketID, Gate     string
	Pass               bool
	EventID, ToolUseID string
	Route              string   // local, cloud, or "" = local if the ticket has an open local attempt
	Quality            *float64 // 0 to 100
	Evidence           string
	// Default is whose record an attempt that this outcome opens falls under where
	// the ticket was never classified. It is no part of the payload.
	Default GuardKey
}

// GuardKey names one record of the quality guard. Digest is the model's digest
// and the prompts' version.
type GuardKey struct{ Class, Digest string }

// Closed is a local attempt that just ended.
type Closed struct {
	TicketID  string
	Escalated bool
}

// Recorded is Record's answer.
type Recorded struct {
	Action      string   `json:"action"` // continue, retry, escalate or complete
	NextEventID string   `json:"-"`      // computed afresh each time
	Repeated    bool     `json:"-"`
	EscalateTo  string   `json:"escalate_to,omitempty"`
	Message     string   `json:"message,omitempty"`
	Route       string   `json:"route"` // whose ticket it was: local or cloud
	Attempt     *Attempt `json:"-"`     // the local attempt it belongs to; nil for the cloud's
	Stats       Stats    `json:"stats"`
	Warnings    []string `json:"warnings,omitempty"`
}

// Attempt is one try of the local model at a ticket.
type Attempt struct {
	ID                 int64
	TicketID           string
	Key                GuardKey
	OpenedAt, ClosedAt time.Time // ClosedAt is zero while open
	State              string    // open, escalated or done
	Quality            *float64  // the last score given in it
	Plan, Model        string
	Outcomes           []OutcomeRow
}

// OutcomeRow is one recorded outcome of an attempt.
type OutcomeRow struct {
	At              time.Time
	Gate            string
	Pass            bool
	Quality         *float64
	Evidence, Route string
}

// Decision is a classification, kept by the hash of the ticket's content.
type Decision struct {
	Hash, TicketID, Category, Complexity, By, Why string
	Local                                         bool
	Wave                                          []string
	WaveKnown                                     bool
	Digest                                        string
	At                                            time.Time
}

// Call is one model call, whatever its end.
type Call struct {
	At                                                    time.Time
	Purpose, TicketID, Tier, Model, Digest, PromptVersion string
	TokensIn, TokensOut                                   int
	CostUSD                                               float64
	Estimated, Paid                                       bool
	MS                                                    int64
	Result                                                string // ok, or why not
}

// Stats are the plan's counters, in the schema of the state file.
type Stats struct {
	TotalAttempts    int            `json:"totalAttempts"`
	SuccessCount     int            `json:"successCount"`
	EscalatedToCloud int            `json:"escalatedToCloud"`
	FailuresByType   map[string]int `json:"failuresByType"`
	AvgQualityScore  float64        `json:"avgQualityScore"`
}

// Fate is how an attempt ended.
type Fate struct {
	TicketID string
	ClosedAt time.Time // zero = it is open
	State    string    // open, done or escalated
}

// DailyFigures sum up the attempts that closed on one day, for one class, digest
// and model; those that retention has folded with their outcomes. Outcomes of tickets that were the
// cloud's stand under an empty key, in GatesPassed and GatesFailed alone.
type DailyFigures struct {
	Day             string // 2006-01-02, UTC
	Key             GuardKey
	Model           string
	Done, Escalated int
	QualitySum      float64 // over the QualityN attempts that have one
	QualityN        int
	EscalatedByGate map[string]int
	GatesPassed     map[string]int // outcomes, by gate
	GatesFailed     map[string]int
}

// Step moves the guard's record when a local attempt closes. Where a
// transaction has to be tried again, its last call counts.
type Step = func(state []byte, c Closed) ([]byte, error)
