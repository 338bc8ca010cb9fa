package references

import "testing"

func TestEditDistance(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"A-1", "A-1", 0}, {"A-1", "A-2", 1}, {"A-1", "A-12", 1}, {"AB-1", "BA-1", 2}, {"A-1", "LONGER", 6}, {"ABCD", "WXYZ", 4}} {
		if got := editDistance(row.a, row.b); got != row.want {
			t.Errorf("%q, %q: %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
