package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// The simulation runs whole histories of tickets through the guard that serves
// (GuardState.count and Guard.settle; TestGuardJSON holds that Admit and Settle
// are the same) and through the policies it is compared with. It decides
// without the words of a verdict, which take ten times as long.
//
// Costs are in units of one ticket done by the cloud: a local success costs
// .10, a failed local attempt 2.1 and then the cloud's 1. So local pays below a
// failure rate of .30, the guard's threshold.
const (
	successCost = 0.10
	failureCost = 2.1 + 1
)

// expectedCost is a ticket's cost in the local model's hands at a failure rate.
func expectedCost(rate float64) float64 { return (1-rate)*successCost + rate*failureCost }

// world is a history of failure rates: of ticket i in n.
type world struct {
	name string
	rate func(i, n int) float64
}

func steady(p float64) world {
	return world{"rate " + TwoDigits(p), func(int, int) float64 { return p }}
}

// shift changes the rate for good after a share of the history.
func shift(from, to, at float64) world {
	return world{fmt.Sprintf("%s then %s", TwoDigits(from), TwoDigits(to)), func(i, n int) float64 {
		if float64(i) < at*float64(n) {
			return from
		}
		return to
	}}
}

func ramp(from, to float64) world {
	return world{fmt.Sprintf("%s to %s", TwoDigits(from), TwoDigits(to)), func(i, n int) float64 {
		return from + (to-from)*float64(i)/float64(n)
	}}
}

// outage fails every ticket of a stretch. Here it is counted as a quality
// failure, which it is not where the health breaker does its work.
func outage(p float64, from, length int) world {
	return world{fmt.Sprintf("%s, %d down", TwoDigits(p), length), func(i, _ int) float64 {
		if i >= from && i < from+length {
			return 1
		}
		return p
	}}
}

func sine(mean, swing float64, period int) world {
	return world{fmt.Sprintf("sine %s", TwoDigits(mean)), func(i, _ int) float64 {
		return mean + swing*math.Sin(2*math.Pi*float64(i)/float64(period))
	}}
}

// The three families. The first holds the named 13 scenarios; the parameters
// were chosen on the second alone, and are judged on the first and the third.
var (
	named = []world{
		steady(.05), steady(.10), steady(.15), steady(.20), steady(.25), steady(.30), steady(.40), steady(.50), steady(.60),
		shift(.15, .60, .5), shift(.60, .10, .5), outage(.10, 30, 20), sine(.30, .25, 200),
	}
	tuning = []world{
		steady(.08), steady(.18), steady(.23), steady(.35), steady(.45), steady(.65),
		shift(.10, .50, .35), shift(.50, .15, .35), shift(.45, .05, .6), ramp(.05, .55), outage(.15, 25, 12), sine(.25, .20, 300),
	}
	heldApart = []world{
		steady(.03), steady(.12), steady(.22), steady(.28), steady(.36), steady(.55), steady(.70),
		shift(.20, .45, .25), shift(.55, .20, .25), shift(.08, .65, .7), ramp(.50, .05), outage(.08, 40, 30),
		{"square .12/.48", func(i, _ int) float64 {
			if i/80%2 == 0 {
				return .12
			}
			return .48
		}},
	}
)

// policy decides ticket by ticket and learns from those it admitted.
type policy interface {
	admit(ticket string, rate float64) bool
	learn(ticket string, failed bool)
}

// guarded is a policy that is the guard itself, in any of its modes.
type guarded struct {
	guard  Guard
	state  GuardState
	totals Totals
	min    int // attempts before the guard is asked at all
}

var anyDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *guarded) admit(ticket string, _ float64) bool {
	if p.totals.Attempts < p.min {
		return true
	}
	if v, decides := p.guard.simple(p.totals); decides {
		return v.Admit
	}
	admit, _ := p.state.count(ticket, anyDay)
	return admit
}

func (p *guarded) learn(ticket string, failed bool) {
	p.totals.Attempts++
	if failed {
		p.totals.Escalated++
	}
	p.guard.settle(ticket, &p.state, failed)
}

// oracle knows the rate.
type oracle struct{}

func (oracle) admit(_ string, rate float64) bool { return expectedCost(rate) < 1 }
func (oracle) learn(string, bool)                {}

// thompson draws the failure rate from a Beta distribution, and admits where
// the draw is below the threshold. Its evidence is forgotten with every ticket
// and once more with every outcome, so that it looks again after a while.
type thompson struct {
	good, bad float64
	rng       *rand.Rand
}

// Of 135 combinations the one that does best on the tuning family.
const thompsonGood, thompsonBad, thompsonForget = 1, 0.3, 0.99

func (p *thompson) admit(string, float64) bool {
	p.good, p.bad = p.good*thompsonForget, p.bad*thompsonForget
	bad, good := gamma(p.rng, p.bad+thompsonBad), gamma(p.rng, p.good+thompsonGood)
	return bad/(bad+good) < defaultThreshold
}

func (p *thompson) learn(_ string, failed bool) {
	p.good, p.bad = p.good*thompsonForget, p.bad*thompsonForget
	if failed {
		p.bad++
	} else {
		p.good++
	}
}

