package later

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The earliest time asked for counts, once; nothing runs after End.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tm Timer
		var ran, at atomic.Int64
		start := time.Now()
		fn := func() { ran.Add(1); at.Store(int64(time.Since(start))) }
		tm.After(time.Minute, fn)
		tm.After(time.Second, fn)
		tm.After(2*time.Second, fn)
		time.Sleep(2 * time.Minute)
		if ran.Load() != 1 || at.Load() != int64(time.Second) {
			t.Errorf("ran %d times, at %s; want once, at 1s", ran.Load(), time.Duration(at.Load()))
		}
		tm.After(time.Second, fn)
		tm.Stop()
		time.Sleep(time.Minute)
		if ran.Load() != 1 {
			t.Error("ran though stopped")
		}
		tm.After(time.Second, fn)
		tm.End()
		tm.After(0, fn)
		time.Sleep(time.Minute)
		if ran.Load() != 1 {
			t.Error("ran after the end")
		}
	})
}

// End waits for what runs.
func TestTimerEndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tm Timer
		done := false
		tm.After(0, func() { time.Sleep(time.Second); done = true })
		time.Sleep(time.Millisecond)
		tm.End()
		if !done {
			t.Error("ended before it")
		}
	})
}
