package routing

import (
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

// Parameters of the adaptive guard. They were tuned by simulation on some
// failure histories and judged on others held apart (TestSimulation).
const (
	forget        = 0.9659363289248456 // 0.5^(1/20): an outcome's weight halves every 20
	minSample     = 8                  // effective outcomes before the bound may trip
	wilsonZ       = 0.674              // one-sided 75 %
	fastTrip      = 3                  // failures in a row that trip while the sample is small
	probeFirst    = 8                  // eligible tickets until the first probe
	probeGrowth   = 1.6                // after each probe that fails
	probeMost     = 64
	probeCredit   = 0.8            // what of the record stays after a probe that passes
	probeLifetime = 24 * time.Hour // a probe that nobody worked on is given up
)

// Guard decides from outcomes whether the local model may have another ticket.
// It is pure: state and time are passed in.
type Guard struct {
	Mode      GuardMode
	Threshold float64 // the failure rate at which local stops paying; 0 = 0.30
}

// GuardState is the record of one class of tickets under one model and prompt.
// "Open" is as with any circuit breaker: the local model is cut off.
type GuardState struct {
	K        float64   `json:"k"` // failures, each forgotten exponentially
	N        float64   `json:"n"` // outcomes, likewise
	Run      int       `json:"run"`
	Open     bool      `json:"open"`
	Opening  int       `json:"opening"`  // how often it has opened
	Interval float64   `json:"interval"` // eligible tickets between probes
	Waited   int       `json:"waited"`   // eligible tickets since the last probe
	Next     bool      `json:"next"`     // a probe passed: the next new ticket is one too
	Probe    string    `json:"probe"`    // the ticket that has the probe
	ProbeAt  time.Time `json:"probe_at"`
}

// Totals are the plan's counters, which the fixed rule looks at.
type Totals struct{ Attempts, Escalated int }

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

func (g Guard) threshold() float64 {
	if g.Threshold > 0 {
		return g.Threshold
	}
	return 0.30
}

// Look gives the verdict for the next ticket without counting one.
func (g Guard) Look(class string, s GuardState, t Totals) Verdict {
	if v, ok := g.simple(t); ok {
		return v
	}
	if !s.Open {
		return closedVerdict(s)
	}
	left := max(1, int(s.Interval)-s.Waited)
	if s.Next {
		left = 1
	}
	return g.openVerdict(class, s, left)
}

// Admit decides for one distinct ticket that every other rule lets through.
// state and memo are the JSON last stored for the class and for the ticket in
// it (nil = none); newState and newMemo are what to store, a nil newMemo = none.
// JSON that does not parse counts as none: a damaged record must not stop work.
func (g Guard) Admit(class, ticketID string, state, oldMemo []byte, t Totals, now time.Time) (v Verdict, newState, newMemo []byte, err error) {
	if v, ok := g.simple(t); ok {
		return v, state, nil, nil
	}
	s, m := ParseGuardState(state), memo{}
	if json.Unmarshal(oldMemo, &m) != nil {
		m = memo{}
	}
	if s.Open && m.Opening == s.Opening && !m.At.IsZero() && fresh(m.At, now) {
		return m.Verdict, state, oldMemo, nil
	}
	v = g.admit(class, ticketID, &s, now)
	if newState, err = json.Marshal(s); err != nil {
		return v, nil, nil, fmt.Errorf("guard state: %w", err)
	}
	if !s.Open {
		return v, newState, nil, nil
	}
	if newMemo, err = json.Marshal(memo{s.Opening, now, v}); err != nil {
		return v, nil, nil, fmt.Errorf("guard memo: %w", err)
	}
	return v, newState, newMemo, nil
}

// admit is Admit on the state itself.
func (g Guard) admit(class, ticketID string, s *GuardState, now time.Time) Verdict {
	if !s.Open {
		return closedVerdict(*s)
	}
	if s.Probe != "" && !fresh(s.ProbeAt, now) {
		s.Probe = ""
	}
	s.Waited++
	every := max(1, int(s.Interval))
	if s.Probe == "" && (s.Next || s.Waited >= every) {
		s.Probe, s.ProbeAt, s.Waited, s.Next = ticketID, now, 0, false
		return Verdict{Admit: true, Probe: true, Short: "eligible; probe",
			Why: fmt.Sprintf("probe for %s: %.1f of %.1f failed, one try in %d tickets", class, s.K, s.N, every)}
	}
	return g.openVerdict(class, *s, max(1, every-s.Waited))
}

// fresh says whether less than a probe's lifetime lies between two times,
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

func (g Guard) openVerdict(class string, s GuardState, left int) Verdict {
	next, short := fmt.Sprintf("next try in %d tickets", left), fmt.Sprintf("guard open, next in %d", left)
	if s.Probe != "" {
		next, short = "next try when "+shorten(s.Probe, 40)+" is through", "guard open, probe out"
	}
	lower := wilsonLower(s.K, s.N)
	bound := fmt.Sprintf("lower bound %s >= %s", twoDigits(lower), twoDigits(g.threshold()))
	if lower < g.threshold() { // opened by a run of failures, or kept open by the rate
		bound = fmt.Sprintf("rate %s >= %s", twoDigits(s.K/max(s.N, 1e-9)), twoDigits(g.threshold()))
	}
	return Verdict{Short: short, Why: fmt.Sprintf("open for %s: %.1f of %.1f failed, %s, %s", class, s.K, s.N, bound, next)}
}

// simple is every mode but the adaptive one.
func (g Guard) simple(t Totals) (Verdict, bool) {
	switch g.Mode {
	case Always:
		return Verdict{Admit: true, Why: "guard off: LOCALMODEL_GUARD=always"}, true
	case Never:
		return Verdict{Why: "LOCALMODEL_GUARD=never", Short: "guard never"}, true
	case Fixed:
		rate := 0.0
		if t.Attempts > 0 {
			rate = float64(t.Escalated) / float64(t.Attempts)
		}
		if rate >= g.threshold() {
			return Verdict{Short: "guard fixed, over .30", Why: fmt.Sprintf("fixed rule: %d of %d escalated, %s >= %s",
				t.Escalated, t.Attempts, twoDigits(rate), twoDigits(g.threshold()))}, true
		}
		return Verdict{Admit: true, Why: fmt.Sprintf("fixed rule: %d of %d escalated", t.Escalated, t.Attempts)}, true
	}
	return Verdict{}, false
}

// Settle counts the outcome of a ticket's attempt, once an attempt: escalated,
// or done. It returns the state to store.
func (g Guard) Settle(ticketID string, state []byte, escalated bool, _ time.Time) ([]byte, error) {
	s := ParseGuardState(state)
	g.settle(ticketID, &s, escalated)
	out, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("guard state: %w", err)
	}
	return out, nil
}

