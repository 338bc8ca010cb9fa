package breaker

import (
	"sync"
	"testing"
	"time"
)

// clock is a time that a test turns.
type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *clock                { return &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }
func (c *clock) breaker() *Breaker    { return New(c.now) }

// fails makes n calls that fail one after another.
func fails(b *Breaker, key string, n int) {
	for range n {
		p, _, _ := b.Allow(key)
		p.Failure()
	}
}

func wantRefused(t *testing.T, b *Breaker, key string, wait time.Duration) {
	t.Helper()
	if _, ok, retryIn := b.Allow(key); ok || retryIn != wait {
		t.Errorf("allowed %t, next try in %s; want refused for %s", ok, retryIn, wait)
	}
}

func wantTrial(t *testing.T, b *Breaker, key string) Pass {
	t.Helper()
	p, ok, _ := b.Allow(key)
	if !ok || !p.HalfOpen {
		t.Errorf("allowed %t, half-open %t; want the one trial", ok, p.HalfOpen)
	}
	return p
}

func wantClosed(t *testing.T, b *Breaker, key string) Pass {
	t.Helper()
	p, ok, _ := b.Allow(key)
	if !ok || p.HalfOpen {
		t.Errorf("allowed %t, half-open %t; want closed", ok, p.HalfOpen)
	}
	return p
}

func TestBreakerOpensAtThree(t *testing.T) {
	b := newClock().breaker()
	wantClosed(t, b, "a")
	fails(b, "a", 2)
	wantClosed(t, b, "a")
	wantClosed(t, b, "a").Success() // in a row: a success starts the count again
	fails(b, "a", 2)
	wantClosed(t, b, "a").Failure()
	wantRefused(t, b, "a", 30*time.Second)
	wantClosed(t, b, "b") // another endpoint or model is its own
}

func TestBreakerHalfOpen(t *testing.T) {
	c := newClock()
	b := c.breaker()
	fails(b, "a", 3)
	c.pass(29 * time.Second)
	wantRefused(t, b, "a", time.Second)
	c.pass(time.Second)
	trial := wantTrial(t, b, "a")
	wantRefused(t, b, "a", 30*time.Second) // one alone
	trial.Success()
	wantClosed(t, b, "a")
	fails(b, "a", 2)
	wantClosed(t, b, "a")
}

func TestBreakerDoubles(t *testing.T) {
	c := newClock()
	b := c.breaker()
	fails(b, "a", 3)
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		wantRefused(t, b, "a", want)
		c.pass(want)
		wantTrial(t, b, "a").Failure()
	}
	c.pass(5 * time.Minute)
	wantTrial(t, b, "a").Success()
	fails(b, "a", 3)
	wantRefused(t, b, "a", 30*time.Second) // back to the beginning
}

// What a call reports counts only in the generation in which the call began.
func TestBreaker_LateResults(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(t *testing.T, c *clock, b *Breaker, late Pass)
	}{
		{"a failure after it opened does not prolong it", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			c.pass(10 * time.Second)
			late.Failure()
			wantRefused(t, b, "a", 20*time.Second)
		}},
		{"a success after it opened does not close it", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			late.Success()
			wantRefused(t, b, "a", 30*time.Second)
		}},
		{"a failure during the trial does not reopen it", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			c.pass(30 * time.Second)
			trial := wantTrial(t, b, "a")
			late.Failure()
			wantRefused(t, b, "a", 30*time.Second) // the trial is still under way
			trial.Success()
			wantClosed(t, b, "a")
		}},
		{"a success during the trial does not close it", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			c.pass(30 * time.Second)
			trial := wantTrial(t, b, "a")
			late.Success()
			trial.Failure()
			wantRefused(t, b, "a", time.Minute)
		}},
		{"a canceled old call does not free the trial", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			c.pass(30 * time.Second)
			wantTrial(t, b, "a")
			late.Abandon()
			wantRefused(t, b, "a", 30*time.Second)
		}},
		{"failures from before do not count after it closed again", func(t *testing.T, c *clock, b *Breaker, late Pass) {
			c.pass(30 * time.Second)
			wantTrial(t, b, "a").Success()
			for range Trip {
				late.Failure()
			}
			wantClosed(t, b, "a")
		}},
		{"a trial that was given up does not speak for its successor", func(t *testing.T, c *clock, b *Breaker, _ Pass) {
			c.pass(30 * time.Second)
			old := wantTrial(t, b, "a")
			c.pass(30 * time.Second)
			wantTrial(t, b, "a")
			old.Success()
			wantRefused(t, b, "a", 30*time.Second)
		}},
		{"a canceled trial frees the next without closing", func(t *testing.T, c *clock, b *Breaker, _ Pass) {
			c.pass(30 * time.Second)
			wantTrial(t, b, "a").Abandon()
			wantTrial(t, b, "a")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			turned := newClock()
			b := turned.breaker()
			late, _, _ := b.Allow("a")
			fails(b, "a", Trip)
			c.then(t, turned, b, late)
		})
	}
}

// A trial that never reports (canceled, or a model that is loading, which is no
// failure) does not lock the endpoint out for ever.
func TestBreakerTrialWithoutReport(t *testing.T) {
	c := newClock()
	b := c.breaker()
	fails(b, "a", 3)
	c.pass(30 * time.Second)
	wantTrial(t, b, "a")
	c.pass(30 * time.Second)
	wantTrial(t, b, "a")
}

func TestBreakerClockJumpsBack(t *testing.T) {
	c := newClock()
	b := c.breaker()
	fails(b, "a", 3)
	c.pass(-24 * time.Hour)
	if _, ok, retryIn := b.Allow("a"); ok || retryIn > 30*time.Second {
		t.Errorf("after the clock jumped back: allowed %t, next try in %s", ok, retryIn)
	}
}

func TestBreakerOneTrialAmongMany(t *testing.T) {
	c := newClock()
	b := c.breaker()
	fails(b, "a", 3)
	c.pass(time.Minute)
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		trials int
	)
	for range 50 {
		group.Go(func() {
			if _, ok, _ := b.Allow("a"); ok {
				mu.Lock()
				trials++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if trials != 1 {
		t.Errorf("%d of 50 callers were let through while half-open, want 1", trials)
	}
}
