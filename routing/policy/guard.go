package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// GuardMode is how the quality guard decides.
type GuardMode string

// Adaptive is the guard of this file; Fixed is the plan's literal rule, which
// never opens again; Always and Never do not look at outcomes.
const (
	Adaptive GuardMode = "adaptive"
	Fixed    GuardMode = "fixed"
	Always   GuardMode = "always"
	Never    GuardMode = "never"
)

type parameters struct {
	halfLife  float64 // outcomes until an outcome's weight has halved
	minSample float64 // effective outcomes before the bound may trip
	z         float64 // of the one-sided lower Wilson bound
	fastTrip  int     // failures in a row that trip while the sample is small ...
	small     float64 // ... that is, at most this many effective outcomes
	first     float64 // eligible tickets until the first probe
	growth    float64 // of that number, with each probe that fails
	most      float64
	credit    float64 // what of the record stays after a probe that passes
}

// tuned are the parameters that serve. They were chosen on some failure
// histories and judged on others held apart: TestSimulation.
var tuned = parameters{halfLife: 15, minSample: 5, z: 0.524, fastTrip: 3, small: 8, first: 10, growth: 2, most: 48, credit: 0.6}

const (
	defaultThreshold = 0.30           // where local stops paying: a failed attempt costs about 2.1 cloud tickets
	probeLifetime    = 24 * time.Hour // a probe that nobody worked on is given up
)

// Guard decides from outcomes whether the local model may have another ticket.
// It is pure: state and time are passed in.
type Guard struct {
	Mode      GuardMode
	Threshold float64 // the failure rate at which local stops paying; 0 = 0.30

	tune *parameters // nil = tuned
}

func (g Guard) parameters() parameters { return *cmp.Or(g.tune, &tuned) }

// GuardState is the record of one class of tickets under one model and prompt.
// "Open" is as with any circuit breaker: the local model is cut off.
type GuardState struct {
	Seen     int       `json:"seen"` // outcomes, none forgotten
	K        float64   `json:"k"`    // failures, each forgotten exponentially
	N        float64   `json:"n"`    // outcomes, likewise
	Run      int       `json:"run"`
	Open     bool      `json:"open"`
	Opening  int       `json:"opening"`  // how often it has opened
	Interval float64   `json:"interval"` // eligible tickets between probes
	Waited   int       `json:"waited"`   // eligible tickets since the last probe
	Next     bool      `json:"next"`     // a probe passed: the next new ticket is one too
	Probe    string    `json:"probe"`    // the ticket that has the probe
	ProbeAt  time.Time `json:"probe_at"`
}

// leastSeen is how many outcomes the record of one category in a class needs
// before it decides in place of the record of the whole class.
const leastSeen = 5

// Decides reports whether the record of one category has enough outcomes to
// decide by itself.
func (s GuardState) Decides() bool { return s.Seen >= leastSeen }

// Totals are the plan's counters, which the fixed rule looks at.
type Totals struct{ Attempts, Escalated int }

func (t Totals) rate() float64 {
	if t.Attempts == 0 {
		return 0
	}
	return float64(t.Escalated) / float64(t.Attempts)
}

// Verdict is a decision with its numbers in words.
type Verdict struct {
	Admit bool   `json:"admit"`
	Probe bool   `json:"probe,omitempty"`
	Why   string `json:"why"`
	Short string `json:"short"`
}

// memo is what is kept of a ticket that asked while the guard was open, so
// that asking again gives the same answer and counts once.
type memo struct {
	Opening int       `json:"opening"`
	At      time.Time `json:"at"`
	Verdict Verdict   `json:"verdict"`
}

// remembered is the verdict that a ticket got earlier in this opening.
func remembered(stored []byte, opening int, now time.Time) (Verdict, bool) {
	var m memo
	if json.Unmarshal(stored, &m) != nil || m.Opening != opening || !fresh(m.At, now) {
		return Verdict{}, false
	}
	return m.Verdict, true
}

