package stdio

import (
	"sync"
	"sync/atomic"
	"time"
)

// idleWorkers is how many goroutines wait for work; an idle one costs its stack.
const idleWorkers = 4

// quickCall is how long one goroutine both runs a call and leaves the lines that
// come meanwhile unread.
const quickCall = time.Millisecond

// workers are the goroutines that read and that run calls. Whoever has read a
// call runs it, and another goes on reading: to wake the other takes time that
// the call would have to wait for. The one that ended last is woken first: its
// stack has grown to what a call needs, while that of a new goroutine, or of the
// one idle for longest, would be copied several times until it has.
type workers struct {
	max   int         // calls at once
	quick atomic.Bool // the last call took less than quickCall

	mu      sync.Mutex
	idle    []chan func() // the one that ended last is the last
	running int           // calls
	waiting []func()      // calls, in their order
	closed  bool
	ended   chan struct{} // closed once the last call has ended after close
}

func newWorkers(limit int) *workers { return &workers{max: limit, ended: make(chan struct{})} }

func (w *workers) spawn(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := len(w.idle) - 1; last >= 0 {
		w.idle[last] <- fn // never blocks: an idle one's channel is empty
		w.idle = w.idle[:last]
		return
	}
	next := make(chan func(), 1)
	next <- fn
	go func() {
		for fn := range next {
			fn()
			w.rest(next)
		}
	}()
}

// rest makes a goroutine idle, or ends it where enough are.
func (w *workers) rest(next chan func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= idleWorkers {
		close(next)
		return
	}
	w.idle = append(w.idle, next)
}

// enter reports whether the call may run now; the caller then runs it, and what
// leave returns. Else another does, later.
func (w *workers) enter(call func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if w.running == w.max {
		w.waiting = append(w.waiting, call)
		return false
	}
	w.running++
	return true
}

// run runs a call that has entered, and those that wait. Meanwhile another
// goroutine reads on: at once, or, where the last call was quick and no more has
// come, once this one is not quick. To wake another goroutine takes a tenth of
// what an outcome's record takes. handedOver reports that it reads.
func (w *workers) run(call func(), more bool, readOn func()) (handedOver bool) {
	begun := time.Now()
	var later *time.Timer
	if w.quick.Load() && !more {
		later = time.AfterFunc(quickCall, func() { w.spawn(readOn) })
	} else {
		w.spawn(readOn)
	}
	for ; call != nil; call = w.leave() {
		call()
	}
	w.quick.Store(time.Since(begun) < quickCall)
	return later == nil || !later.Stop()
}

// leave ends a call and returns the one that waits longest, nil where none does.
func (w *workers) leave() (next func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 {
		next, w.waiting = w.waiting[0], w.waiting[1:]
		return next
	}
	w.running--
	if w.closed && w.running == 0 {
		close(w.ended)
	}
	return nil
}

// close ends what is idle and drops what waits. The channel is closed once the
// last call has ended.
func (w *workers) close() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.ended
	}
	w.closed, w.waiting = true, nil
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
	if w.running == 0 {
		close(w.ended)
	}
	return w.ended
}
