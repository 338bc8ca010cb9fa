package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// side is one of the things compared: what it took, in seconds, round by round.
type side [][]float64

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
// meets all of them: in each round so many runs of each. Who goes first changes
// from run to run.
func interleave(rounds, runs int, things ...once) ([]side, error) {
	sides := make([]side, len(things))
	for r := range rounds {
		for i := range sides {
			sides[i] = append(sides[i], make([]float64, 0, runs))
		}
		for n := range runs {
			for k := range things {
				i := (k + n) % len(things)
				took, err := things[i]()
				if err != nil {
					return nil, err
				}
				sides[i][r] = append(sides[i][r], took.Seconds())
			}
		}
	}
	return sides, nil
}

// at is the value of all rounds at a quantile, in seconds.
func (s side) at(q float64) float64 { return quantile(slices.Concat(s...), q) }

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

// spread is a figure of all rounds together with how far it wanders: the middle
// 80 % of what the rounds, each for itself, gave.
type spread struct{ mid, low, high float64 }

func (s spread) String() string { return times(s.low) + "–" + times(s.high) }

func spreadOf(mid float64, each []float64) spread {
	return spread{mid, quantile(each, .1), quantile(each, .9)}
}

// over is a over b at a quantile.
func over(a, b side, q float64) spread {
	each := make([]float64, min(len(a), len(b)))
	for r := range each {
		each[r] = quantile(a[r], q) / quantile(b[r], q)
	}
	return spreadOf(a.at(q)/b.at(q), each)
}

// times words a ratio with three digits.
func times(v float64) string {
	if math.IsNaN(v) {
		return "?"
	}
	return digits(v) + "×"
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

// digits words a figure with three digits.
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
