package routing

import (
	"fmt"
	"math"
	"testing"
)

// Denser text is believed faster than looser, and a tiny prompt not at all.
func TestGaugeLearns(t *testing.T) {
	for _, c := range []struct {
		counts [][2]int // bytes, tokens
		want   float64
	}{
		{[][2]int{{4000, 1000}}, 4},
		{[][2]int{{4000, 1000}, {2000, 1000}}, 3},
		{[][2]int{{2000, 1000}, {4000, 1000}}, 2.2},
		{[][2]int{{100, 90}}, firstBytesPerToken},
		{[][2]int{{4000, 0}, {4000, 1}, {4000, -5}}, firstBytesPerToken},
	} {
		g := newGauge()
		for _, n := range c.counts {
			g.learn("m", n[0], n[1])
		}
		if got := g.bytesPerToken("m"); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", fmt.Sprint(c.counts), got, c.want)
		}
	}
}
