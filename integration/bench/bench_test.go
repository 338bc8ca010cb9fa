package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/parts"
)

// TestQuickRunWorks runs every measurement with tiny sizes: they have to work,
// whatever the figures are. A part that is absent has a row that says so.
func TestQuickRunWorks(t *testing.T) {
	out := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	var table strings.Builder
	rows, err := run(context.Background(), options{quick: true, out: out}, &table, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		t.Log("\n" + table.String())
	}
	measured := map[int]bool{}
	for _, r := range rows {
		if r.met == skipped {
			t.Logf("line %d: %s", r.line, r.ours)
			continue
		}
		if r.ours == "" || strings.Contains(r.ours+r.bare+r.ratio, "?") || strings.Contains(r.ratio, "NaN") {
			t.Errorf("line %d, %s: no figure: %q, %q, %q", r.line, r.what, r.ours, r.bare, r.ratio)
		}
		measured[r.line] = true
	}
	for line := range len(sections) {
		if _, err := parts.Find(parts.Ollama); err != nil && line+1 == 3 {
			continue // its row is looked for above
		}
		if !measured[line+1] {
			t.Errorf("line %d has no figure", line+1)
		}
	}
	document, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a quick run", "load average", "mcp-go v", "| line | what", rows[0].what} {
		if !strings.Contains(string(document), want) {
			t.Errorf("the document does not have %q", want)
		}
	}
}

func TestLimits(t *testing.T) {
	if at := atMost("", sample.Side{{1.6}}, sample.Side{{1}}, .5, 1.5); at.met != no {
		t.Error("1.6 is met as at most 1.5")
	}
	if at := atLeast("", "", "", sample.Spread{Mid: 9}, 10); at.met != no {
		t.Error("9 is met as at least 10")
	}
}
