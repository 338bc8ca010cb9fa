package routing

import (
	"sync"
	"time"
)

const (
	breakerTrip  = 3 // infrastructure failures in a row
	breakerFirst = 30 * time.Second
	breakerMost  = 5 * time.Minute
)

// Breaker keeps calls away from an endpoint that fails, per endpoint and model,
// in memory. It speaks of health alone: no quality figure ever moves by it.
type Breaker struct {
	now   func() time.Time
	mu    sync.Mutex
	state map[string]*circuit
}

type circuit struct {
	failures int           // in a row
	open     time.Duration // how long this opening lasts; 0 = closed
	until    time.Time     // when one caller may try
	trial    time.Time     // when the half-open caller was let through; zero = none
}

// NewBreaker makes a closed breaker for every key.
func NewBreaker(now func() time.Time) *Breaker {
	return &Breaker{now: now, state: map[string]*circuit{}}
}

// Allow says whether a call may be made. halfOpen marks the one trial after an
// opening; others are refused until it reports, or for 30 s if it never does.
func (b *Breaker) Allow(key string) (ok, halfOpen bool, retryIn time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.state[key]
	if c == nil || c.open == 0 {
		return true, false, 0
	}
	now := b.now()
	if wait := c.until.Sub(now); wait > 0 {
		return false, false, min(wait, c.open) // a clock that jumped back must not close it for hours
	}
	if wait := c.trial.Add(breakerFirst).Sub(now); !c.trial.IsZero() && wait > 0 && wait <= breakerFirst {
		return false, false, wait
	}
	c.trial = now
	return true, true, 0
}

// Success closes the breaker.
func (b *Breaker) Success(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.state, key)
}

// Abandon ends a trial that told nothing of the endpoint's health, such as one
// its caller canceled: the next call may try.
func (b *Breaker) Abandon(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.state[key]; c != nil {
		c.trial = time.Time{}
	}
}

// Failure counts an infrastructure failure: three in a row open the breaker for
// 30 s, and each failed trial doubles that, up to 5 minutes.
func (b *Breaker) Failure(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.state[key]
	if c == nil {
		c = &circuit{}
		b.state[key] = c
	}
	c.failures++
	switch {
	case c.open > 0 && !c.trial.IsZero():
		c.open = min(2*c.open, breakerMost)
	case c.open == 0 && c.failures >= breakerTrip:
		c.open = breakerFirst
	default:
		return
	}
	c.trial, c.until = time.Time{}, b.now().Add(c.open)
}
