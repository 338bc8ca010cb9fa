package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settled is the state after outcomes: F failed, s succeeded.
func settled(g Guard, s GuardState, outcomes string) GuardState {
	for i, o := range outcomes {
		g.settle(fmt.Sprintf("old-%d", i), &s, o == 'F')
	}
	return s
}

func close2(got, want float64) bool { return math.Abs(got-want) < 1e-9 }

func TestWilsonLower(t *testing.T) {
	for _, c := range []struct{ k, n, z, want float64 }{
		{8, 20, 1.96, .218803}, // textbook values of the 95 % interval
		{10, 10, 1.96, .722460},
		{0, 10, 1.96, 0},
		{1, 10, 1.96, .017876},
		{0, 0, .524, 0},
		{5, 10, 0, .5}, // no caution: the rate itself
	} {
		if got := wilsonLower(c.k, c.n, c.z); math.IsNaN(got) || math.Abs(got-c.want) > 1e-5 {
			t.Errorf("wilsonLower(%g, %g, %g) = %.6f, want %.6f", c.k, c.n, c.z, got, c.want)
		}
	}
	// The counts at which the published parameters trip, and one failure less.
	for _, c := range []struct{ k, n float64 }{{4, 10}, {6, 15}, {8, 20}, {11, 29}} {
		if wilsonLower(c.k, c.n, .674) < .30 || wilsonLower(c.k-1, c.n, .674) >= .30 {
			t.Errorf("%g of %g is not where the bound reaches .30: %.4f, one less %.4f", c.k, c.n, wilsonLower(c.k, c.n, .674), wilsonLower(c.k-1, c.n, .674))
		}
	}
}

func TestGuardForgets(t *testing.T) {
	g := Guard{Mode: Adaptive}
	forget := math.Pow(.5, 1/tuned.halfLife)
	s := settled(g, GuardState{}, "sFss")
	wantN := 1 + forget + forget*forget + forget*forget*forget
	if wantK := forget * forget; !close2(s.K, wantK) || !close2(s.N, wantN) {
		t.Errorf("after one failure in four: k %.6f n %.6f, want %.6f and %.6f", s.K, s.N, wantK, wantN)
	}
	s = settled(g, GuardState{K: 1, N: 1}, strings.Repeat("s", int(tuned.halfLife)))
	if !close2(s.K, .5) {
		t.Errorf("a failure weighs %.4f after a half-life, want .5", s.K)
	}
	s = settled(g, GuardState{}, strings.Repeat("s", 1000))
	if most := 1 / (1 - forget); !close2(s.N, most) {
		t.Errorf("effective sample %.4f after 1000 outcomes, want its limit %.4f", s.N, most)
	}
}

func TestGuardTrips(t *testing.T) {
	for _, c := range []struct {
		outcomes string
		open     bool
	}{
		{"", false},
		{"F", false}, // where the plan's rule is off for good
		{"FF", false},
		{"FFF", true}, // the fast trip
		{"FsF", false},
		{"FsFsF", false}, // .60, but under the minimum sample
		{"FsFsFs", true}, // three of six, over it
		{"FFsFFs", true},
		{"ssssF", false},
		{"sssssFFF", true},        // the fast trip, while the sample is small
		{"ssssssssssFFF", false},  // three in a row after ten successes: .27
		{"ssssssssssFFFF", false}, // four: .35, and not sure enough
		{"ssssssssssFFFFF", true}, // five: the bound
		{"sssssssssFsssssssssFsssssssssFsssssssssF", false}, // one in ten for ever
		{"ssFssssFssssFssssFssssFssssFssssFssssFss", false}, // one in five
	} {
		s := settled(Guard{Mode: Adaptive}, GuardState{}, c.outcomes)
		if s.Open != c.open {
			t.Errorf("%q: open %t, want %t (%.2f of %.2f, bound %.3f)", c.outcomes, s.Open, c.open, s.K, s.N, wilsonLower(s.K, s.N, tuned.z))
		}
	}
}