// encode writes a record and what is remembered of a ticket in it.
func encode(record any, m memo) (newState, newMemo []byte, err error) {
	if newState, err = json.Marshal(record); err == nil {
		newMemo, err = json.Marshal(m)
	}
	return newState, newMemo, err
}

func (g Guard) threshold() float64 { return cmp.Or(max(g.Threshold, 0), defaultThreshold) }

// Look gives the verdict for the next ticket without counting one.
func (g Guard) Look(class string, s GuardState, t Totals, now time.Time) Verdict {
	if v, ok := g.simple(t); ok {
		return v
	}
	if !s.Open {
		return closedVerdict(s)
	}
	s.expire(now)
	return g.openVerdict(class, s)
}

// Admit decides for one distinct ticket that every other rule lets through.
// state and memo are the JSON last stored for the class and for the ticket in
// it (nil = none); newState and newMemo are what to store, a nil newMemo = none.
// JSON that does not parse counts as none: a damaged record must not stop work.
func (g Guard) Admit(class, ticketID string, state, oldMemo []byte, t Totals, now time.Time) (v Verdict, newState, newMemo []byte, err error) {
	if v, ok := g.simple(t); ok {
		return v, state, nil, nil
	}
	s := ParseGuardState(state)
	if !s.Open { // nothing to count, and so nothing to write
		return closedVerdict(s), state, nil, nil
	}
	if v, ok := remembered(oldMemo, s.Opening, now); ok {
		return v, state, oldMemo, nil
	}
	v = g.admit(class, ticketID, &s, now)
	newState, newMemo, err = encode(s, memo{s.Opening, now, v})
	return v, newState, newMemo, err
}

func (g Guard) admit(class, ticketID string, s *GuardState, now time.Time) Verdict {
	admit, probe := s.count(ticketID, now)
	switch {
	case probe:
		return Verdict{Admit: true, Probe: true, Short: "eligible; probe",
			Why: fmt.Sprintf("probe for %s: %.1f of %.1f failed, one try in %s", class, s.K, s.N, tickets(s.every()))}
	case admit:
		return closedVerdict(*s)
	}
	return g.openVerdict(class, *s)
}

// count is the decision on a ticket without its words: whether the local model
// may have it, and whether as a probe. It counts the ticket while the guard is
// open.
func (s *GuardState) count(ticketID string, now time.Time) (admit, probe bool) {
	if !s.Open {
		return true, false
	}
	s.expire(now)
	s.Waited++
	if s.Probe != "" || !s.Next && s.Waited < s.every() {
		return false, false
	}
	s.Probe, s.ProbeAt, s.Waited, s.Next = ticketID, now, 0, false
	return true, true
}

// every is the number of eligible tickets from one probe to the next.
func (s GuardState) every() int { return max(1, int(s.Interval)) }

// expire gives up a probe whose attempt never closed.
func (s *GuardState) expire(now time.Time) {
	if !fresh(s.ProbeAt, now) {
		s.Probe = ""
	}
}

// fresh reports whether less than a probe's lifetime lies between two times,
// whichever way the clock went.
func fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age < probeLifetime && age > -probeLifetime
}

func closedVerdict(s GuardState) Verdict {
	if s.N == 0 {
		return Verdict{Admit: true, Why: "guard closed: no history yet"}
	}
	return Verdict{Admit: true, Why: fmt.Sprintf("guard closed: %.1f of %.1f failed", s.K, s.N)}
}

func (g Guard) openVerdict(class string, s GuardState) Verdict {
	left := max(1, s.every()-s.Waited)
	if s.Next {
		left = 1
	}
	next, short := "next try in "+tickets(left), fmt.Sprintf("guard open, next in %d", left)
	if s.Probe != "" {
		next, short = "next try when "+Shorten(s.Probe, 40)+" is through", "guard open, probe out"
	}
	// Where the bound does not hold, a run of failures opened it and the rate
	// keeps it open.
	bound := fmt.Sprintf("rate %s >= %s", floorDigits(s.K/s.N), floorDigits(g.threshold()))
	if lower := wilsonLower(s.K, s.N, g.parameters().z); lower >= g.threshold() {
		bound = fmt.Sprintf("lower bound %s >= %s", floorDigits(lower), floorDigits(g.threshold()))
	}
	return Verdict{Short: short, Why: fmt.Sprintf("open for %s: %.1f of %.1f failed, %s, %s", class, s.K, s.N, bound, next)}
}

