package statestore

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The earliest time asked for counts, once; nothing runs after end.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tm timer
		var ran, at atomic.Int64
		start := time.Now()
		fn := func() { ran.Add(1); at.Store(int64(time.Since(start))) }
		tm.after(time.Minute, fn)
		tm.after(time.Second, fn)
		tm.after(2*time.Second, fn)
		time.Sleep(2 * time.Minute)
		if ran.Load() != 1 || at.Load() != int64(time.Second) {
			t.Errorf("ran %d times, at %s; want once, at 1s", ran.Load(), time.Duration(at.Load()))
		}
		tm.after(time.Second, fn)
		tm.stop()
		time.Sleep(time.Minute)
		if ran.Load() != 1 {
			t.Error("ran though stopped")
		}
		tm.after(time.Second, fn)
		tm.end()
		tm.after(0, fn)
		time.Sleep(time.Minute)
		if ran.Load() != 1 {
			t.Error("ran after the end")
		}
	})
}

// end waits for what runs.
func TestTimerEndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tm timer
		done := false
		tm.after(0, func() { time.Sleep(time.Second); done = true })
		time.Sleep(time.Millisecond)
		tm.end()
		if !done {
			t.Error("ended before it")
		}
	})
}
