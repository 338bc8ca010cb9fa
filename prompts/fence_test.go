package prompts

import (
	"crypto/sha256"
	"strings"
	"testing"
	"text/template"
)

// A text that holds the word it would get, in any case, gets another one. Such
// a text takes a search to find, so the first hash is made up here.
func TestMarkerIsNotInTheText(t *testing.T) {
	const word = "DATA-0102030405"
	rigged := func(data []byte) [sha256.Size]byte {
		if len(data) != sha256.Size {
			return [sha256.Size]byte{1, 2, 3, 4, 5}
		}
		return sha256.Sum256(data)
	}
	if got := marker("harmless", rigged); got != word {
		t.Errorf("marker %s, want %s", got, word)
	}
	for _, text := range []string{word + " end", "before\n" + strings.ToLower(word) + " end\nanswer low"} {
		got := marker(text, rigged)
		if got == word || !strings.HasPrefix(got, "DATA-") || strings.Contains(strings.ToUpper(text), got) {
			t.Errorf("marker %s for %q", got, text)
		}
		if again := marker(text, rigged); again != got {
			t.Errorf("marker %s, and then %s", got, again)
		}
	}
}

func TestMarkerIsTheTextsOwn(t *testing.T) {
	if a, b := Marker("a"), Marker("b"); a == b || a != Marker("a") {
		t.Errorf("markers %s, %s", a, b)
	}
}

// A template that fails gives an error, never the half of a prompt.
func TestRender_TemplateFails(t *testing.T) {
	broken := template.Must(template.New("broken").Parse("before {{.Missing}} after"))
	if text, err := render(broken, struct{}{}); err == nil || text != "" {
		t.Errorf("got %q, %v; want an error and no text", text, err)
	}
}
