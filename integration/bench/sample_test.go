package main

import (
	"fmt"
	"testing"
)

func TestSample(t *testing.T) {
	values := []float64{4, 1, 3, 2, 5}
	for q, want := range map[float64]float64{0: 1, .5: 3, .875: 4.5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v of %v is %v, want %v", q, values, got, want)
		}
	}
	a, b := side{{2, 2, 2}, {4, 4, 4}}, side{{1, 1, 1}, {1, 1, 1}}
	if got := over(a, b, .5); got.mid != 3 || got.low < 2 || got.high > 4 || got.low >= got.high {
		t.Errorf("over %+v", got)
	}
	if got := slope([]float64{1, 2, 4, 8}, []float64{3, 12, 48, 192}); fmt.Sprintf("%.3f", got) != "2.000" {
		t.Errorf("slope of a square is %v", got)
	}
}
