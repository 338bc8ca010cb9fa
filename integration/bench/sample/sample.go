// Package sample measures things side by side, in turn, and says by how much one
// differs from the other, with the spread between the rounds.
package sample

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Side is one of the things compared: what it took, in seconds, round by round.
type Side struct{ Rounds [][]float64 }

// Once runs a thing once and says what it took.
type Once func() (time.Duration, error)

// Timed measures a thing by the clock.
func Timed(do func() error) Once {
	return func() (time.Duration, error) {
		began := time.Now()
		err := do()
		return time.Since(began), err
	}
}

// Interleave runs the things in turn, so that whatever else the machine does
// meets all of them: rounds times a round of times runs of each. Who goes first
// changes from run to run.
func Interleave(rounds, times int, things ...Once) ([]Side, error) {
	sides := make([]Side, len(things))
	for r := range rounds {
		for i := range sides {
			sides[i].Rounds = append(sides[i].Rounds, make([]float64, 0, times))
		}
		for n := range times {
			for k := range things {
				i := (k + n) % len(things)
				took, err := things[i]()
				if err != nil {
					return nil, err
				}
				sides[i].Rounds[r] = append(sides[i].Rounds[r], took.Seconds())
			}
		}
	}
	return sides, nil
}

// At is the value of all rounds at a quantile, in seconds.
func (s Side) At(q float64) float64 { return Quantile(slices.Concat(s.Rounds...), q) }

// Quantile is the value below which a share q of the values lies, between two
// of them in proportion.
func Quantile(values []float64, q float64) float64 {
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

// Median is the middle one of the values.
func Median(values []float64) float64 { return Quantile(values, .5) }

// Spread is a figure with how far it wanders: the middle 80 % of what the
// rounds, each for itself, gave.
type Spread struct{ Mid, Low, High float64 }

func (s Spread) String() string { return fmt.Sprintf("%s–%s", Ratio(s.Low), Ratio(s.High)) }

// SpreadOf takes the figure from all rounds together and the spread from each.
func SpreadOf(mid float64, each []float64) Spread {
	return Spread{mid, Quantile(each, .1), Quantile(each, .9)}
}

// Over is a over b at a quantile.
func Over(a, b Side, q float64) Spread {
	var each []float64
	for r := range min(len(a.Rounds), len(b.Rounds)) {
		each = append(each, Quantile(a.Rounds[r], q)/Quantile(b.Rounds[r], q))
	}
	return SpreadOf(a.At(q)/b.At(q), each)
}

// Inverse turns "a over b" into "b over a".
func (s Spread) Inverse() Spread { return Spread{1 / s.Mid, 1 / s.High, 1 / s.Low} }

// Ratio words a ratio with three digits.
func Ratio(v float64) string {
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

// Duration words seconds with three digits.
func Duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "?"
	case seconds >= 1:
		return Digits(seconds) + " s"
	case seconds >= 1e-3:
		return Digits(seconds*1e3) + " ms"
	}
	return Digits(seconds*1e6) + " µs"
}

// Digits words a figure with three digits.
func Digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Megabytes words a size.
func Megabytes(bytes int) string { return Digits(float64(bytes)/1e6) + " MB" }

// Slope is the exponent by which y grows with x: 1 is linear, 2 quadratic. It
// is that of the straight line through the logarithms with the least squares.
func Slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(x))
	for i := range x {
		lx, ly := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
