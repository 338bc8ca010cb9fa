package slots

import (
	"context"
	"testing"
	"time"
)

// TestAcquireBackground_GivesWay holds that a call that waits is reported to the
// holder, gets the slot next, and that background work waits for it.
func TestAcquireBackground_GivesWay(t *testing.T) {
	dir := t.TempDir()
	background, call := New(dir, "http://one", 1), New(dir, "http://one", 1)
	release, wanted, err := background.AcquireBackground(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-wanted:
		t.Fatal("wanted before anybody waits")
	default:
	}
	got := make(chan func(), 1)
	go func() {
		release, err := call.Acquire(context.Background(), nil)
		if err != nil {
			t.Error(err)
		}
		got <- release
	}()
	select {
	case <-wanted:
	case <-time.After(time.Minute):
		t.Fatal("the holder does not learn that a call waits")
	}
	select {
	case <-got:
		t.Fatal("two hold one slot")
	default:
	}
	release()
	done := <-got
	ctx, cancel := context.WithTimeout(t.Context(), 3*backgroundPoll)
	defer cancel()
	if release, _, err := background.AcquireBackground(ctx); err == nil {
		release()
		t.Error("background work got a slot that a call holds")
	}
	done()
	release, _, err = background.AcquireBackground(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// TestAcquireBackground_WaitsBehindTheQueue holds that a free slot is not taken
// from a call that waits for it in another process.
func TestAcquireBackground_WaitsBehindTheQueue(t *testing.T) {
	dir := t.TempDir()
	holder := another(t, "hold", dir, "held")
	another(t, "wait", dir, "waits")
	_ = holder.Process.Kill()
	_ = holder.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 3*backgroundPoll)
	defer cancel()
	if release, _, err := New(dir, "http://one", 1).AcquireBackground(ctx); err == nil {
		release()
		t.Error("background work went past a call that waited")
	}
}
