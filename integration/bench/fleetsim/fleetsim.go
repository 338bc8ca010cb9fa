// Package fleetsim simulates users of localmodel in front of a fleet of Ollama
// hosts, event by event. It knows queues, slots, batching and patience, and
// nothing of answers: a call that is not through in time is the paid tier's.
// The same seed gives the same result.
package fleetsim

import (
	"container/heap"
	"math"
	"math/rand"
	"slices"
)

// Routing is how a call finds its host.
type Routing string

// The ways.
const (
	Shuffle   Routing = "shuffle"    // any host, as integration/litellm/fleet.yaml has it
	LeastBusy Routing = "least busy" // the host with the fewest calls
	Pinned    Routing = "pinned"     // user n has host n, as without a proxy
)

// Fleet is the machines. Times are in seconds.
type Fleet struct {
	Hosts, Slots int // Slots: generations at once on a host, OLLAMA_NUM_PARALLEL
	Routing      Routing
	// Drag is what another generation on the same host takes from each: with k
	// at once each runs at 1 / (1 + Drag * (k-1)) of its speed. 0 = batching is
	// free, 1 = it gains nothing.
	Drag float64
	// Poll is how often a waiting process looks for a free slot, where slots are
	// lock files of one machine; 0 = a queue hands on at once.
	Poll float64
}

// Call is one kind of call: what it takes on an idle host, and what the paid
// tier asks for it.
type Call struct{ Seconds, USD float64 }

// Load is what the users do: a wave of tickets is classified, then the eligible
// ones are planned, then comes a pause.
type Load struct {
	Users            int
	Pause            float64 // mean, between waves; 0 = one wave each, all at once
	WaveMin, WaveMax int
	Eligible         float64 // share of tickets that get a plan from the local model
	AtOnce           int     // classifications of a wave under way at once
	PlansAtOnce      int     // likewise; 0 = all
	Classify, Plan   Call
	Patience         float64 // seconds a call waits for the local tier
}

// Result is what came of it.
type Result struct {
	Calls, Local int
	Wait, Took   []float64 // of the calls answered locally, sorted: before a slot, and in all
	USD          float64   // paid for those that were not
	Busy         float64   // share of all slots' time in use
	End          float64   // when the last call ended
}

// LocalShare is the share of calls that the fleet answered.
func (r Result) LocalShare() float64 { return float64(r.Local) / float64(max(r.Calls, 1)) }

// At is a quantile of sorted values; 0 where there are none.
func At(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1)+.5)]
}

// Run simulates for so many seconds; what is under way then is finished.
func Run(f Fleet, l Load, seconds float64, seed int64) Result {
	s := &sim{fleet: f, load: l, until: seconds, rand: rand.New(rand.NewSource(seed)), hosts: make([]host, f.Hosts)} //nolint:gosec // a simulation
	for u := range l.Users {
		start := 0.0
		if l.Pause > 0 {
			start = s.rand.ExpFloat64() * l.Pause
		}
		s.at(start, func() { s.wave(u) })
	}
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	slices.Sort(s.result.Wait)
	slices.Sort(s.result.Took)
	if s.result.End > 0 {
		s.result.Busy = s.used / (s.result.End * float64(f.Hosts*f.Slots))
	}
	return s.result
}

type sim struct {
	fleet  Fleet
	load   Load
	rand   *rand.Rand
	hosts  []host
	events events
	now    float64
	until  float64
	count  int
	used   float64 // slot seconds
	result Result
}

// wave is one user's tickets: a few classifications at once, then the plans.
func (s *sim) wave(user int) {
	n := s.load.WaveMin + s.rand.Intn(s.load.WaveMax-s.load.WaveMin+1)
	eligible := 0
	for range n {
		if s.rand.Float64() < s.load.Eligible {
			eligible++
		}
	}
	s.several(user, s.load.Classify, n, s.load.AtOnce, func() {
		s.several(user, s.load.Plan, eligible, s.load.PlansAtOnce, func() {
			if at := s.now + s.rand.ExpFloat64()*s.load.Pause; s.load.Pause > 0 && at < s.until {
				s.at(at, func() { s.wave(user) })
			}
		})
	})
}

// several makes n calls of one kind, some at once (0 = all); done is called
// when all have their answer.
func (s *sim) several(user int, what Call, n, atOnce int, done func()) {
	if n == 0 {
		done()
		return
	}
	if atOnce == 0 {
		atOnce = n
	}
	left, open := n, n
	var next func()
	next = func() {
		left--
		s.call(user, what, func() {
			if open--; open == 0 {
				done()
			} else if left > 0 {
				next()
			}
		})
	}
	for range min(atOnce, n) {
		next()
	}
}

