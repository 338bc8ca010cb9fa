// Package routing decides who does the work and asks them: which tickets the
// local model may have (policy, guard), which endpoints are healthy (breaker),
// and the tiers in order, each answer checked before it counts (router).
package routing

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// Tier is one level of models: the free local one, then two paid ones.
type Tier string

// The tiers, cheapest first.
const (
	Local    Tier = "local"
	Cheap    Tier = "cheap"
	Balanced Tier = "balanced"
)

// Route is which tiers a caller allows.
type Route string

// Auto asks every tier in order, OnlyLocal never leaves the machine, and
// OnlyCloud skips the local model.
const (
	Auto      Route = "auto"
	OnlyLocal Route = "local"
	OnlyCloud Route = "cloud"
)

// Request is one question to a model.
type Request struct {
	Purpose, TicketID string          // classify|plan|ask|health; for log rows and the proxy's tags
	System            string          // the leading prompt; the same text for every tool, for the prefix cache
	User              string          // the tail
	Schema            json.RawMessage // the reply's JSON Schema; nil = free text
	MaxTokens         int             // output limit, > 0
	Temperature       float64         // 0 = the default of 0.2
	// ConfidenceFields name the top-level enum fields of Schema whose token
	// probabilities say how sure the model is; the least sure one counts.
	ConfidenceFields []string
	// Accept judges a reply that fits the schema; its error lists the defects.
	Accept func(text []byte) error
	// Repair words the one repair round on the same tier; nil = none.
	Repair func(text []byte, defects error) string
	// Progress hears what is happening, and tokens so far of budget; may be nil.
	Progress func(message string, tokens, budget int)
}

func (r Request) report(message string, tokens int) {
	if r.Progress != nil {
		r.Progress(message, tokens, r.MaxTokens)
	}
}

// Attempt is one tier asked, and what came of it. Kind "" = it answered.
type Attempt struct {
	Tier                Tier
	Model               string
	Kind                Kind
	Reason              string
	Fix                 string // what mends it, "" = nothing known
	TokensIn, TokensOut int
	CostUSD             float64
	MS                  int64
}

// Answer is a reply that counts: whole, fitting its schema, accepted.
type Answer struct {
	Text                []byte
	Tier                Tier
	Model, Digest       string
	Confidence          *float64 // of the least sure field, 0 to 1; nil where the server gives no probabilities
	CostUSD             float64  // of every paid call made on the way, this one included
	CostEstimated       bool
	TokensIn, TokensOut int
	Attempts            []Attempt // in order, the last one answered
	MS                  int64
}

// FellBack says whether a tier before the one that answered was asked in vain.
func (a Answer) FellBack() bool { return len(a.Attempts) > 1 }

// Reason says why the tiers before the one that answered did not: "" or
// "local: model is loading; cheap: rate limited".
func (a Answer) Reason() string { return reasons(a.Attempts) }

// Unanswered is Complete's error when no tier gave an answer that counts.
type Unanswered struct {
	Attempts []Attempt
	Closed   string // why no tier could be asked at all; "" = some were
}

// Reason says why each tier asked did not answer.
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
	Tier                Tier
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

// Budget reserves a paid call's estimate before it is made and settles it
// after. Over the cap Reserve returns an *Error of kind BudgetSpent.
type Budget interface {
	Reserve(ctx context.Context, tier Tier, estimateUSD float64) (settle func(ctx context.Context, actualUSD float64) error, err error)
}

// Config is everything the router needs to know; cmd fills it. A limit of 0 is
// taken for the default: Ollama takes some zeros for "no limit".
type Config struct {
	OllamaURL, Model string
	Local            string // ollama, or proxy = LiteLLM's group "free" is the local tier
	NumCtx           int    // tokens; ONE value for every call, since another makes Ollama reload
	KeepAlive        time.Duration
	Slots            int    // local generations at once on this machine, over all processes
	SlotDir          string // where their lock files are, a directory of the user's own; "" = no limit
	ConnectTimeout, LoadTimeout,
	FirstTokenTimeout, TokenTimeout time.Duration
	LoadGrace          time.Duration // how long a cold model may hold up a call that has another tier; 0 = 2 s
	PaidWindow         int           // context window of the paid tiers, tokens; 0 = 200,000
	Calibration        Calibration   // nil = what is learned about tokens ends with the process
	MinConfidence      float64
	ProxyURL, ProxyKey string
	Fallback           []Tier
	CloudAllowed       bool
	Log                *slog.Logger
	Version            string
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.ConnectTimeout, 2 * time.Second}, {&c.LoadTimeout, 10 * time.Minute},
		{&c.FirstTokenTimeout, 40 * time.Second}, {&c.TokenTimeout, 10 * time.Second}, {&c.LoadGrace, loadGrace},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	if c.NumCtx <= 0 {
		c.NumCtx = 32768
	}
	if c.PaidWindow <= 0 {
		c.PaidWindow = 200_000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
