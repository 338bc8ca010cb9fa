// Package figures computes the numbers that reports show: intervals,
// percentiles, agreement, calibration, and the threshold they argue for. It is
// pure, and every formula is small enough to be checked by hand.
package figures

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.959964

// Share is k of n with its 95 % Wilson score interval.
type Share struct {
	K    int     `json:"k"`
	N    int     `json:"n"`
	Rate float64 `json:"rate"` // 0 to 1; 0 where N is 0
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (s Share) String() string { return fmt.Sprintf("%d of %d", s.K, s.N) }

// Percent is the rate for a person.
func (s Share) Percent() string { return fmt.Sprintf("%.0f %%", s.Rate*100) }

// Interval is the interval for a person.
func (s Share) Interval() string { return fmt.Sprintf("%.0f to %.0f %%", s.Low*100, s.High*100) }

// Whole writes a share with everything there is to say of it.
func (s Share) Whole() string {
	return fmt.Sprintf("%d of %d, %.0f %% (%.0f to %.0f)", s.K, s.N, s.Rate*100, s.Low*100, s.High*100)
}

// Brief writes it for a table.
func (s Share) Brief() string {
	if s.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %% (%.0f-%.0f)", s.Rate*100, s.Low*100, s.High*100)
}

// ShareOf computes the share. With nothing counted the interval is everything.
func ShareOf(k, n int) Share {
	s := Share{K: k, N: n, High: 1}
	if n <= 0 {
		return s
	}
	s.Rate = float64(k) / float64(n)
	s.Low, s.High = wilson(k, n)
	return s
}

// wilson is the 95 % Wilson score interval of k in n > 0.
func wilson(k, n int) (low, high float64) {
	p, m, z := float64(k)/float64(n), float64(n), z95
	middle := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return max(0, (middle-half)/scale), min(1, (middle+half)/scale)
}

// percentile is the value that a share p of the values does not exceed: the
// nearest rank, so it is always one that was measured. 0 for no values.
func percentile(values []int64, p float64) int64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	rank := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// Kappa is Cohen's kappa of paired labels: agreement beyond what the two would
// reach by chance. ok is false where chance alone explains all of it.
func Kappa(a, b []string) (kappa float64, ok bool) {
	n := float64(len(a))
	if len(a) == 0 || len(a) != len(b) {
		return 0, false
	}
	countA, countB, same := map[string]float64{}, map[string]float64{}, 0.0
	for i := range a {
		countA[a[i]]++
		countB[b[i]]++
		if a[i] == b[i] {
			same++
		}
	}
	chance := 0.0
	for label, c := range countA {
		chance += c / n * countB[label] / n
	}
	if chance >= 1 {
		return 0, false
	}
	return (same/n - chance) / (1 - chance), true
}

// MS is a time in milliseconds; 0 = none was taken.
type MS int64

func (ms MS) String() string {
	switch {
	case ms == 0:
		return "-"
	case ms < 1000:
		return fmt.Sprintf("%d ms", int64(ms))
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}

// Time is how long something took in the middle, and in 19 of 20 times.
type Time struct {
	P50 MS `json:"p50_ms"`
	P95 MS `json:"p95_ms"`
}

// TimeOf computes it from times in milliseconds.
func TimeOf(ms []int64) Time { return Time{MS(percentile(ms, .50)), MS(percentile(ms, .95))} }

// Guess is one answer with how sure its giver was.
type Guess struct {
	Confidence float64 // 0 to 1
	Right      bool
	// NextRight reports whether the tier that would be asked next is right.
	NextRight bool
}

// Brier is the mean squared distance of confidence and outcome: 0 is perfect,
// 0.25 is what always saying one half gets. 0 for no guesses.
func Brier(guesses []Guess) float64 {
	if len(guesses) == 0 {
		return 0
	}
	sum := 0.0
	for _, g := range guesses {
		off := g.Confidence
		if g.Right {
			off = 1 - g.Confidence
		}
		sum += off * off
	}
	return sum / float64(len(guesses))
}

// Bin is one row of a reliability table: the answers given with a confidence
// from From up to, and for the last bin including, To.
type Bin struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Confidence float64 `json:"confidence"` // the mean in the bin
	Right      Share   `json:"right"`
}

// Reliability sorts guesses into ten bins of equal width; empty ones are left
// out. A calibrated model is right as often as it is confident in each.
func Reliability(guesses []Guess) []Bin {
	const n = 10
	var sum [n]float64
	var count, right [n]int
	for _, g := range guesses {
		i := min(int(g.Confidence*n+1e-9), n-1)
		count[i]++
		sum[i] += g.Confidence
		if g.Right {
			right[i]++
		}
	}
	var out []Bin
	for i := range n {
		if count[i] > 0 {
			out = append(out, Bin{From: float64(i) / n, To: float64(i+1) / n, Confidence: sum[i] / float64(count[i]), Right: ShareOf(right[i], count[i])})
		}
	}
	return out
}

// CalibrationError is the mean distance of confidence and accuracy over the
// bins, weighted by their answers (ECE).
func CalibrationError(bins []Bin) float64 {
	sum, n := 0.0, 0
	for _, b := range bins {
		sum += math.Abs(b.Confidence-b.Right.Rate) * float64(b.Right.N)
		n += b.Right.N
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// Cut is what one threshold would do: answers below it go to the next tier.
type Cut struct {
	Threshold float64 `json:"threshold"`
	Kept      Share   `json:"kept"`  // answers at or above it, of all
	Right     Share   `json:"right"` // right ones of those kept
	Whole     float64 `json:"whole"` // right ones of all, the next tier answering the rest
}

// Cuts tries the thresholds 0, 0.05, … 0.95.
func Cuts(guesses []Guess) []Cut {
	var out []Cut
	for step := 0; step < 20; step++ {
		c := Cut{Threshold: float64(step) / 20}
		kept, right, whole := 0, 0, 0
		for _, g := range guesses {
			switch {
			case g.Confidence >= c.Threshold-1e-9:
				kept++
				if g.Right {
					right++
					whole++
				}
			case g.NextRight:
				whole++
			}
		}
		c.Kept, c.Right = ShareOf(kept, len(guesses)), ShareOf(right, kept)
		if len(guesses) > 0 {
			c.Whole = float64(whole) / float64(len(guesses))
		}
		out = append(out, c)
	}
	return out
}

// Recommend picks the lowest threshold whose whole is within one standard error
// of the best one's: of thresholds that the sample cannot distinguish, the one
// that asks the next tier least. It is the one-standard-error rule.
func Recommend(cuts []Cut) (threshold float64, ok bool) {
	if len(cuts) == 0 || cuts[0].Kept.N == 0 {
		return 0, false
	}
	best := slices.MaxFunc(cuts, func(a, b Cut) int { return cmp.Compare(a.Whole, b.Whole) }).Whole
	slack := math.Sqrt(best * (1 - best) / float64(cuts[0].Kept.N))
	for _, c := range cuts {
		if c.Whole >= best-slack-1e-9 {
			return c.Threshold, true
		}
	}
	return 0, false
}
