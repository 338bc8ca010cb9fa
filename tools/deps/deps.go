// Package deps holds what the tools work with.
package deps

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/internal/advice"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/background"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/project"
)

// Asker asks models in order of tier. *routing.Router is one.
type Asker interface {
	Complete(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error)
	Digest(ctx context.Context) string
	Health(ctx context.Context, deep bool) routing.Health
	Preload(ctx context.Context) error
}

// Journal remembers decisions, attempts and outcomes. *statestore.Store is one.
type Journal interface {
	Record(ctx context.Context, o statestore.Outcome, step func(state []byte, c statestore.Closed) ([]byte, error)) (statestore.Recorded, error)
	RecordPlan(ctx context.Context, p statestore.Plan) (policy.Decision, error)
	TicketState(ctx context.Context, ticketID string) (statestore.Ticket, error)
	NextEventID(ctx context.Context, ticketID string, gate policy.Gate) (string, error)
	Admit(ctx context.Context, key guard.Key, ticketID string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error
	GuardStates(ctx context.Context) (map[guard.Key][]byte, error)
	// RecordDraft notes a draft that came to an end, DraftRecords the guard's
	// records of drafts.
	RecordDraft(ctx context.Context, d drafts.Draft) error
	DraftRecords(ctx context.Context) (map[guard.Key][]byte, error)
	// Echo and SaveEcho keep whether a model repeats hints.
	Echo(ctx context.Context, key guard.Key) (state []byte, err error)
	SaveEcho(ctx context.Context, key guard.Key, state []byte) error
	SaveDecision(ctx context.Context, d decisions.Decision) error
	Decision(ctx context.Context, ticketID, hash, source string) (decisions.Decision, bool, error)
	LastDecision(ctx context.Context, ticketID string) (decisions.Decision, bool, error)
	// PlanFailure is what the plan gate refused last.
	PlanFailure(ctx context.Context, ticketID string) (statestore.PlanFailure, error)
	Completed(ctx context.Context, ticketIDs []string) (map[string]bool, error)
	Known(ctx context.Context, id string, limit int) (known bool, near []string, err error)
	KnownDigest(ctx context.Context, model string) (string, error)
	Stats(ctx context.Context) (projection.Stats, error)
	Warnings() []string
}

// Deps is what the tools work with. cmd fills it.
type Deps struct {
	Root     string   // project root: every path in an argument resolves inside it
	Prefixes []string // configured ticket prefixes, beside BUG, FEAT and TASK
	Model    string   // the local model's name
	NumCtx   int      // its context window, tokens
	Deadline time.Duration
	Guard    policy.Guard
	Asker    Asker
	// Room is how many bytes of prompt the first tier of a route takes beside a
	// reply of maxTokens; nil = estimated from NumCtx.
	Room         func(ctx context.Context, route policy.Route, maxTokens int) int
	Journal      Journal
	Problems     []string // what is wrong with the configuration
	CloudAllowed bool
	// PaidTier says that a paid tier is configured and may be asked.
	PaidTier bool
	// Finish finishes answers that outlive their call; nil = they are lost.
	Finish *background.Keeper
	// EchoAfter is how long after the local model's first answer it is measured
	// whether it repeats hints; 0 = never.
	EchoAfter    time.Duration
	Project      string         // its identity in the journal
	Drafts       *draft.Manager // nil = no drafts
	DraftDefault bool           // plan_ticket drafts unless it is told not to
	// DraftTemperature is the sampling temperature of a draft; 0 = the model
	// maker's, where the server knows it, else the one of free text.
	DraftTemperature float64
	// TrustedCommands returns the project's own commands that check a draft, where
	// the user trusts them, else why there are none. Environ is what they see, but
	// for secrets.
	TrustedCommands func(ctx context.Context) (lines []string, why string)
	Confine         []string // the command that calls trial.RunConfined
	Environ         func() []string
	// Fix turns a fix of the local tier, or with another tier of the proxy, into a
	// command that runs on this system; "" = it is not offered. nil = as it is.
	Fix   func(tier policy.Tier, fix string) string
	Shell advice.Shell // that advice is given for
	Log   *slog.Logger

	// What this process has found out or begun; it starts empty.
	SeenIDs sync.Map    // ids of tickets that the journal is known to know
	Echoing atomic.Bool // it is measured whether the local model repeats hints
}

// Files reads the files of the project.
func (d *Deps) Files() project.Project { return project.Project{Root: d.Root} }

// CallLimit is the time of a whole call: the deadline, until which models are
// asked, and a little more in which their answer is written down. Clients give up
// some seconds after the deadline.
func (d *Deps) CallLimit() time.Duration { return d.Deadline + d.afterDeadline() }

func (d *Deps) afterDeadline() time.Duration { return min(3*time.Second, d.Deadline/4) }

// UntilDeadline ends a call's context at the deadline, for the models.
func (d *Deps) UntilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, d.Deadline)
	}
	return context.WithDeadline(ctx, end.Add(-d.afterDeadline()))
}

// Progress passes what a call is doing on to the client; nil = nobody listens.
// Where total is 0, done is not known.
type Progress func(done, total float64, message string)

// Tokens is how a model that is asked about a ticket reports.
func (p Progress) Tokens(id string) func(message string, tokens, budget int) {
	if p == nil {
		return nil
	}
	return func(message string, _, _ int) { p(0, 0, plain.Clip(id+": "+message, 120)) }
}