// gamma draws from a Gamma distribution of shape k (Marsaglia and Tsang).
func gamma(r *rand.Rand, k float64) float64 {
	if k < 1 {
		return gamma(r, k+1) * math.Pow(1-r.Float64(), 1/k)
	}
	d := k - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// contender is a policy by name; start makes a fresh one for one history.
type contender struct {
	name  string
	start func(rng *rand.Rand) policy
}

func mode(m GuardMode, atLeast int) func(*rand.Rand) policy {
	return func(*rand.Rand) policy { return &guarded{guard: Guard{Mode: m}, min: atLeast} }
}

// published are the parameters the guard was first described with.
var published = parameters{halfLife: 20, minSample: 8, z: 0.674, fastTrip: 3, small: 8, first: 8, growth: 1.6, most: 64, credit: 0.8}

var (
	plansRule = contender{"plan's rule", mode(Fixed, 0)}
	adaptive  = contender{"adaptive", mode(Adaptive, 0)}
	best      = contender{"oracle", func(*rand.Rand) policy { return oracle{} }}

	asPublished = contender{"adaptive, as published", func(*rand.Rand) policy {
		return &guarded{guard: Guard{Mode: Adaptive, tune: &published}}
	}}

	contenders = []contender{
		{"always cloud", mode(Never, 0)},
		{"always local", mode(Always, 0)},
		plansRule,
		{"plan's rule, min 10", mode(Fixed, 10)},
		{"discounted Thompson", func(r *rand.Rand) policy { return &thompson{rng: r} }},
		asPublished,
		adaptive,
		best,
	}
)

// ids are ticket names made once: histories are many.
var ids = func() (out [2000]string) {
	for i := range out {
		out[i] = "T-" + strconv.Itoa(i)
	}
	return out
}()

// outcome is what a policy came to over many histories of one world.
type outcome struct {
	regret float64   // cost per ticket beyond the oracle's
	local  float64   // share of tickets done locally
	off    float64   // share of histories whose last ticket was refused
	tripAt float64   // share of histories that refused any ticket
	over   []float64 // share done locally, by part of the history
}

const plotParts = 50

// simulate runs many histories of n tickets. Every policy meets the same luck.
func simulate(c contender, w world, n, histories int) outcome {
	out := outcome{over: make([]float64, plotParts)}
	for h := range histories {
		luck := rand.New(rand.NewPCG(uint64(h), 1))       //nolint:gosec // the same every time, on purpose
		p := c.start(rand.New(rand.NewPCG(uint64(h), 2))) //nolint:gosec // as above
		admitted, refused := false, false
		for i := range n {
			rate := w.rate(i, n)
			failed := luck.Float64() < rate
			cost := 1.0
			if admitted = p.admit(ids[i], rate); admitted {
				cost = expectedCost(rate)
				p.learn(ids[i], failed)
				out.local++
				out.over[i*plotParts/n]++
			}
			refused = refused || !admitted
			out.regret += cost - min(1, expectedCost(rate))
		}
		if !admitted {
			out.off++
		}
		if refused {
			out.tripAt++
		}
	}
	for i := range out.over {
		out.over[i] *= plotParts / float64(n*histories)
	}
	out.regret /= float64(n * histories)
	out.local /= float64(n * histories)
	out.off /= float64(histories)
	out.tripAt /= float64(histories)
	return out
}

// family is the mean and the worst regret of a policy over worlds.
func family(c contender, worlds []world, n, histories int) (mean, worst float64) {
	for _, w := range worlds {
		r := simulate(c, w, n, histories).regret
		mean += r / float64(len(worlds))
		worst = max(worst, r)
	}
	return mean, worst
}

// mix is a backlog of easy, medium and hard tickets.
type mix struct {
	name  string
	share [3]float64
}

var (
	mixRates = [3]float64{.05, .25, .75}
	mixes    = []mix{{"60/25/15", [3]float64{.60, .25, .15}}, {"40/20/40", [3]float64{.40, .20, .40}}}
)

// simulateMix returns the cost per ticket where the three classes share one
// policy, or have one each.
func simulateMix(c contender, m mix, stratified bool, n, histories int) float64 {
	total := 0.0
	for h := range histories {
		luck := rand.New(rand.NewPCG(uint64(h), 3)) //nolint:gosec // the same every time, on purpose
		rng := rand.New(rand.NewPCG(uint64(h), 4))  //nolint:gosec // as above
		policies := [3]policy{c.start(rng), c.start(rng), c.start(rng)}
		if !stratified {
			policies[1], policies[2] = policies[0], policies[0]
		}
		for i := range n {
			class, draw := 0, luck.Float64()
			for class < 2 && draw >= m.share[class] {
				draw -= m.share[class]
				class++
			}
			rate, failed := mixRates[class], luck.Float64() < mixRates[class]
			if !policies[class].admit(ids[i], rate) {
				total++
				continue
			}
			total += expectedCost(rate)
			policies[class].learn(ids[i], failed)
		}
	}
	return total / float64(n*histories)
}