func TestGuardThreshold(t *testing.T) {
	if s := settled(Guard{Mode: Adaptive, Threshold: .64}, GuardState{}, "FsFsFs"); s.Open {
		t.Error("half failed and the threshold is .64, yet it opened")
	}
	if s := settled(Guard{Mode: Adaptive, Threshold: .10}, GuardState{}, "ssFssFssF"); !s.Open {
		t.Error("a third failed and the threshold is .10, yet it did not open")
	}
}

// day is a guard at work: tickets come, are decided on, and some fail.
type day struct {
	t     *testing.T
	guard Guard
	state []byte
	memos map[string][]byte
	now   time.Time
}

func newDay(t *testing.T, outcomes string) *day {
	g := Guard{Mode: Adaptive}
	state, err := json.Marshal(settled(g, GuardState{}, outcomes))
	if err != nil {
		t.Fatal(err)
	}
	return &day{t: t, guard: g, state: state, memos: map[string][]byte{}, now: anyDay}
}

func (d *day) ask(ticket string) Verdict {
	d.t.Helper()
	v, state, memo, err := d.guard.Admit("medium", ticket, d.state, d.memos[ticket], Totals{}, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	d.state, d.memos[ticket] = state, memo
	return v
}

// askMany gives a letter a ticket: P probe, y admitted, n refused.
func (d *day) askMany(prefix string, n int) string {
	d.t.Helper()
	out := ""
	for i := range n {
		switch v := d.ask(fmt.Sprintf("%s-%d", prefix, i+1)); {
		case v.Probe:
			out += "P"
		case v.Admit:
			out += "y"
		default:
			out += "n"
		}
	}
	return out
}

func (d *day) close(ticket string, failed bool) GuardState {
	d.t.Helper()
	state, err := d.guard.Settle(ticket, d.state, failed, d.now)
	if err != nil {
		d.t.Fatal(err)
	}
	d.state = state
	delete(d.memos, ticket) // the journal forgets it when the attempt closes
	return ParseGuardState(state)
}

func TestGuardWords(t *testing.T) {
	d := newDay(t, "FsFsFFs")
	s := ParseGuardState(d.state)
	v := d.ask("A")
	want := fmt.Sprintf("open for medium: %.1f of %.1f failed, lower bound .45 >= .30, next try in 9 tickets", s.K, s.N)
	if v.Why != want || v.Short != "guard open, next in 9" || v.Admit {
		t.Errorf("got  %+v\nwant %s", v, want)
	}
	for range 7 {
		v = d.ask(fmt.Sprint("more", len(d.memos)))
	}
	if !strings.HasSuffix(v.Why, ", next try in 2 tickets") {
		t.Errorf("after eight tickets: %s", v.Why)
	}
	if v = d.ask("ninth"); !strings.HasSuffix(v.Why, ", next try in 1 ticket") {
		t.Errorf("before the probe: %s", v.Why)
	}
	v = d.ask("tenth")
	if want := fmt.Sprintf("probe for medium: %.1f of %.1f failed, one try in 10 tickets", s.K, s.N); !v.Probe || !v.Admit || v.Why != want {
		t.Errorf("got  %+v\nwant %s", v, want)
	}
	if v = d.ask("eleventh"); !strings.HasSuffix(v.Why, ", next try when tenth is through") || v.Short != "guard open, probe out" {
		t.Errorf("while the probe is out: %+v", v)
	}
	// The figures are cut, not rounded: what has reached .30 is at least .30.
	if got := floorDigits(.3389); got != ".33" {
		t.Errorf("floorDigits(.3389) = %s", got)
	}
	if got := floorDigits(.30) + floorDigits(.29) + floorDigits(1); got != ".30.291.00" {
		t.Errorf("floorDigits of .30, .29 and 1: %s", got)
	}
	// A run of failures trips where the bound alone would not yet.
	trip := GuardState{K: 2.2, N: 7, Open: true, Interval: 10}
	if v := d.guard.Look("low", trip, Totals{}, d.now); v.Why != "open for low: 2.2 of 7.0 failed, rate .31 >= .30, next try in 10 tickets" {
		t.Error(v.Why)
	}
	if v := d.guard.Look("low", GuardState{}, Totals{}, d.now); !v.Admit || v.Why != "guard closed: no history yet" {
		t.Errorf("%+v", v)
	}
	if v := d.guard.Look("low", GuardState{K: 1.25, N: 9.5}, Totals{}, d.now); !v.Admit || v.Why != "guard closed: 1.2 of 9.5 failed" {
		t.Errorf("%+v", v)
	}
}

func TestGuardProbes(t *testing.T) {
	d := newDay(t, "FFFFFF")
	if got := d.askMany("a", 32); got != "nnnnnnnnnP"+strings.Repeat("n", 22) {
		t.Fatalf("the tenth gets the probe and no other while it is out: %s", got)
	}
	if s := d.close("a-10", true); s.Interval != 20 || !s.Open || s.Waited != 0 || s.Probe != "" {
		t.Fatalf("a probe that failed: %+v", s)
	}
	if got := d.askMany("b", 20); got != strings.Repeat("n", 19)+"P" {
		t.Fatalf("then the twentieth: %s", got)
	}
	d.close("b-20", true)
	for i := range 4 {
		d.askMany(fmt.Sprint("c", i), 48)
		if s := d.close(ParseGuardState(d.state).Probe, true); s.Interval > tuned.most {
			t.Fatalf("interval %g, at most %g", s.Interval, tuned.most)
		}
	}
	if s := ParseGuardState(d.state); s.Interval != tuned.most {
		t.Fatalf("interval %g after many failed probes, want %g", s.Interval, tuned.most)
	}
	d.askMany("d", 48)
	before := ParseGuardState(d.state)
	forget := math.Exp2(-1 / tuned.halfLife)
	s := d.close("d-48", false)
	if want := before.K * forget * tuned.credit; !s.Next || s.Interval != tuned.first || !close2(s.K, want) || !close2(s.N, (before.N*forget+1)*tuned.credit) {
		t.Fatalf("a probe that passed: %+v, want k %.4f", s, want)
	}
	if got := d.askMany("e", 3); got != "Pnn" {
		t.Fatalf("the next new ticket is a probe too: %s", got)
	}
	for i := 0; ParseGuardState(d.state).Open; i++ {
		if i == 20 {
			t.Fatal("does not close however many probes pass")
		}
		s := ParseGuardState(d.state)
		if s.K/s.N < defaultThreshold {
			t.Fatalf("open at a rate of %.2f", s.K/s.N)
		}
		if s.Probe == "" {
			d.ask(fmt.Sprint("f", i))
		}
		d.close(ParseGuardState(d.state).Probe, false)
	}
	s = ParseGuardState(d.state)
	if want := (GuardState{Seen: s.Seen, K: s.K, N: s.N, Opening: 1}); !cmp.Equal(s, want) || s.K/s.N >= defaultThreshold {
		t.Fatalf("closed again as %+v", s)
	}
	if got := d.askMany("a", 32); got != strings.Repeat("y", 32) {
		t.Fatalf("closed again: %s", got)
	}
}

// A probe interval grows by a fraction and is rounded down when used.
func TestGuardIntervalRoundsDown(t *testing.T) {
	d := newDay(t, "FFF")
	d.guard.tune = &published
	s := ParseGuardState(d.state)
	s.Interval = published.first
	d.state, _ = json.Marshal(s)
	if got := d.askMany("a", 8); got != "nnnnnnnP" {
		t.Fatal(got)
	}
	if s := d.close("a-8", true); !close2(s.Interval, 12.8) {
		t.Fatalf("interval %g, want 12.8", s.Interval)
	}
	if got := d.askMany("b", 12); got != strings.Repeat("n", 11)+"P" {
		t.Error(got)
	}
}

// Outcomes of tickets that are no probe count, and can close the guard, but do
// not move the probes.
func TestGuardOtherOutcomes(t *testing.T) {
	d := newDay(t, "FFF")
	d.askMany("a", 10)
	before := ParseGuardState(d.state)
	s := d.close("someone", true)
	if s.Probe != "a-10" || s.Interval != before.Interval || s.Waited != before.Waited || s.Next {
		t.Errorf("the outcome of another ticket moved the probe: %+v", s)
	}
	for range 12 {
		s = d.close("someone", false)
	}
	if s.Open {
		t.Errorf("still open at %.2f of %.2f", s.K, s.N)
	}
}

func TestGuardAskedAgain(t *testing.T) {
	d := newDay(t, "FFFFFF")
	first := map[string]Verdict{}
	for i := range 12 {
		id := fmt.Sprintf("a-%d", i+1)
		first[id] = d.ask(id)
	}
	state := string(d.state)
	for id, want := range first {
		if diff := cmp.Diff(want, d.ask(id)); diff != "" {
			t.Errorf("%s asked again (-first +second)\n%s", id, diff)
		}
	}
	if string(d.state) != state {
		t.Errorf("asking again moved the counter:\n%s\n%s", state, d.state)
	}
	d.now = d.now.Add(23 * time.Hour)
	if v := d.ask("a-10"); !v.Probe {
		t.Errorf("23 hours later the probe is gone: %+v", v)
	}
	if v := d.ask("new"); v.Admit {
		t.Errorf("a second probe beside the first: %+v", v)
	}
	d.now = d.now.Add(time.Hour)
	if v := d.guard.Look("medium", ParseGuardState(d.state), Totals{}, d.now); strings.Contains(v.Why, "a-10") {
		t.Errorf("the probe is over, and still named: %s", v.Why)
	}
	if v := d.ask("a-1"); v.Admit {
		t.Errorf("24 hours later a ticket counts anew, and three have waited: %+v", v)
	}
	// 3 came after the probe was given, one asked anew; six more make ten.
	if got := d.askMany("b", 7); got != "nnnnnPn" {
		t.Errorf("the given-up probe goes to another ticket: %s", got)
	}
	if v := d.ask("a-10"); v.Admit {
		t.Errorf("two probes out: %+v", v)
	}
	// A probe whose late outcome comes after it was given up counts as an outcome.
	if s := d.close("a-10", true); s.Probe != "b-6" || s.Interval != tuned.first {
		t.Errorf("the late outcome moved the new probe: %+v", s)
	}
}

// What was answered in one opening says nothing in the next.
func TestGuardNextOpening(t *testing.T) {
	d := newDay(t, "FFF")
	d.ask("A")
	memo := d.memos["A"]
	for range 30 {
		d.close("x", false)
	}
	if v := d.ask("A"); !v.Admit || d.memos["A"] != nil {
		t.Errorf("closed again: %+v, memo %s", v, d.memos["A"])
	}
	for range 30 {
		d.close("x", true)
	}
	d.memos["A"] = memo
	if s := ParseGuardState(d.state); !s.Open || s.Opening != 2 {
		t.Fatalf("not opened again: %+v", s)
	}
	if d.ask("A"); ParseGuardState(d.state).Waited != 1 {
		t.Error("a ticket of an earlier opening does not count in this one")
	}
}

// While closed nothing is counted, so nothing is written.
func TestGuardClosedWritesNothing(t *testing.T) {
	g := Guard{Mode: Adaptive}
	for _, state := range []string{"", `{"k":1,"n":9}`, "damaged"} {
		v, newState, memo, err := g.Admit("low", "A", []byte(state), nil, Totals{}, anyDay)
		if err != nil || !v.Admit || string(newState) != state || memo != nil {
			t.Errorf("%q: %+v %q %q %v", state, v, newState, memo, err)
		}
	}
}