func (g Guard) settle(ticketID string, s *GuardState, failed bool) {
	f := 0.0
	s.Run++
	if failed {
		f = 1
	} else {
		s.Run = 0
	}
	s.K, s.N = s.K*forget+f, s.N*forget+1
	if !s.Open {
		tripped := s.N >= minSample && wilsonLower(s.K, s.N) >= g.threshold()
		if tripped || (s.Run >= fastTrip && s.N <= minSample) {
			s.Open, s.Opening, s.Interval = true, s.Opening+1, probeFirst
			s.Waited, s.Next, s.Probe = 0, false, ""
		}
		return
	}
	if s.Probe == ticketID {
		s.Probe, s.Waited = "", 0
		if failed {
			s.Interval = min(probeMost, probeGrowth*s.Interval)
		} else {
			s.Interval, s.Next = probeFirst, true
			s.K, s.N = s.K*probeCredit, s.N*probeCredit
		}
	}
	if s.K/s.N < g.threshold() {
		s.Open, s.Next, s.Probe, s.Run = false, false, "", 0
	}
}

// wilsonLower is the lower end of the Wilson score interval of k in n.
func wilsonLower(k, n float64) float64 {
	if n <= 0 {
		return 0
	}
	const z = wilsonZ
	p := k / n
	return (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

// ParseGuardState reads a stored state; one that does not parse is fresh.
func ParseGuardState(state []byte) GuardState {

	var s GuardState
	if json.Unmarshal(state, &s) != nil || math.IsNaN(s.K/max(s.N, 1)) || s.K < 0 || s.N < s.K {
		return GuardState{}
	}
	return s
}
