package hint

import (
	"strings"
	"testing"
)

// The line is short whatever the count, and no word of a project is in it.
func TestHint_IsShort(t *testing.T) {
	for _, more := range []bool{true, false} {
		var out strings.Builder
		if err := write(&out, maxCounted, more); err != nil {
			t.Fatal(err)
		}
		// A token is two characters at the very least in English.
		if n := len(out.String()); n > 2*60 || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%d characters: %q", n, out.String())
		}
	}
}
