package policy

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		name, text string
		n          int
		want       string
	}{
		{"as long as allowed", "abcdefgh", 8, "abcdefgh"},
		{"one byte too long", "abcdefghi", 8, "abcde..."},
		{"far too long", strings.Repeat("a", 100), 8, "aaaaa..."},
		{"white space", " a\n\tb  c ", 8, "a b c"},
		{"control and foreign characters", "a\x1bb\u202ec\x7f", 8, "a?b?c?"},
		{"what lies past eight times the length is not looked at", strings.Repeat(" ", 64) + "x", 8, ""},
		{"what lies before it is", strings.Repeat(" ", 63) + "x", 8, "x"},
	} {
		if got := Shorten(c.text, c.n); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
