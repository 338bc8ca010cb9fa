package policy

import (
	"testing"
	"time"
)

func TestForecast_Calls(t *testing.T) {
	classify := func(took time.Duration) Timing { return Timing{Purpose: "classify", In: 900, Out: 10, Took: took} }
	plan := func(took time.Duration) Timing { return Timing{Purpose: "plan", In: 2000, Out: 300, Took: took} }
	givenUp := Timing{Purpose: "plan", Took: 52 * time.Second, TimedOut: true}
	othersGivenUp := Timing{Purpose: "classify", Took: 52 * time.Second, TimedOut: true}
	begun := plan(52 * time.Second)
	begun.TimedOut = true
	for name, c := range map[string]struct {
		timings []Timing
		want    time.Duration // of a plan with 2000 and 300 tokens
	}{
		"nothing known":                        {nil, 0},
		"two calls":                            {[]Timing{plan(time.Second), plan(time.Second)}, 0},
		"plans":                                {[]Timing{plan(100 * time.Second), plan(110 * time.Second), plan(90 * time.Second)}, 100 * time.Second},
		"one that loaded":                      {[]Timing{plan(400 * time.Second), plan(5 * time.Second), plan(5 * time.Second)}, 5 * time.Second},
		"plans before others":                  {[]Timing{classify(time.Second), plan(100 * time.Second), plan(100 * time.Second), plan(100 * time.Second)}, 100 * time.Second},
		"from classifications":                 {[]Timing{classify(20 * time.Second), classify(20 * time.Second), classify(20 * time.Second)}, 100 * time.Second},
		"given up once":                        {[]Timing{givenUp}, 0},
		"given up twice":                       {[]Timing{givenUp, givenUp}, 65 * time.Second},
		"others given up":                      {[]Timing{othersGivenUp, othersGivenUp}, 0},
		"given up, with tokens":                {[]Timing{plan(4 * time.Second), plan(4 * time.Second), plan(4 * time.Second), begun, begun, begun, begun}, 4 * time.Second},
		"given up before one that was through": {[]Timing{plan(4 * time.Second), givenUp, givenUp, plan(4 * time.Second), plan(4 * time.Second)}, 4 * time.Second},
		"three plans and others":               {[]Timing{classify(time.Second), classify(time.Second), plan(100 * time.Second), plan(100 * time.Second), plan(100 * time.Second), classify(time.Second), classify(time.Second)}, 100 * time.Second},
		"without a time":                       {[]Timing{plan(0), plan(0), plan(0), plan(0), plan(100 * time.Second), plan(100 * time.Second), plan(100 * time.Second)}, 100 * time.Second},
		"without tokens":                       {[]Timing{{Purpose: "plan", Took: time.Hour}, {Purpose: "plan", Took: time.Hour}, {Purpose: "plan", Took: time.Hour}}, 0},
	} {
		got := Forecast(c.timings, "plan", 2000, 300)
		if diff := got - c.want; diff < -time.Millisecond || diff > time.Millisecond {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
