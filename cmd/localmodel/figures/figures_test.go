package figures

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func near(a, b float64) bool { return math.Abs(a-b) < 5e-4 }

// The intervals are those of Wilson's paper's formula, worked out by hand and
// found again in published tables.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{8, 10, .4902, .9433},
		{0, 10, 0, .2775},
		{1, 1, .2065, 1},
		{50, 100, .4038, .5962},
	} {
		if low, high := wilson(c.k, c.n); !near(low, c.low) || !near(high, c.high) {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, low, high, c.low, c.high)
		}
	}
	if s := ShareOf(0, 0); s.Rate != 0 || s.Low != 0 || s.High != 1 {
		t.Errorf("nothing counted: %+v", s)
	}
}

func TestPercentileIsAMeasuredValue(t *testing.T) {
	values := []int64{100, 20, 30, 40, 50, 60, 70, 80, 90, 10}
	if got := percentile(values, .50); got != 50 {
		t.Errorf("p50 %d", got)
	}
	if got := percentile(values, .95); got != 100 {
		t.Errorf("p95 %d", got)
	}
	if got := percentile([]int64{7}, .5); got != 7 {
		t.Errorf("of one value: %d", got)
	}
	if got := percentile(nil, .5); got != 0 {
		t.Errorf("of none: %d", got)
	}
}

// The textbook table: 20 both yes, 15 both no, 5 and 10 apart. They agree in
// .70, by chance in .50, so kappa is .40.
func TestKappa(t *testing.T) {
	var a, b []string
	add := func(n int, x, y string) {
		a, b = append(a, slices.Repeat([]string{x}, n)...), append(b, slices.Repeat([]string{y}, n)...)
	}
	add(20, "yes", "yes")
	add(5, "yes", "no")
	add(10, "no", "yes")
	add(15, "no", "no")
	if k, ok := Kappa(a, b); !ok || !near(k, .40) {
		t.Errorf("kappa %v, %v", k, ok)
	}
	if _, ok := Kappa([]string{"x", "x"}, []string{"x", "x"}); ok {
		t.Error("one label alone says nothing about agreement")
	}
}

var sample = []Guess{
	{Confidence: .95, Right: true, NextRight: true},
	{Confidence: .92, Right: true},
	{Confidence: .60, NextRight: true},
	{Confidence: .55, Right: true, NextRight: true},
	{Confidence: 1, Right: true, NextRight: true},
}

// (.05² + .08² + .60² + .45² + 0²) / 5 = (.0025 + .0064 + .36 + .2025) / 5
func TestBrier(t *testing.T) {
	if got := Brier(sample); !near(got, .11428) {
		t.Errorf("Brier %v", got)
	}
	if got := Brier([]Guess{{Confidence: .5}, {Confidence: .5, Right: true}}); !near(got, .25) {
		t.Errorf("one half always: %v", got)
	}
}

func TestReliability(t *testing.T) {
	bins := Reliability(sample)
	type row struct {
		from, to, confidence float64
		k, n                 int
	}
	var got []row
	for _, b := range bins {
		got = append(got, row{b.From, b.To, math.Round(b.Confidence*1e4) / 1e4, b.Right.K, b.Right.N})
	}
	want := []row{{.5, .6, .55, 1, 1}, {.6, .7, .60, 0, 1}, {.9, 1, .9567, 3, 3}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Error(d)
	}
	// (|.55-1| + |.60-0| + 3·|.9567-1|) / 5 = (.45 + .60 + .13) / 5
	if e := CalibrationError(bins); !near(e, .236) {
		t.Errorf("calibration error %v", e)
	}
}

func TestCuts(t *testing.T) {
	cuts := Cuts(sample)
	at := func(threshold float64) Cut {
		i := slices.IndexFunc(cuts, func(c Cut) bool { return near(c.Threshold, threshold) })
		return cuts[i]
	}
	// At 0 all five are kept and four of them right.
	if c := at(0); c.Kept.K != 5 || c.Right.K != 4 || !near(c.Whole, .8) {
		t.Errorf("at 0: %+v", c)
	}
	// At .60 the one of .55 goes on (right there too), the wrong one of .60 stays.
	if c := at(.60); c.Kept.K != 4 || c.Right.K != 3 || !near(c.Whole, .8) {
		t.Errorf("at .60: %+v", c)
	}
	// At .65 both go on, and the next tier is right in both.
	if c := at(.65); c.Kept.K != 3 || c.Right.K != 3 || !near(c.Whole, 1) {
		t.Errorf("at .65: %+v", c)
	}
	// At .95 the one of .92 goes on, where the next tier is wrong.
	if c := at(.95); c.Kept.K != 2 || !near(c.Whole, .8) {
		t.Errorf("at .95: %+v", c)
	}
	// The best is 1, with a standard error of 0: the lowest that reaches it.
	if got, ok := Recommend(cuts); !ok || !near(got, .65) {
		t.Errorf("recommended %v, %v", got, ok)
	}
}

// 100 answers, of which a local model has 85 right and the next tier 88: the
// sample cannot distinguish .88 from .85 (one standard error is .032), so the
// threshold that asks the next tier least wins.
func TestRecommendAsksLessWhereTheSampleCannotTell(t *testing.T) {
	var g []Guess
	for i := range 100 {
		g = append(g, Guess{Confidence: .5, Right: i < 85, NextRight: i >= 12})
	}
	if got, ok := Recommend(Cuts(g)); !ok || got != 0 {
		t.Errorf("recommended %v, %v", got, ok)
	}
	for i := range g { // a local model that is wrong more often than not
		g[i].Right = i < 40
	}
	if got, ok := Recommend(Cuts(g)); !ok || !near(got, .55) {
		t.Errorf("recommended %v, %v", got, ok)
	}
	if _, ok := Recommend(nil); ok {
		t.Error("nothing argues for no threshold")
	}
}