func tickets(n int) string {
	if n == 1 {
		return "1 ticket"
	}
	return fmt.Sprintf("%d tickets", n)
}

// floorDigits writes a share as ".33", cut and not rounded: what is said to
// have reached a threshold has.
func floorDigits(v float64) string { return TwoDigits(math.Floor(v*100+1e-9) / 100) }

// simple is every mode but the adaptive one.
func (g Guard) simple(t Totals) (Verdict, bool) {
	switch {
	case g.Mode == Always:
		return Verdict{Admit: true, Why: "guard off: LOCALMODEL_GUARD=always"}, true
	case g.Mode == Never:
		return Verdict{Why: "LOCALMODEL_GUARD=never", Short: "guard never"}, true
	case g.Mode != Fixed:
		return Verdict{}, false
	case t.rate() < g.threshold():
		return Verdict{Admit: true, Why: fmt.Sprintf("fixed rule: %d of %d escalated", t.Escalated, t.Attempts)}, true
	}
	return Verdict{Short: "guard fixed, over .30", Why: fmt.Sprintf("fixed rule: %d of %d escalated, %s >= %s",
		t.Escalated, t.Attempts, floorDigits(t.rate()), floorDigits(g.threshold()))}, true
}

// Settle counts the outcome of a ticket's attempt, once an attempt: escalated,
// or done. It returns the state to store.
func (g Guard) Settle(ticketID string, state []byte, escalated bool, _ time.Time) ([]byte, error) {
	s := ParseGuardState(state)
	g.settle(ticketID, &s, escalated)
	return json.Marshal(s)
}

func (g Guard) settle(ticketID string, s *GuardState, failed bool) {
	p, f := g.parameters(), 0.0
	s.Run++
	if failed {
		f = 1
	} else {
		s.Run = 0
	}
	s.Seen++
	forget := math.Exp2(-1 / p.halfLife)
	s.K, s.N = s.K*forget+f, s.N*forget+1
	if !s.Open {
		tripped := s.N >= p.minSample && wilsonLower(s.K, s.N, p.z) >= g.threshold()
		if tripped || (s.Run >= p.fastTrip && s.N <= p.small) {
			*s = GuardState{Seen: s.Seen, K: s.K, N: s.N, Run: s.Run, Open: true, Opening: s.Opening + 1, Interval: p.first}
		}
		return
	}
	if s.Probe == ticketID {
		s.Probe, s.Waited = "", 0
		if failed {
			s.Interval = min(p.most, p.growth*s.Interval)
		} else {
			s.Interval, s.Next = p.first, true
			s.K, s.N = s.K*p.credit, s.N*p.credit
		}
	}
	if s.K/s.N < g.threshold() {
		*s = GuardState{Seen: s.Seen, K: s.K, N: s.N, Opening: s.Opening}
	}
}

// wilsonLower is the lower end of the one-sided Wilson score interval of k in n.
func wilsonLower(k, n, z float64) float64 {
	if n <= 0 {
		return 0
	}
	p := k / n
	return (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

// ParseGuardState reads a stored state. One that does not parse, or that no
// history can lead to, is fresh: a damaged record must not stop work.
func ParseGuardState(state []byte) GuardState {
	var s GuardState
	if json.Unmarshal(state, &s) != nil || s.K < 0 || s.K > s.N || s.Run < 0 || s.Waited < 0 || s.Interval < 0 ||
		s.Open && (s.N == 0 || s.Interval == 0) {
		return GuardState{}
	}
	return s
}
