// Package breaker keeps calls away from endpoints that fail.
package breaker

import (
	"sync"
	"time"
)

// When it opens, and for how long.
const (
	Trip    = 3                // infrastructure failures in a row
	First   = 30 * time.Second // of the first opening
	Longest = 5 * time.Minute  // what the openings double up to
)

// Breaker keeps calls away from an endpoint that fails, per endpoint and model,
// in memory. It is about health alone: no quality figure moves by it. Closed,
// it lets every call through; open, none for a while; half-open, one trial.
type Breaker struct {
	now   func() time.Time
	mu    sync.Mutex
	state map[string]*circuit
}

// circuit is the state of one endpoint and model.
type circuit struct {
	generation int           // counts the changes of state
	failures   int           // in a row
	open       time.Duration // how long this opening lasts; 0 = closed
	until      time.Time     // when one caller may try
	trial      time.Time     // when the half-open caller was let through; zero = none
}

// Pass lets one call through. It belongs to the generation in which the call
// began: what the call reports later, when the state has changed, is ignored.
type Pass struct {
	HalfOpen bool // the call is the one trial after an opening

	breaker    *Breaker
	circuit    *circuit
	generation int
}

// New makes a closed breaker for every key.
func New(now func() time.Time) *Breaker {
	return &Breaker{now: now, state: map[string]*circuit{}}
}

// Allow reports whether a call may be made, else when one may be. While a trial
// is under way others are refused until it reports, or for 30 s if it never
// does.
func (b *Breaker) Allow(key string) (p Pass, ok bool, retryIn time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.state[key]
	if c == nil {
		c = &circuit{}
		b.state[key] = c
	}
	if c.open == 0 {
		return Pass{breaker: b, circuit: c, generation: c.generation}, true, 0
	}
	now := b.now()
	if wait := c.until.Sub(now); wait > 0 {
		return Pass{}, false, min(wait, c.open) // a clock that jumped back must not close it for hours
	}
	if wait := c.trial.Add(First).Sub(now); !c.trial.IsZero() && wait > 0 && wait <= First {
		return Pass{}, false, wait
	}
	c.trial = now
	c.generation++
	return Pass{HalfOpen: true, breaker: b, circuit: c, generation: c.generation}, true, 0
}

// change runs f on the state unless it has changed since the call began.
func (p Pass) change(f func(c *circuit)) {
	p.breaker.mu.Lock()
	defer p.breaker.mu.Unlock()
	if p.circuit.generation == p.generation {
		f(p.circuit)
	}
}

// Success closes the breaker.
func (p Pass) Success() {
	p.change(func(c *circuit) {
		if c.open > 0 {
			c.generation++
		}
		c.failures, c.open, c.trial = 0, 0, time.Time{}
	})
}

// Abandon ends a call that showed nothing of the endpoint's health, such as one
// its caller canceled. After a trial the next call may try.
func (p Pass) Abandon() {
	p.change(func(c *circuit) { c.trial = time.Time{} })
}

// Failure counts an infrastructure failure: three in a row open the breaker for
// 30 s, and each failed trial doubles that, up to 5 minutes.
func (p Pass) Failure() {
	p.change(func(c *circuit) {
		c.failures++
		switch {
		case c.open > 0:
			c.open = min(2*c.open, Longest)
		case c.failures >= Trip:
			c.open = First
		default:
			return
		}
		c.generation++
		c.trial, c.until = time.Time{}, p.breaker.now().Add(c.open)
	})
}
