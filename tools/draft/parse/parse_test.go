package parse

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

const parseWord = "parse-input"

func here() []string { return []string{os.Args[0], parseWord} }

// TestMain is also the parser's process.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == parseWord {
		os.Exit(Input(os.Args[2], os.Stdin, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestParse_DeepNesting holds that no reply can end the process: a parser that
// recurses meets the longest text that is let through to it.
func TestParse_DeepNesting(t *testing.T) {
	for _, name := range []string{"a.js", "a.ts", "a.tsx", "a.css", "a.sh", "a.go", "a.yaml", "a.toml", "a.json"} {
		for _, unit := range []string{"[", "(", "{", "!", "-", "$(", "a?", "if(a)", "<a>", "`${", "x=>", "f(", "[a,", "if :; then ", "a: {", "- ", "((", "new ", "await ", "*", "a&&("} {
			if err := File(t.Context(), here(), name, strings.Repeat(unit, MaxBytes/len(unit))); err == nil {
				t.Logf("%s: %q many times over is whole", name, unit)
			}
		}
	}
	nested := strings.Repeat("a,b{", maxDepth) + "color:red" + strings.Repeat("}", maxDepth)
	if err := File(t.Context(), here(), "a.css", nested); err != nil {
		t.Errorf("nesting at the limit: %v", err)
	}
}

// TestParse_Endless holds that a short reply for which esbuild would take years
// neither holds the draft up nor passes.
func TestParse_Endless(t *testing.T) {
	defer func(d time.Duration) { webTimeout = d }(webTimeout)
	webTimeout = 2 * time.Second
	const levels = 40
	endless := strings.Repeat("a?(b):c=>", levels) + "d"
	start := time.Now()
	if err := File(t.Context(), here(), "a.ts", endless); !errors.Is(err, ErrTooSlow) {
		t.Errorf("got %v, want %v", err, ErrTooSlow)
	}
	if err := File(t.Context(), here(), "b.ts", "a\n"); err != nil {
		t.Errorf("after a parse that was ended: got %v", err)
	}
	if err := File(t.Context(), nil, "a.ts", endless); !errors.Is(err, ErrNoParser) {
		t.Errorf("without a parser: got %v, want %v", err, ErrNoParser)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}
