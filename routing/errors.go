package routing

import (
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Kind is why a tier gave no answer that counts. Each has one rule in the
// router: repair here, go to the next tier, or stop.
type Kind string

// The kinds. Canceled stops; every other one goes to the next tier.
const (
	Unavailable     Kind = "unavailable"   // refused, reset, 5xx, a dead or garbled stream
	ModelMissing    Kind = "model_missing" // the server does not have the model
	Loading         Kind = "loading"       // the model is being loaded
	Busy            Kind = "busy"          // queue full, rate limited, cooling down, no slot
	Timeout         Kind = "timeout"       // a limit of time ran out; the reason names it
	ContextOverflow Kind = "context_overflow"
	InvalidOutput   Kind = "invalid_output" // cut, empty, off the schema, or refused by the acceptance check
	LowConfidence   Kind = "low_confidence"
	Auth            Kind = "auth"      // a key is missing or not accepted
	Forbidden       Kind = "forbidden" // the key is known and may not do this
	BudgetSpent     Kind = "budget"
	Remote          Kind = "remote" // not on this machine, and the route or LOCALMODEL_CLOUD=never forbids that
	Canceled        Kind = "canceled"
)

// infrastructure reports whether a failure speaks of the endpoint's health, and
// so moves its breaker. What a model wrote never does.
func (k Kind) infrastructure() bool {
	return k == Unavailable || k == ModelMissing || k == Timeout
}

// LimitError says which limit of time ran out, and which setting moves it.
type LimitError struct {
	What    string
	Limit   time.Duration
	Setting string
}

func (e LimitError) Error() string {
	return fmt.Sprintf("no %s within %s (%s)", e.What, e.Limit, e.Setting)
}

// Error is a tier's failure.
type Error struct {
	Tier       policy.Tier
	Kind       Kind
	Reason     string        // for a person, ASCII, one clause
	Fix        string        // the command that fixes it, "" = none known
	RetryAfter time.Duration // when the endpoint says so
	Err        error         // what happened underneath; may be nil
}

// Error returns the tier, where one is set, the reason and what happened
// underneath.
func (e *Error) Error() string {
	text := e.Reason
	if e.Tier != "" {
		text = string(e.Tier) + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what happened underneath.
func (e *Error) Unwrap() error { return e.Err }

// of is a copy of the failure as that of a tier.
func (e *Error) of(tier policy.Tier) *Error {
	out := *e
	out.Tier = tier
	return &out
}

// Fail returns a failure without a tier, which the Router sets, and without a fix.
func Fail(kind Kind, reason string, err error) *Error {
	return &Error{Kind: kind, Reason: reason, Err: err}
}
