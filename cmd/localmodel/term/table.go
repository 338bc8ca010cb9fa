package term

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Table writes rows beneath head, the first column aligned left, the others
// right. Where that is wider than the stream, each row becomes a list of its
// cells, which nothing is cut from. Every row has as many cells as head; all are
// made plain.
func Table(out io.Writer, head []string, rows [][]string) {
	const gap = 2
	widths, total := make([]int, len(head)), -gap
	for i := range head {
		for _, row := range append([][]string{head}, rows...) {
			widths[i] = max(widths[i], utf8.RuneCountInString(plain.Line(row[i])))
		}
		total += widths[i] + gap
	}
	if total > Width(out) {
		list(out, head, rows)
		return
	}
	for _, row := range append([][]string{head}, rows...) {
		line := fmt.Sprintf("%-*s", widths[0], plain.Line(row[0]))
		for i := 1; i < len(head); i++ {
			line += fmt.Sprintf("%*s", gap+widths[i], plain.Line(row[i]))
		}
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
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
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		var cells []string
		for _, cell := range row {
			cells = append(cells, plain.Line(cell))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > Width(out) {
			listPaths(out, head, rows)
			return nil
		}
	}
	_, err := io.WriteString(out, b.String())
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
