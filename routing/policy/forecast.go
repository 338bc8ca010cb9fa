package policy

import (
	"slices"
	"time"
)

// Timing is how long one earlier call of a model took.
type Timing struct {
	Purpose  string
	In, Out  int // tokens of the prompt and of the reply
	Took     time.Duration
	TimedOut bool // it was given up after Took; its tokens are not known
}

const (
	// perReplyToken is how much longer a token of the reply takes than one of the
	// prompt, which are read many at once; 6 on a processor, more on a GPU.
	perReplyToken = 10
	leastTimings  = 3 // calls from which a speed is known
	leastGivenUp  = 2 // calls given up in a row after which the next is expected to be
)

// Forecast is how long a call will take, from the model's newest calls, newest
// first; 0 = not known. It takes the middle of their speeds: one call that
// loaded the model or waited in a queue does not change it. Calls of the same
// purpose are believed before others.
func Forecast(timings []Timing, purpose string, in, out int) time.Duration {
	var same, others []float64 // seconds per token
	givenUp, least := 0, time.Duration(0)
	for _, t := range timings {
		switch {
		case t.TimedOut && t.Purpose == purpose && len(same) == 0:
			givenUp++
			least = max(least, t.Took)
		case t.TimedOut || t.In <= 0 || t.Took <= 0:
		case t.Purpose == purpose:
			same = append(same, speed(t))
		default:
			others = append(others, speed(t))
		}
	}
	known := same
	if len(known) < leastTimings {
		known = append(known, others...)
	}
	forecast := time.Duration(0)
	if len(known) >= leastTimings {
		slices.Sort(known)
		middle := known[len(known)/2]
		forecast = time.Duration(middle * float64(in+perReplyToken*out) * float64(time.Second))
	}
	if givenUp >= leastGivenUp {
		forecast = max(forecast, least+least/4)
	}
	return forecast
}

func speed(t Timing) float64 {
	return t.Took.Seconds() / float64(t.In+perReplyToken*t.Out)
}