// job is one call on its host.
type job struct {
	what           Call
	asked, started float64
	left           float64 // seconds of an idle host still to do
	over           bool
	done           func()
}

// call asks the local tier; done is called when there is an answer, of whatever
// tier.
func (s *sim) call(user int, what Call, done func()) {
	j := &job{what: what, asked: s.now, left: what.Seconds, done: done}
	h := s.pick(user)
	h.waiting = append(h.waiting, j)
	s.result.Calls++
	s.at(s.now+s.load.Patience, func() { s.giveUp(h, j) })
	s.fill(h)
}

func (s *sim) pick(user int) *host {
	switch s.fleet.Routing {
	case Pinned:
		return &s.hosts[user%len(s.hosts)]
	case LeastBusy:
		best := &s.hosts[s.rand.Intn(len(s.hosts))] // of equals any
		for i := range s.hosts {
			if h := &s.hosts[i]; h.calls() < best.calls() {
				best = h
			}
		}
		return best
	}
	return &s.hosts[s.rand.Intn(len(s.hosts))]
}

// giveUp hands a call that is not through to the paid tier.
func (s *sim) giveUp(h *host, j *job) {
	if j.over {
		return
	}
	s.progress(h)
	h.remove(j)
	s.end(j)
	s.result.USD += j.what.USD
	s.fill(h)
}

func (s *sim) end(j *job) {
	j.over = true
	s.result.End = max(s.result.End, s.now)
	j.done()
}

// host is one Ollama.
type host struct {
	running, waiting []*job
	since            float64 // what is running has been counted until then
	version          int     // of its plan for the next end
	handing          int     // free slots that nobody has looked at yet
}

func (h *host) calls() int { return len(h.running) + len(h.waiting) }

func (h *host) remove(j *job) {
	is := func(other *job) bool { return other == j }
	h.running, h.waiting = slices.DeleteFunc(h.running, is), slices.DeleteFunc(h.waiting, is)
}

// speed is that of each generation while k are under way.
func (f Fleet) speed(k int) float64 { return 1 / (1 + f.Drag*float64(k-1)) }

// progress counts what has been done since the last look.
func (s *sim) progress(h *host) {
	if k := len(h.running); k > 0 {
		for _, j := range h.running {
			j.left -= (s.now - h.since) * s.fleet.speed(k)
		}
		s.used += (s.now - h.since) * float64(k)
	}
	h.since = s.now
}

// fill gives free slots to those that wait, and plans the next end.
func (s *sim) fill(h *host) {
	s.progress(h)
	for len(h.running)+h.handing < s.fleet.Slots && len(h.waiting) > 0 {
		j := h.waiting[0]
		if s.fleet.Poll > 0 && s.now > j.asked { // it sleeps until its next look
			h.handing++
			s.at(s.now+s.rand.Float64()*s.fleet.Poll, func() { h.handing--; s.take(h); s.fill(h) })
			continue
		}
		s.take(h)
	}
	h.version++
	version, soonest := h.version, math.Inf(1)
	for _, j := range h.running {
		soonest = min(soonest, max(j.left, 0))
	}
	if len(h.running) > 0 {
		s.at(s.now+soonest/s.fleet.speed(len(h.running)), func() {
			if h.version == version {
				s.finish(h)
			}
		})
	}
}

// take starts the call that has waited longest.
func (s *sim) take(h *host) {
	s.progress(h)
	if len(h.waiting) == 0 || len(h.running) >= s.fleet.Slots {
		return
	}
	j := h.waiting[0]
	h.waiting = h.waiting[1:]
	j.started = s.now
	h.running = append(h.running, j)
}

// finish ends what is done.
func (s *sim) finish(h *host) {
	s.progress(h)
	var done []*job
	for _, j := range h.running {
		if j.left <= 1e-9 {
			done = append(done, j)
		}
	}
	for _, j := range done {
		h.remove(j)
		s.result.Local++
		s.result.Wait = append(s.result.Wait, j.started-j.asked)
		s.result.Took = append(s.result.Took, s.now-j.asked)
	}
	for _, j := range done {
		s.end(j)
	}
	s.fill(h)
}

type event struct {
	at    float64
	order int // of those at the same time
	do    func()
}

func (s *sim) at(at float64, do func()) {
	s.count++
	heap.Push(&s.events, event{at, s.count, do})
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
