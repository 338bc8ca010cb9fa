package statestore

import (
	"sync"
	"time"
)

// timer runs something a while later: one at a time, and nothing after end.
type timer struct {
	mu      sync.Mutex
	t       *time.Timer
	ended   bool
	running sync.WaitGroup
}

// after starts the timer if it does not run.
func (t *timer) after(d time.Duration, fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.t != nil || t.ended {
		return
	}
	t.t = time.AfterFunc(d, func() {
		t.mu.Lock()
		if t.ended {
			t.mu.Unlock()
			return
		}
		t.t = nil
		t.running.Add(1)
		t.mu.Unlock()
		defer t.running.Done()
		fn()
	})
}

// stop takes the timer back.
func (t *timer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.t != nil {
		t.t.Stop()
		t.t = nil
	}
}

// end stops the timer for good and waits for what runs.
func (t *timer) end() {
	t.stop()
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.running.Wait()
}
