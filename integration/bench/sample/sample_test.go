package sample

import (
	"fmt"
	"testing"
)

func TestSample(t *testing.T) {
	values := []float64{4, 1, 3, 2, 5}
	for q, want := range map[float64]float64{0: 1, .5: 3, .875: 4.5, 1: 5} {
		if got := Quantile(values, q); got != want {
			t.Errorf("quantile %v of %v is %v, want %v", q, values, got, want)
		}
	}
	a, b := Side{{2, 2, 2}, {4, 4, 4}}, Side{{1, 1, 1}, {1, 1, 1}}
	if got := Over(a, b, .5); got.Mid != 3 || got.Low < 2 || got.High > 4 || got.Low >= got.High {
		t.Errorf("over %+v", got)
	}
	if got := Slope([]float64{1, 2, 4, 8}, []float64{3, 12, 48, 192}); fmt.Sprintf("%.3f", got) != "2.000" {
		t.Errorf("slope of a square is %v", got)
	}
}
