package fleetsim

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// wave is a load of one wave of n calls, all at once.
func wave(users, n int, seconds, patience float64) Load {
	return Load{Users: users, WaveMin: n, WaveMax: n, AtOnce: n, Classify: Call{seconds, 1}, Patience: patience}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

// TestByHand: cases whose answer is known without a simulation.
func TestByHand(t *testing.T) {
	one := Run(Fleet{Hosts: 1, Slots: 1, Routing: Pinned, Drag: .5}, wave(1, 5, 2, 1000), 0, 1)
	if one.Local != 5 || !near(one.End, 10) || !near(At(one.Wait, 1), 8) || !near(At(one.Took, 0), 2) || !near(one.Busy, 1) {
		t.Errorf("five calls of 2 s one after another: %+v", one)
	}
	// Two at once run at 1/1.5 of their speed: pairs of 3 s, and a last one alone.
	two := Run(Fleet{Hosts: 1, Slots: 2, Routing: Pinned, Drag: .5}, wave(1, 5, 2, 1000), 0, 1)
	if two.Local != 5 || !near(two.End, 8) || !near(At(two.Took, 0), 3) {
		t.Errorf("five calls of 2 s two at a time: %+v", two)
	}
	// With patience for 5 s the third is broken off, and two never begin.
	short := Run(Fleet{Hosts: 1, Slots: 1, Routing: Pinned}, wave(1, 5, 2, 5), 0, 1)
	if short.Local != 2 || short.USD != 3 || !near(short.End, 5) {
		t.Errorf("with patience for 5 s: %+v", short)
	}
	apart := Run(Fleet{Hosts: 2, Slots: 1, Routing: Pinned}, wave(2, 3, 2, 1000), 0, 1)
	if apart.Local != 6 || !near(apart.End, 6) {
		t.Errorf("two users on hosts of their own: %+v", apart)
	}
	polled := Run(Fleet{Hosts: 1, Slots: 1, Routing: Pinned, Poll: .1}, wave(1, 11, 1, 1000), 0, 1)
	if polled.Local != 11 || polled.End < 11.1 || polled.End > 12 {
		t.Errorf("ten hand-overs of up to .1 s: %+v", polled)
	}
}

// TestQueueTheory: one host, one slot, calls of one length that arrive at
// random wait rho/(2(1-rho)) of their length on the mean (M/D/1).
func TestQueueTheory(t *testing.T) {
	for _, rho := range []float64{.3, .6, .8} {
		l := Load{Users: 400, Pause: 400 / rho, WaveMin: 1, WaveMax: 1, AtOnce: 1, Classify: Call{1, 0}, Patience: 1e9}
		r := Run(Fleet{Hosts: 1, Slots: 1, Routing: Shuffle}, l, 200_000, 1)
		sum := 0.0
		for _, w := range r.Wait {
			sum += w
		}
		got, want := sum/float64(len(r.Wait)), rho/(2*(1-rho))
		t.Logf("load %.1f: %d calls wait %.3f on the mean, by theory %.3f", rho, r.Calls, got, want)
		if math.Abs(got-want) > .1*want {
			t.Errorf("load %.1f: mean wait %.3f, want about %.3f", rho, got, want)
		}
	}
}

func TestShapeAndSeed(t *testing.T) {
	load := Team(40)
	few, many := Run(Hosts(2, 1, Shuffle), load, day, 1), Run(Hosts(8, 1, Shuffle), load, day, 1)
	if few.LocalShare() >= many.LocalShare() || few.USD <= many.USD || At(few.Wait, .95) <= At(many.Wait, .95) {
		t.Errorf("eight hosts are no better than two: %.2f and %.2f local", many.LocalShare(), few.LocalShare())
	}
	if busy := Run(Hosts(2, 1, LeastBusy), load, day, 1); busy.LocalShare() <= few.LocalShare() {
		t.Errorf("the least busy host answers %.3f, any host %.3f", busy.LocalShare(), few.LocalShare())
	}
	if again := Run(Hosts(2, 1, Shuffle), load, day, 1); !reflect.DeepEqual(again, few) {
		t.Error("the same seed gives another result")
	}
	if other := Run(Hosts(2, 1, Shuffle), load, day, 2); reflect.DeepEqual(other, few) {
		t.Error("another seed gives the same result")
	}
}

func TestReport(t *testing.T) {
	text := Report(Range(1, true))
	for _, want := range []string{"2 slots a host", "Where it bends", "What to change then", "least busy"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not have %q", want)
		}
	}
	if strings.Contains(text, "%!") {
		t.Errorf("the report is badly worded:\n%s", text)
	}
}
