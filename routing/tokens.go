package routing

import (
	"context"
	"fmt"
	"math"
	"sync"
)

const (
	// firstBytesPerToken is what a token of prose or code is worth in the
	// tokenizers of today, on the safe side, until a server has counted.
	firstBytesPerToken = 3.0
	windowReserve      = 0.10 // of an estimate, for texts denser than the ones counted
	leastLearned       = 500  // bytes; a shorter prompt is mostly its template
)

// Calibration keeps what servers' own token counts have taught about a model's
// tokenizer.
type Calibration interface {
	// Calibration returns the bytes that a token of the model's prompts is worth.
	Calibration(ctx context.Context, model string) (bytesPerToken float64, found bool, err error)
	SaveCalibration(ctx context.Context, model string, bytesPerToken float64) error
}

// gauge estimates how many tokens a prompt has, per model, from the counts
// that came back with earlier answers.
type gauge struct {
	cfg Config

	mu    sync.Mutex
	known map[string]float64 // bytes per token
	saved map[string]float64
}

func newGauge(cfg Config) *gauge {
	return &gauge{cfg: cfg, known: map[string]float64{}, saved: map[string]float64{}}
}

// bytesPerToken is what is known of a model, else the first guess.
func (g *gauge) bytesPerToken(ctx context.Context, model string) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v, ok := g.known[model]; ok {
		return v
	}
	if g.cfg.Calibration == nil {
		return firstBytesPerToken
	}
	v, found, err := g.cfg.Calibration.Calibration(ctx, model)
	switch {
	case err != nil:
		g.cfg.Log.Warn("token calibration not readable", "model", model, "err", err)
		return firstBytesPerToken
	case !found || !plausible(v):
		return firstBytesPerToken
	}
	g.known[model], g.saved[model] = v, v
	return v
}

// plausible keeps a damaged figure from closing or opening every window.
func plausible(bytesPerToken float64) bool { return bytesPerToken >= 0.5 && bytesPerToken <= 10 }

// tokens estimates the tokens of a prompt, reserve included.
func (g *gauge) tokens(ctx context.Context, model string, bytes int) int {
	return int(math.Ceil(float64(bytes) / g.bytesPerToken(ctx, model) * (1 + windowReserve)))
}

// learn takes a server's own count. Denser text is believed faster than
// looser: promising room that is not there is the worse error.
func (g *gauge) learn(ctx context.Context, model string, bytes, tokens int) {
	if bytes < leastLearned || tokens <= 0 {
		return
	}
	seen := float64(bytes) / float64(tokens)
	if !plausible(seen) {
		return
	}
	g.bytesPerToken(ctx, model) // reads what earlier processes learned
	g.set(ctx, model, func(old float64, known bool) float64 {
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
func (g *gauge) overflowed(ctx context.Context, model string, bytes, window int) {
	most := float64(bytes) / float64(window)
	if !plausible(most) {
		return
	}
	g.bytesPerToken(ctx, model)
	g.set(ctx, model, func(old float64, known bool) float64 {
		if known {
			return min(old, most)
		}
		return min(firstBytesPerToken, most)
	})
}

func (g *gauge) set(ctx context.Context, model string, next func(old float64, known bool) float64) {
	g.mu.Lock()
	old, known := g.known[model]
	now := next(old, known)
	g.known[model] = now
	last, kept := g.saved[model]
	save := g.cfg.Calibration != nil && (!kept || math.Abs(now-last) > 0.05*last)
	if save {
		g.saved[model] = now
	}
	g.mu.Unlock()
	if !save {
		return
	}
	if err := g.cfg.Calibration.SaveCalibration(ctx, model, now); err != nil {
		g.cfg.Log.Warn("token calibration not saved", "model", model, "err", err)
	}
}

// fits refuses a prompt that is too long for a tier's window before it is
// sent: no server is given the chance to cut it.
func (r *Router) fits(ctx context.Context, b backend, q question) *Error {
	window := b.window()
	need := r.gauge.tokens(ctx, b.model(), q.bytes())
	if need+q.MaxTokens <= window {
		return nil
	}
	return fail(ContextOverflow, fmt.Sprintf("the prompt of %d bytes is about %d tokens, too long for the window of %d with %d kept for the reply",
		q.bytes(), need, window, q.MaxTokens), nil)
}

// Room is how many bytes of prompt the first tier of a route takes beside a
// reply of maxTokens; at least 0.
func (r *Router) Room(ctx context.Context, route Route, maxTokens int) int {
	tiers := r.tiers(route)
	if len(tiers) == 0 {
		return 0
	}
	b := tiers[0]
	free := float64(b.window()-maxTokens) / (1 + windowReserve)
	return max(0, int(free*r.gauge.bytesPerToken(ctx, b.model())))
}

// bytes is the prompt's length.
func (q question) bytes() int {
	n := 0
	for _, m := range q.messages {
		n += len(m.Content)
	}
	return n
}

// window is a paid group's, or for the proxy's local group the one its
// configuration must share with ours.
func (g group) window() int {
	if g.t == Local {
		return g.cfg.NumCtx
	}
	return g.cfg.PaidWindow
}
