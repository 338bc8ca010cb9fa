package ticket

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParseLarge shows what a large ticket of prose and tables costs; `make
// bench` compares it with a plain decoder.
func BenchmarkParseLarge(b *testing.B) {
	var files, prose strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&files, "| src/cart/part_%03d.go | modify | round the total of line %d |\n", i%900, i)
		fmt.Fprintf(&prose, "Line %d of the description says *what* happens in `cart.Total`, and why.\n", i)
	}
	data := []byte("---\nid: FEAT-001\ntype: feature\n---\n# Totals\n\n" + prose.String() +
		"\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n" + files.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
