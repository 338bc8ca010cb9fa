package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// side is one of the things compared: what it took, in seconds, round by round.
type side struct{ rounds [][]float64 }

// once runs a thing once and says what it took.
type once func() (time.Duration, error)

// timed measures a thing by the clock.
func timed(do func() error) once {
	return func() (time.Duration, error) {
		began := time.Now()
		err := do()
		return time.Since(began), err
	}
}

// interleave runs the things in turn, so that whatever else the machine does
// meets all of them: rounds times a round of times runs of each. Who goes first
// changes from run to run.
func interleave(rounds, times int, things ...once) ([]side, error) {
	sides := make([]side, len(things))
	for r := range rounds {
		for i := range sides {
			sides[i].rounds = append(sides[i].rounds, make([]float64, 0, times))
		}
		for n := range times {
			for k := range things {
				i := (k + n) % len(things)
				took, err := things[i]()
				if err != nil {
					return nil, err
				}
				sides[i].rounds[r] = append(sides[i].rounds[r], took.Seconds())
			}
		}
	}
	return sides, nil
}

func (s side) all() []float64 { return slices.Concat(s.rounds...) }

func (s side) at(q float64) float64 { return quantile(s.all(), q) }

// quantile is the value below which a share q of the values lies, between two
// of them in proportion.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	at := q * float64(len(v)-1)
	low := int(at)
	if low+1 == len(v) {
		return v[low]
	}
	return v[low] + (at-float64(low))*(v[low+1]-v[low])
}

func median(values []float64) float64 { return quantile(values, .5) }

// spread is a figure with how far it wanders: the middle 80 % of what the
// rounds, each for itself, gave.
type spread struct{ mid, low, high float64 }

func (s spread) String() string { return fmt.Sprintf("%s–%s", ratio(s.low), ratio(s.high)) }

// spreadOf takes the figure from all rounds together and the spread from each.
func spreadOf(mid float64, each []float64) spread {
	return spread{mid, quantile(each, .1), quantile(each, .9)}
}

// over is a over b at a quantile.
func over(a, b side, q float64) spread {
	var each []float64
	for r := range min(len(a.rounds), len(b.rounds)) {
		each = append(each, quantile(a.rounds[r], q)/quantile(b.rounds[r], q))
	}
	return spreadOf(a.at(q)/b.at(q), each)
}

// inverse turns "a over b" into "b over a".
func (s spread) inverse() spread { return spread{1 / s.mid, 1 / s.high, 1 / s.low} }

func ratio(v float64) string {
	switch {
	case math.IsNaN(v):
		return "?"
	case v >= 100:
		return fmt.Sprintf("%.0f×", v)
	case v >= 10:
		return fmt.Sprintf("%.1f×", v)
	}
	return fmt.Sprintf("%.2f×", v)
}

// duration words seconds with three digits.
func duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "?"
	case seconds >= 1:
		return digits(seconds) + " s"
	case seconds >= 1e-3:
		return digits(seconds*1e3) + " ms"
	}
	return digits(seconds*1e6) + " µs"
}

func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func megabytes(bytes int) string { return digits(float64(bytes)/1e6) + " MB" }

// slope is the exponent by which y grows with x: 1 is linear, 2 quadratic. It
// is that of the straight line through the logarithms with the least squares.
func slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(x))
	for i := range x {
		lx, ly := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
