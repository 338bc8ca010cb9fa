package jsondepth

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func nested(open, inner, closing string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		deep bool
	}{
		"nothing":             {"", false},
		"a number":            {"7", false},
		"64 arrays":           {nested("[", "", "]", 64), false},
		"65 arrays":           {nested("[", "", "]", 65), true},
		"65 objects":          {nested(`{"a":`, "1", "}", 65), true},
		"mixed":               {nested(`[{"a":`, "1", "}]", 33), true},
		"brackets in strings": {`["` + strings.Repeat("[", 100) + `"]`, false},
		"an escaped quote":    {`["\"` + strings.Repeat("[", 100) + `"]`, false},
		"an escaped escape":   {`["\\"` + strings.Repeat(",[", 64), true},
		"side by side":        {"[" + strings.Repeat("[],", 1000) + "[]]", false},
		"10 MB, never closed": {strings.Repeat("[", 10<<20), true},
		"closed too often":    {strings.Repeat("]", 1000) + nested("[", "", "]", 65), true},
	} {
		if got := errors.Is(Check([]byte(c.text)), ErrTooDeep); got != c.deep {
			t.Errorf("%s: too deep %t, want %t", name, got, c.deep)
		}
	}
}

func TestCheck_BracketsInStrings(t *testing.T) {
	text := `{"a\"[":"` + strings.Repeat("[", 80) + `","b":`
	for levels, want := range map[int]error{63: nil, 64: ErrTooDeep} {
		if err := Check([]byte(text + nested("[", "", "]", levels) + "}")); !errors.Is(err, want) {
			t.Errorf("%d levels in an object: %v, want %v", levels, err, want)
		}
	}
}

func TestCheck_AllocatesNothing(t *testing.T) {
	text := []byte(nested("[", `"x"`, "]", 60))
	if n := testing.AllocsPerRun(100, func() { _ = Check(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// depthByTokens is the depth as encoding/json's tokens give it.
func depthByTokens(data []byte) (deepest int) {
	depth := 0
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			deepest = max(deepest, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// FuzzDepth compares the scan with a parser, on what is valid JSON.
func FuzzDepth(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"]",{"b":"\\\"["}]}`, nested("[", "1", "]", 65), nested(`{"x":`, `"["`, "}", 64)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		if got, want := Check(data) != nil, depthByTokens(data) > Max; got != want {
			t.Errorf("too deep %t, want %t: %q", got, want, data)
		}
	})
}

func TestValues(t *testing.T) {
	for text, want := range map[string]int{"": 0, "[]": 1, `[{},{},{}]`: 6, `{"a":[1,2,3]}`: 4, `["a,[{\",[",2]`: 2} {
		if got := Values([]byte(text)); got != want {
			t.Errorf("%s has %d values, want %d", text, got, want)
		}
	}
}
