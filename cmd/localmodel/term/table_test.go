package term

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTable holds that a table fits, and that what does not fit is a list with
// every cell.
func TestTable(t *testing.T) {
	head := []string{"Model", "category", "p50"}
	rows := [][]string{{"small", "50 % (15-85)", "300 ms"}, {"a-longer:30b", "", "1.0 s"}}
	for columns, want := range map[int]string{
		80: "Model             category     p50\nsmall         50 % (15-85)  300 ms\na-longer:30b                 1.0 s\n",
		30: "Model\nsmall\n  category  50 % (15-85)\n  p50       300 ms\na-longer:30b\n  p50       1.0 s\n",
	} {
		out := &screen{columns: columns}
		Table(out, head, rows)
		if got := out.String(); got != want {
			t.Errorf("%d columns: got\n%s\nwant\n%s", columns, got, want)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%d of %d columns: %q", n, columns, line)
			}
		}
	}
}
