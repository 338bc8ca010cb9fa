package routing

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
)

const (
	// firstBytesPerToken is what a token of prose or code is worth in the
	// tokenizers of today, on the safe side, until a server has counted.
	firstBytesPerToken = 3.0
	windowReserve      = 0.10 // of an estimate, for texts denser than the ones counted
	leastLearned       = 500  // bytes; a shorter prompt is mostly its template
)

// gauge estimates how many tokens a prompt has, per model, from the counts
// that came back with earlier answers of this process.
type gauge struct {
	mu    sync.Mutex
	known map[string]float64 // bytes per token
}

func newGauge() *gauge { return &gauge{known: map[string]float64{}} }

// bytesPerToken is what is known of a model, else the first guess.
func (g *gauge) bytesPerToken(model string) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return cmp.Or(g.known[model], firstBytesPerToken)
}

// tokens estimates the tokens of a prompt, reserve included.
func (g *gauge) tokens(model string, bytes int) int {
	return int(math.Ceil(float64(bytes) / g.bytesPerToken(model) * (1 + windowReserve)))
}

// learn takes a server's own count. Denser text is believed faster than
// looser: promising room that is not there is the worse error.
func (g *gauge) learn(model string, bytes, tokens int) {
	if bytes < leastLearned || tokens <= 0 {
		return
	}
	g.set(model, float64(bytes)/float64(tokens), func(seen, old float64, known bool) float64 {
		switch {
		case !known:
			return seen
		case seen < old:
			return old + (seen-old)*0.5
		}
		return old + (seen-old)*0.1
	})
}

// overflowed takes a server's refusal: the prompt has more tokens than its
// window, however few they were estimated at.
func (g *gauge) overflowed(model string, bytes, window int) {
	g.set(model, float64(bytes)/float64(window), func(most, old float64, known bool) float64 {
		if known {
			return min(old, most)
		}
		return min(firstBytesPerToken, most)
	})
}

// set takes a figure of bytes per token in, unless it is damaged: such a one
// would close or open every window.
func (g *gauge) set(model string, seen float64, next func(seen, old float64, known bool) float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, known := g.known[model]
	if seen >= 0.5 && seen <= 10 {
		g.known[model] = next(seen, old, known)
	}
}

// fits refuses a prompt that is too long for a tier's window before it is
// sent: no server is given the chance to cut it.
func (r *Router) fits(b Backend, q Question) *Error {
	window := b.Window()
	need := r.gauge.tokens(b.Model(), q.PromptBytes())
	if need+q.MaxTokens <= window {
		return nil
	}
	return Fail(ContextOverflow, fmt.Sprintf("the prompt of %d bytes is about %d tokens, too long for the window of %d with %d kept for the reply",
		q.PromptBytes(), need, window, q.MaxTokens), nil)
}

// noWindow is the room of a question that nobody is asked, in bytes.
const noWindow = 1 << 20

// Room is how many bytes of prompt the first tier of a route takes beside a
// reply of maxTokens; at least 0. Where no tier may be asked there is no window to
// fill: what is read is for the template.
func (r *Router) Room(_ context.Context, route policy.Route, maxTokens int) int {
	tiers := r.tiers(route)
	if len(tiers) == 0 {
		return noWindow
	}
	b := tiers[0]
	free := float64(b.Window()-maxTokens) / (1 + windowReserve)
	return max(0, int(free*r.gauge.bytesPerToken(b.Model())))
}

// tooSlow keeps a question from a local model that will not be through in its
// time, where another tier may answer: what it has written by then would be
// thrown away, every time.
func (u *run) tooSlow(ctx context.Context, b Backend, alone bool) *Error {
	end, limited := ctx.Deadline()
	timer, known := u.router.ledger.(Timer)
	if alone || !limited || !known || b.Tier() != policy.Local {
		return nil
	}
	timings, err := timer.Timings(ctx, b.Model())
	if err != nil {
		return nil // what is not known keeps nobody from asking
	}
	in := u.router.gauge.tokens(b.Model(), len(u.req.System)+len(u.req.User))
	out := cmp.Or(max(u.req.Likely, 0), u.req.MaxTokens)
	takes := policy.Forecast(timings, u.req.Purpose, in, out)
	if takes <= time.Until(end) {
		return nil
	}
	return Fail(Timeout, fmt.Sprintf("too slow, about %.0f s", takes.Seconds()), nil)
}
