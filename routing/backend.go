package routing

import (
	"context"
	"slices"

	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Message is one message of a conversation.
type Message struct{ Role, Content string }

// Question is a Request as one backend gets it.
type Question struct {
	Request
	Messages []Message
	Alone    bool // no other tier may be asked after this one
}

// The settings of the two kinds of sampling.
const (
	choiceTemperature = 0.2
	freeTemperature   = 0.7
	freeTopP          = 0.8 // of the likeliest tokens, for Sampling.Free
	firstSeed         = 42
)

// Heat is the sampling temperature to send where the server has none for the
// model.
func (q Question) Heat() float64 {
	switch {
	case q.Sampling.Temperature > 0:
		return q.Sampling.Temperature
	case q.Sampling.Free:
		return freeTemperature
	}
	return choiceTemperature
}

// TopP is the top_p to send where the server has none for the model; 0 = none.
func (q Question) TopP() float64 {
	switch {
	case q.Sampling.TopP > 0:
		return q.Sampling.TopP
	case q.Sampling.Free && q.Sampling.Temperature == 0:
		return freeTopP
	}
	return 0
}

// Seed is the seed to send. The repair round has another one than the first
// question: with the same it would repeat itself.
func (q Question) Seed() int { return firstSeed + q.Sampling.Seed }

// PromptBytes is the length of all messages.
func (q Question) PromptBytes() int {
	n := 0
	for _, m := range q.Messages {
		n += len(m.Content)
	}
	return n
}

// CostState says what is known of what a paid call cost.
type CostState int

// The states. The zero value is the safe one: the reservation stays spent.
const (
	CostUnknown   CostState = iota // settled at the reservation
	CostNone                       // never sent: settled at 0
	CostEstimated                  // CostUSD comes from counted tokens and list prices
	CostStated                     // CostUSD comes from the server
)

// Reply is what a backend gives back, not yet judged. It may accompany an
// error: the tokens and the cost of a failed call count too.
type Reply struct {
	Text          []byte
	Thinking      []byte // what the server kept apart as reasoning
	Model, Digest string // that answered, where the server reports it
	Remote        string // the host the server says the model ran on; "" = its own
	In, Out       int    // tokens
	Probs         []judge.TokenProb
	CostUSD       float64 // with CostEstimated or CostStated
	Cost          CostState

	answer judge.Answer // Text unwrapped
}

// Backend is one tier's endpoint. Its errors are *Error without a tier. A
// backend opens and dials nothing until it is asked, keeps its own connections,
// and may be used by many goroutines at once.
type Backend interface {
	Tier() policy.Tier
	Model() string   // as it is asked for
	Address() string // URL it dials; never contains a password
	Paid() bool      // a paid tier is always remote
	Window() int     // tokens of prompt and reply together

	// RemoteModel asks the server whether the model runs somewhere else, and
	// where. The Router asks only a server on this machine. It is the zero Host
	// where the server does not report it.
	RemoteModel(ctx context.Context) (place.Host, *Error)
	// Estimate is the most a call is likely to cost, in US dollars, for the
	// reservation; 0 for a tier that is not paid.
	Estimate(q Question) float64
	// Probe is a free sign of life, for the breaker's half-open state.
	Probe(ctx context.Context) *Error
	Ask(ctx context.Context, q Question) (Reply, *Error)
	// Check looks what the endpoint can do now. It is free.
	Check(ctx context.Context) Check
}

// Check is what a backend found of its endpoint.
type Check struct {
	OK            bool
	Used          bool   // of Health.Proxy: the configuration asks these tiers
	Server        string // what it is called; "" = Ollama
	URL, Version  string
	Model         string
	Present       bool   // the server has the model
	Loaded        bool   // the model is in memory
	Loading       bool   // with deep: it is on its way there, which is no failure
	Remote        string // why this tier is not on this machine; "" = it is
	RemoteOwn     bool   // it is on a machine of the user's own
	Refused       bool   // it may not be asked where it is; Error says which rule forbids it
	Digest        string
	ContextLength int  // tokens, as loaded; 0 = not loaded
	Fleet         bool // a group of hosts of which nothing is known
	Models        []string
	Error, Fix    string
	Note          string // what cannot be checked, said where all else is well
	SlotsError    string // why local calls are not limited; "" = they are
	Generated     string // with deep: how long one real answer took
}

// What a backend of the local tier may do beside answering.
type (
	// Loader brings the model into memory before it is asked.
	Loader interface {
		// Preload starts the load and returns; the load goes on.
		Preload(ctx context.Context) *Error
		// Loading is closed when the load under way has ended; nil = none is.
		Loading() <-chan struct{}
	}
	// Digester reports which weights the model's name refers to now.
	Digester interface {
		AskDigest(ctx context.Context) string
	}
	// Inspector reports what the model takes.
	Inspector interface {
		Inspect(ctx context.Context) (ModelInfo, *Error)
	}
	// Puller fetches the model.
	Puller interface {
		Pull(ctx context.Context, report func(status string, done, total int64)) *Error
	}
)

// key names a backend's breaker: its endpoint and model.
func key(b Backend) string { return b.Address() + " " + b.Model() }

// local is the backend of the local tier; nil = none is configured.
func (r *Router) local() Backend {
	if i := slices.IndexFunc(r.backends, func(b Backend) bool { return b.Tier() == policy.Local }); i >= 0 {
		return r.backends[i]
	}
	return nil
}

// ModelInfo is what the local model takes, as its server reports it.
type ModelInfo struct {
	Listed
	Quantization string // "Q4_K_M"
	LoadedBytes  int64  // in memory now; 0 = not loaded
	GPUBytes     int64  // of LoadedBytes, on a GPU
}

// Listed is one model of a server, as it is listed.
type Listed struct {
	Name         string
	Bytes        int64  // of its weights; 0 = not reported
	Parameters   string // "30.5B"; "" = not reported
	MaxContext   int    // tokens it was made for, or is served with; 0 = not reported
	ContextBytes int64  // of the context that was asked about; 0 = the server does not report enough
	Remote       string // the host it runs on; "" = the server's own machine
}
