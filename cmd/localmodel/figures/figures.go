// Package figures computes the numbers that reports show: intervals,
// percentiles, agreement, calibration, and the threshold they argue for. It is
// pure, and every formula is small enough to be checked by hand.
package figures

import (
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
