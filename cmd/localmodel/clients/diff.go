package clients

import (
	"fmt"
	"slices"
	"strings"
)

// Diff shows the change as a unified diff of one region: an edit of ours touches
// one place. A carriage return is shown as ^M, so that it is not lost on a screen.
func (ch *Change) Diff() string {
	const context = 3
	if ch.Same {
		return ""
	}
	a, b := slices.Collect(strings.Lines(string(ch.file.raw))), slices.Collect(strings.Lines(string(ch.After)))
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from := max(0, head-context)
	toA, toB := min(len(a), len(a)-tail+context), min(len(b), len(b)-tail+context)
	var out strings.Builder
	old, now := ch.file.path, ch.file.path
	if !ch.file.exists {
		old = "/dev/null"
	}
	if ch.After == nil {
		now = "/dev/null"
	}
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%d,%d +%d,%d @@\n", old, now, min(from+1, len(a)), toA-from, min(from+1, len(b)), toB-from)
	write := func(mark string, lines []string) {
		for _, l := range lines {
			text, whole := strings.CutSuffix(l, "\n")
			fmt.Fprintf(&out, "%s%s\n", mark, strings.ReplaceAll(text, "\r", "^M"))
			if !whole {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	write(" ", a[from:head])
	write("-", a[head:len(a)-tail])
	write("+", b[head:len(b)-tail])
	write(" ", a[len(a)-tail:toA])
	return out.String()
}
