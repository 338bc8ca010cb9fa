package draft

import (
	"strings"
	"testing"
	"time"
)

// TestParse_DeepNesting holds that no reply can end the process: a parser that
// recurses meets the longest text that is let through to it.
func TestParse_DeepNesting(t *testing.T) {
	for _, name := range []string{"a.js", "a.ts", "a.tsx", "a.css", "a.sh", "a.go", "a.yaml", "a.toml", "a.json"} {
		for _, unit := range []string{"[", "(", "{", "!", "-", "$(", "a?", "if(a)", "<a>", "`${", "x=>", "f(", "[a,", "if :; then ", "a: {", "- ", "((", "new ", "await ", "*", "a&&("} {
			if err := parseFile(t.Context(), parserHere(), name, strings.Repeat(unit, maxResultBytes/len(unit))); err == nil {
				t.Logf("%s: %q many times over is whole", name, unit)
			}
		}
	}
	nested := strings.Repeat("a,b{", maxDepth) + "color:red" + strings.Repeat("}", maxDepth)
	if err := parseFile(t.Context(), parserHere(), "a.css", nested); err != nil {
		t.Errorf("nesting at the limit: %v", err)
	}
}

// TestParse_Endless holds that a short reply for which esbuild would take years
// neither holds the draft up nor passes.
func TestParse_Endless(t *testing.T) {
	defer func(d time.Duration) { webTimeout = d }(webTimeout)
	webTimeout = 2 * time.Second
	const levels = 40
	c := Change{File: File{Path: "a.ts", Text: "a\n", Exists: true}, After: strings.Repeat("a?(b):c=>", levels) + "d"}
	start := time.Now()
	if got := checkParses(t.Context(), parserHere(), c); got.State != Failed {
		t.Errorf("got %+v, want it failed", got)
	}
	if got := checkParses(t.Context(), parserHere(), Change{File: File{Path: "b.ts"}, After: "a\n"}); got.State == Failed {
		t.Errorf("after a parse that was ended: got %+v", got)
	}
	if got := checkParses(t.Context(), nil, c); got.State != NotRun {
		t.Errorf("without a parser: got %+v, want it not run", got)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}
