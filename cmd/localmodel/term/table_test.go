package term

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPaths holds that a table of paths is a list where it does not fit, and
// that no path is cut.
func TestPaths(t *testing.T) {
	path := "/srv/" + strings.Repeat("long/", 9) + "project"
	head, rows := []string{"USED", "ROWS", "PROJECT"}, [][]string{{"2026-11-26", "7", path}, {"2026-11-27", "1234", "/b"}}
	for columns, want := range map[int]string{
		80: "USED        ROWS  PROJECT\n2026-11-26  7     " + path + "\n2026-11-27  1234  /b\n",
		40: path + "\n  used 2026-11-26, rows 7\n/b\n  used 2026-11-27, rows 1234\n",
	} {
		out := &screen{columns: columns}
		if err := Paths(out, head, rows); err != nil || out.String() != want {
			t.Errorf("%d columns: %v, got\n%s\nwant\n%s", columns, err, out, want)
		}
	}
}

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

// TestPaths_ManyRows holds that a row costs the same memory whatever the number of
// rows: a journal may have many projects.
func TestPaths_ManyRows(t *testing.T) {
	bytesFor := func(n int) uint64 {
		rows := make([][]string, n)
		for i := range rows {
			rows[i] = []string{"2026-11-26", "7", "/srv/project"}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := Paths(io.Discard, []string{"USED", "ROWS", "PROJECT"}, rows); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := bytesFor(500), bytesFor(8000)
	if many > 2*16*few {
		t.Errorf("16 times the rows: got %d bytes, want at most twice 16 times %d", many, few)
	}
}
