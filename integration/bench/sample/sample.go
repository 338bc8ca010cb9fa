// Package sample takes measurements in turn and words what they say.
package sample

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Side is one of the things compared: what it took, in seconds, round by round.
type Side [][]float64

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
// meets all of them: in each round so many runs of each. Who goes first changes
// from run to run.
func Interleave(rounds, runs int, things ...Once) ([]Side, error) {
	sides := make([]Side, len(things))
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

// At is the value of all rounds at a quantile, in seconds.
func (s Side) At(q float64) float64 { return Quantile(slices.Concat(s...), q) }

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

// Median is the value in the middle.
func Median(values []float64) float64 { return Quantile(values, .5) }

// Spread is a figure of all rounds together with how far it wanders: the middle
// 80 % of what the rounds, each for itself, gave.
type Spread struct{ Mid, Low, High float64 }

func (s Spread) String() string { return Times(s.Low) + "–" + Times(s.High) }

// SpreadOf is the spread of a figure, and of what each round gave.
func SpreadOf(mid float64, each []float64) Spread {
	return Spread{mid, Quantile(each, .1), Quantile(each, .9)}
}

// Over is a over b at a quantile.
func Over(a, b Side, q float64) Spread {
	each := make([]float64, min(len(a), len(b)))
	for r := range each {
		each[r] = Quantile(a[r], q) / Quantile(b[r], q)
	}
	return SpreadOf(a.At(q)/b.At(q), each)
}

// Times words a ratio with three digits.
func Times(v float64) string {
	if math.IsNaN(v) {
		return "?"
	}
	return Digits(v) + "×"
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

// Megabytes words a size with three digits.
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
