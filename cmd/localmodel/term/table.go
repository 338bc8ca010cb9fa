package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Table writes rows beneath head, the first column aligned left, the others
// right. Where that is wider than the stream, each row becomes a list of its
// cells, which nothing is cut from. Every row has as many cells as head; all are
// made plain.
func Table(out io.Writer, head []string, rows [][]string) {
	text, width := layout(head, rows, true)
	if width > Width(out) {
		list(out, head, rows)
		return
	}
	fmt.Fprint(out, text)
}

// layout lays rows out beneath head, the first column aligned left, the others
// right where right is set. width is that of the longest line.
func layout(head []string, rows [][]string, right bool) (text string, width int) {
	all := append([][]string{head}, rows...)
	widths := make([]int, len(head))
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(plain.Line(cell)))
		}
	}
	var b strings.Builder
	for _, row := range all {
		line, gap := "", ""
		for i, cell := range row {
			columns := widths[i]
			if i == 0 || !right {
				columns = -columns // aligned left
			}
			line += gap + fmt.Sprintf("%*s", columns, plain.Line(cell))
			gap = "  "
		}
		line = strings.TrimRight(line, " ")
		b.WriteString(line + "\n")
		width = max(width, utf8.RuneCountInString(line))
	}
	return b.String(), width
}

// list is Table for a stream with too few columns. The first cell of a row is
// the title of the others.
func list(out io.Writer, head []string, rows [][]string) {
	widest := 0
	for _, name := range head[1:] {
		widest = max(widest, utf8.RuneCountInString(name))
	}
	Print(out, "", head[0])
	for _, row := range rows {
		Print(out, "", row[0])
		for i := 1; i < len(head); i++ {
			if row[i] != "" {
				Print(out, fmt.Sprintf("  %-*s  ", widest, head[i]), row[i])
			}
		}
	}
}

// Paths writes rows beneath head, all columns aligned left, the last of them
// paths. Where that is wider than the stream, each row is its path, and the other
// cells with their heads beneath. Every row has as many cells as head; all are
// made plain.
func Paths(out io.Writer, head []string, rows [][]string) error {
	text, width := layout(head, rows, false)
	if width > Width(out) {
		listPaths(out, head, rows)
		return nil
	}
	_, err := io.WriteString(out, text)
	return err
}

// listPaths is Paths for a stream with too few columns.
func listPaths(out io.Writer, head []string, rows [][]string) {
	last := len(head) - 1
	for _, row := range rows {
		var cells []string
		for i, name := range head[:last] {
			cells = append(cells, strings.ToLower(name)+" "+row[i])
		}
		Print(out, "", row[last])
		Print(out, "  ", strings.Join(cells, ", "))
	}
}
