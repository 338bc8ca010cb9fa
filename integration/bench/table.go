package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/parts"
)

// row is one figure beside the one it is measured against.
type row struct {
	line                            int // of the list in the issue "Measured"
	what, ours, bare, ratio, spread string
	target                          string
	met                             verdict
}

type verdict string

const (
	yes     verdict = "yes"
	no      verdict = "**no**"
	skipped verdict = "not measured"
)

func holds(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// atMost is a row of ours beside another side, at a quantile of both, whose ratio
// has an upper limit.
func atMost(what string, ours, bare sample.Side, q, limit float64) row {
	r := sample.Over(ours, bare, q)
	return row{what: what, ours: sample.Duration(ours.At(q)), bare: sample.Duration(bare.At(q)), ratio: sample.Times(r.Mid), spread: r.String(),
		target: "≤ " + limitText(limit) + " ×", met: holds(r.Mid <= limit)}
}

// atLeast is a row whose ratio has a lower limit.
func atLeast(what, ours, bare string, r sample.Spread, limit float64) row {
	return row{what: what, ours: ours, bare: bare, ratio: sample.Times(r.Mid), spread: r.String(),
		target: "≥ " + limitText(limit) + " ×", met: holds(r.Mid >= limit)}
}

// faster is atLeast for rates a second, both measured in each round.
func faster(what string, rounds int, limit float64, ours, bare func() (float64, error)) (row, error) {
	var all, others, each []float64
	for range rounds {
		a, err := ours()
		if err != nil {
			return row{}, err
		}
		b, err := bare()
		if err != nil {
			return row{}, err
		}
		all, others, each = append(all, a), append(others, b), append(each, a/b)
	}
	a, b := sample.Median(all), sample.Median(others)
	return atLeast(what, sample.Digits(a)+"/s", sample.Digits(b)+"/s", sample.SpreadOf(a/b, each), limit), nil
}

func limitText(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00") }

var heads = []string{"line", "what", "ours", "beside it", "ratio", "spread", "target", "met"}

func (r row) cells() []string {
	return []string{fmt.Sprint(r.line), r.what, r.ours, r.bare, r.ratio, r.spread, r.target, string(r.met)}
}

// print writes the table for a person at a terminal.
func print(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(heads, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.ReplaceAll(strings.Join(r.cells(), "\t"), "**", ""))
	}
	_ = t.Flush() // to a terminal
}

// report is the document.
func report(rows []row, l *lab) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `make bench`: change nothing here by hand.\n\n%s\n\n", about(l))
	b.WriteString("Both sides of a ratio are measured in one run, in turn. The ratio is that of the medians (of what else is named), " +
		"the spread is the middle 80 % of what the rounds of the run, each for itself, give. Times mean little on another machine; ratios do.\n\n")
	width := make([]int, len(heads))
	table := [][]string{heads}
	for _, r := range rows {
		table = append(table, r.cells())
	}
	for _, cells := range table {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for n, cells := range table {
		for i, c := range cells {
			fmt.Fprintf(&b, "| %-*s ", width[i], c) // the width counts characters
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	if len(l.notes) > 0 {
		b.WriteString("\n## Notes\n\n- " + strings.Join(l.notes, "\n- ") + "\n")
	}
	if l.simulation != "" {
		fmt.Fprintf(&b, "\n## The fleet, simulated\n\n`go run ./integration/bench/fleet`\n\n```\n%s```\n", l.simulation)
	}
	return b.Bytes()
}

// about says on what, when and with what the figures were made.
func about(l *lab) string {
	lines := []string{
		fmt.Sprintf("%s, %s/%s, %d cores (%s), %s", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version()),
		strings.Join([]string{"localmodel " + said("git", "describe", "--always", "--dirty"),
			"mcp-go " + said("go", "list", "-m", "-f", "{{.Version}}", "github.com/mark3labs/mcp-go"), "Ollama " + parts.OllamaVersion,
			"Node.js " + said("node", "--version"), "@modelcontextprotocol/server-memory 2026.8.31",
			said("python3", "--version"), said("curl", "--version"), said("bash", "--version")}, ", "),
		"files on " + said("stat", "-f", "-c", "%T", l.dir) + ", where fdatasync may be cheaper than on a disk of one's own",
	}
	if load := loadAverage(); load != "" {
		lines = append(lines, "load average when the run began and when it ended: "+l.load+"; "+load)
	}
	if l.quick {
		lines = append(lines, "**a quick run: the sizes are too small for the figures to mean anything**")
	}
	return "- " + strings.Join(lines, "\n- ")
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // only on Linux
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // only on Linux
	words := strings.Fields(string(text))
	return strings.Join(words[:min(3, len(words))], " ")
}

// said is the first line of what a program says, "" where it says nothing.
func said(name string, args ...string) string {
	out, _ := exec.Command(name, args...).CombinedOutput() //nolint:noctx // answers at once
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}
