package draft

import (
	"strings"
	"testing"
)

// TestParse_DeepNesting holds that no reply can end the process: a parser that
// recurses meets the longest text that is let through to it.
func TestParse_DeepNesting(t *testing.T) {
	for _, name := range []string{"a.js", "a.ts", "a.tsx", "a.css", "a.sh", "a.go", "a.yaml", "a.toml", "a.json"} {
		for _, unit := range []string{"[", "(", "{", "!", "-", "$(", "a?", "if(a)", "<a>", "`${", "x=>", "f(", "[a,", "if :; then ", "a: {", "- ", "((", "new ", "await ", "*", "a&&("} {
			if err := parseFile(t.Context(), name, strings.Repeat(unit, maxResultBytes/len(unit))); err == nil {
				t.Logf("%s: %q many times over is whole", name, unit)
			}
		}
	}
	nested := strings.Repeat("a,b{", maxDepth) + "color:red" + strings.Repeat("}", maxDepth)
	if err := parseFile(t.Context(), "a.css", nested); err != nil {
		t.Errorf("nesting at the limit: %v", err)
	}
}
