// Package routing decides who does the work and asks them: which tickets the
// local model may have (policy, guard), which endpoints are healthy (breaker),
// and the tiers in order, each answer checked before it counts (router).
package routing

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Request is one question to a model.
type Request struct {
	Purpose, TicketID string // classify|plan|ask|health; for log rows and the proxy's tags
	System            string // the leading prompt; the same text for every tool, for the prefix cache
	User              string // the tail
	// Remote gives the text that may leave this machine in place of User, and
	// what was withheld from it, in words. It is called at most once, before the
	// first remote tier is asked; nil = User goes everywhere.
	Remote    func() (user string, withheld []string)
	Schema    json.RawMessage // the reply's JSON Schema; nil = free text
	MaxTokens int             // output limit, > 0
	Sampling  Sampling
	// Patient lets the first token take as long as the call has: nobody else may
	// answer, and a slow machine reads a prompt for minutes.
	Patient bool
	// Likely is how many tokens the reply is likely to have; 0 = MaxTokens.
	Likely int
	// ConfidenceFields name the top-level enum fields of Schema whose token
	// probabilities say how sure the model is; the least sure one counts.
	ConfidenceFields []string
	// Accept judges a reply that fits the schema; its error lists the defects.
	Accept func(text []byte) error
	// Repair describes the one repair round on the same tier; nil = none.
	Repair func(text []byte, defects error) string
	// Background work takes a slot of this machine only while no call waits for
	// one, and is interrupted as Busy when one does.
	Background bool
	// Progress hears what is happening, and tokens so far of budget; may be nil.
	Progress func(message string, tokens, budget int)
}

// Report passes on to the caller what is happening, where it listens.
func (r Request) Report(message string, tokens int) {
	if r.Progress != nil {
		r.Progress(message, tokens, r.MaxTokens)
	}
}

// Narrate reports every so often what a call is doing, until the returned
// function is called; after that nothing is reported any more.
func (r Request) Narrate(what func() (string, int)) (stop func()) {
	if r.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				r.Report(what())
			}
		}
	})
	return func() { close(done); group.Wait() }
}

// Seconds writes a duration in whole seconds.
func Seconds(d time.Duration) string { return d.Round(time.Second).String() }

// Sampling is how a reply is drawn from a model's probabilities. The zero value
// is for a choice between a few words: nearly the most likely one.
type Sampling struct {
	// Free is for text that is written, as a plan: what the model's maker
	// recommends, where the server knows it, else a temperature of 0.7 with
	// top_p 0.8. Coder models solve several times more so than near 0.
	Free        bool
	Temperature float64 // above 0: this one, whatever Free says
	TopP        float64 // likewise
	Seed        int     // added to the usual one; another seed gives another reply
}

// Attempt is one tier asked, and what came of it. Kind "" = it answered.
type Attempt struct {
	Tier                policy.Tier
	Model               string
	Remote              bool // it is not on this machine
	Kind                Kind
	Reason              string
	Fix                 string // the command that fixes it, "" = none known
	TokensIn, TokensOut int
	CostUSD             float64
	CostEstimated       bool // some of CostUSD the server did not state
	MS                  int64
}

// add counts what another attempt took.
func (a *Attempt) add(b Attempt) {
	a.MS += b.MS
	a.TokensIn += b.TokensIn
	a.TokensOut += b.TokensOut
	a.CostUSD += b.CostUSD
	a.CostEstimated = a.CostEstimated || b.CostEstimated
}

// Answer is a reply that counts: whole, fitting its schema, accepted.
type Answer struct {
	Text                []byte
	Tier                policy.Tier
	Model, Digest       string
	Remote              bool     // it did not come from this machine
	Withheld            []string // what a remote tier did not get, in words
	Confidence          *float64 // of the least sure field, 0 to 1; nil where the server gives no probabilities
	CostUSD             float64  // of every paid call made on the way, this one included
	CostEstimated       bool
	TokensIn, TokensOut int
	Attempts            []Attempt // in order, the last one answered
	MS                  int64
}

// FellBack reports whether a tier before the one that answered was asked and did not answer.
func (a Answer) FellBack() bool { return len(a.Attempts) > 1 }

// Reason returns why the tiers before the one that answered did not: "" or
// "local: model is loading; cheap: rate limited".
func (a Answer) Reason() string { return reasons(a.Attempts) }

// Unanswered is Complete's error when no tier gave an answer that counts.
type Unanswered struct {
	Attempts []Attempt
	Closed   string   // why no tier could be asked at all; "" = some were
	Withheld []string // what a remote tier did not get, in words
}

// CostUSD is what the calls without an answer cost, US dollars; estimated says that a
// server did not state some of it.
func (u *Unanswered) CostUSD() (usd float64, estimated bool) { return cost(u.Attempts) }

func cost(attempts []Attempt) (usd float64, estimated bool) {
	for _, a := range attempts {
		usd, estimated = usd+a.CostUSD, estimated || a.CostEstimated
	}
	return usd, estimated
}

// Reason returns why each tier asked did not answer.
func (u *Unanswered) Reason() string {
	if len(u.Attempts) == 0 {
		return u.Closed
	}
	return reasons(u.Attempts)
}

func (u *Unanswered) Error() string { return "no tier answered: " + u.Reason() }

func reasons(attempts []Attempt) string {
	var out []string
	for _, a := range attempts {
		if a.Kind != "" {
			out = append(out, string(a.Tier)+": "+a.Reason)
		}
	}
	return strings.Join(out, "; ")
}

// CallRecord is one model call, whatever its end. Result is "ok" or a Kind.
type CallRecord struct {
	At                  time.Time
	Purpose, TicketID   string
	Tier                policy.Tier
	Model, Digest       string
	TokensIn, TokensOut int
	CostUSD             float64
	Estimated, Paid     bool
	MS                  int64
	Result              string
}

// Ledger keeps every model call.
type Ledger interface {
	Call(ctx context.Context, c CallRecord) error
}

// Timer is a Ledger that reports how long calls took.
type Timer interface {
	// Timings are the newest local calls of a model, newest first.
	Timings(ctx context.Context, model string) ([]policy.Timing, error)
}

// Budget reserves a paid call's estimate before it is made and settles it
// after. Over the cap Reserve returns an *Error of kind BudgetSpent.
type Budget interface {
	Reserve(ctx context.Context, tier policy.Tier, estimateUSD float64) (settle func(ctx context.Context, actualUSD float64) error, err error)
}

// Config is what the router needs to know beside its backends.
type Config struct {
	CloudAllowed  bool // false = LOCALMODEL_CLOUD=never
	LocalRemote   bool // LOCALMODEL_LOCAL_REMOTE=allow
	MinConfidence float64
	Log           *slog.Logger
}
