package category

import (
	"slices"
	"testing"
)

func TestTitleWords(t *testing.T) {
	for title, want := range map[string][]string{
		"Add a0 to z9":          {"^add", "w:add", "w:a0", "w:to", "w:z9"},
		"az AZ 09 `x {y} /q :r": {"^az", "w:az", "w:09"},
		"don't 'quote'":         {"^don't", "w:don't", "w:quote"},
		"Überlauf im Zähler":    {"^überlauf", "w:überlauf", "w:im", "w:zähler"},
	} {
		if got := titleWords(title); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", title, got, want)
		}
	}
}

// The first and the last character of each range count, their neighbours do not.
func TestIsCJK(t *testing.T) {
	for r, want := range map[rune]bool{
		0x303f: false, 0x3040: true, 0x30ff: true, 0x3100: false,
		0x33ff: false, 0x3400: true, 0x9fff: true, 0xa000: false,
		0xabff: false, 0xac00: true, 0xd7a3: true, 0xd7a4: false,
		'a': false,
	} {
		if got := isCJK("x" + string(r)); got != want {
			t.Errorf("%U: got %t, want %t", r, got, want)
		}
	}
}

// A stem begins a word; a short one ends there, but for a verb's endings.
func TestHasStem(t *testing.T) {
	for _, c := range []struct {
		text, stem string
		want       bool
	}{
		{"add it", "add", true},
		{"adding it", "add", true},
		{"an address", "add", false},
		{"madd", "add", false},
		{"zadd", "add", false},
		{"address, then add", "add", true},
		{"4add", "add", true},
		{"improvement", "improv", true},
		{"reimprove", "improv", false},
		{"fixz", "fix", false},
		{"fixa", "fix", false},
		{"fix0", "fix", true},
		{"crashlog", "cras", false},
		{"修正する", "修正", true},
		{"x修正", "修正", true},
	} {
		if got := hasStem(c.text, c.stem); got != c.want {
			t.Errorf("%q in %q: got %t, want %t", c.stem, c.text, got, c.want)
		}
	}
}
