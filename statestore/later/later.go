// Package later runs work a while later, once for all that ask for it meanwhile.
package later

import (
	"sync"
	"time"
)

// Timer runs something a while later: once for all that ask meanwhile, at the
// earliest time asked for, and nothing after End. The zero Timer is ready.
type Timer struct {
	mu      sync.Mutex
	t       *time.Timer
	due     time.Time
	ended   bool
	running sync.WaitGroup
}

// After starts the timer, if it is not to run sooner anyway.
func (t *Timer) After(d time.Duration, fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	due := time.Now().Add(d)
	if t.ended || t.t != nil && !due.Before(t.due) {
		return
	}
	t.stop()
	var mine *time.Timer
	mine = time.AfterFunc(d, func() {
		t.mu.Lock()
		if t.ended || t.t != mine { // stopped or replaced as it fired
			t.mu.Unlock()
			return
		}
		t.t = nil
		t.running.Add(1)
		t.mu.Unlock()
		defer t.running.Done()
		fn()
	})
	t.t, t.due = mine, due
}

// Stop takes the timer back.
func (t *Timer) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
}

func (t *Timer) stop() {
	if t.t != nil {
		t.t.Stop()
		t.t = nil
	}
}

// End stops the timer for good and waits for what runs.
func (t *Timer) End() {
	t.mu.Lock()
	t.stop()
	t.ended = true
	t.mu.Unlock()
	t.running.Wait()
}

// Waiting reports whether something is asked for that has not begun.
func (t *Timer) Waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.t != nil
}
