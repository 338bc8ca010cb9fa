package routing

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Progress comes once a second while a call is under way, and none after it.
func TestRequest_Narrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		r := Request{MaxTokens: 60, Progress: func(message string, tokens, budget int) {
			told++
			if message != "reading" || tokens != told || budget != 60 {
				t.Errorf("%q, %d of %d", message, tokens, budget)
			}
		}}
		stop := r.Narrate(func() (string, int) { return "reading", told + 1 })
		time.Sleep(3*progressEvery + progressEvery/2) // of the bubble's clock
		stop()
		if told != 3 {
			t.Errorf("told %d times in 3.5 s", told)
		}
		time.Sleep(10 * progressEvery)
		if told != 3 {
			t.Errorf("told %d times after the call", told-3)
		}
	})
}

// TestAwait_Deadline holds that nobody waits for a busy endpoint without a
// deadline, where the endpoint's own word would be the only bound, nor where the
// wait would use up the time for the answer.
func TestAwait_Deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Router{}
		busy := &Error{Kind: Busy, RetryAfter: time.Hour}
		if r.await(context.Background(), Question{Alone: true}, nil, busy) {
			t.Error("waited without a deadline")
		}
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Hour)
		defer stop()
		if !r.await(ctx, Question{Alone: true}, nil, busy) {
			t.Error("did not wait although the deadline allows it")
		}
		short, stop := context.WithTimeout(context.Background(), 75*time.Minute)
		defer stop()
		if r.await(short, Question{Alone: true}, nil, busy) {
			t.Error("waited although little time would be left for the answer")
		}
	})
}
