package figures

import (
	"math"
	"slices"
)

// Guess is one answer with how sure its giver was.
type Guess struct {
	Confidence float64 // 0 to 1
	Right      bool
	// NextRight reports whether the tier that would be asked next is right.
	NextRight bool
}

func (g Guess) right() float64 {
	if g.Right {
		return 1
	}
	return 0
}

// Brier is the mean squared distance of confidence and outcome: 0 is perfect,
// 0.25 is what always saying one half gets. 0 for no guesses.
func Brier(guesses []Guess) float64 {
	if len(guesses) == 0 {
		return 0
	}
	sum := 0.0
	for _, g := range guesses {
		sum += (g.Confidence - g.right()) * (g.Confidence - g.right())
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
	best := slices.MaxFunc(cuts, func(a, b Cut) int {
		switch {
		case a.Whole > b.Whole:
			return 1
		case a.Whole < b.Whole:
			return -1
		}
		return 0
	}).Whole
	slack := math.Sqrt(best * (1 - best) / float64(cuts[0].Kept.N))
	for _, c := range cuts {
		if c.Whole >= best-slack-1e-9 {
			return c.Threshold, true
		}
	}
	return 0, false
}
