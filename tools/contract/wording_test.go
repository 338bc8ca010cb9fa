package contract

import (
	"strings"
	"testing"
)

// However much there is to say, an error is an instruction, not a report.
func TestErrorTextIsBounded(t *testing.T) {
	for _, e := range []*Error{
		{Code: CodeInternal, Cause: strings.Repeat("cause ", 1000), Next: "Do this."},
		{Code: CodeInternal, Cause: strings.Repeat("日本語", 1000), Next: strings.Repeat("next ", 100)},
		{Code: CodeInternal, Cause: "", Next: ""},
	} {
		text := e.Error()
		if n := len([]rune(text)); n > MaxErrorChars {
			t.Errorf("%d characters", n)
		}
		if !strings.HasSuffix(text, "retryable: no") || strings.ContainsRune(text, '\uFFFD') {
			t.Errorf("text %q", text)
		}
		if text := e.InRow(110); len(InJSON(text)) > 110 {
			t.Errorf("%d bytes in a row: %s", len(InJSON(text)), text)
		}
	}
}

// An error in a row ends with its next step, and names code and cause.
func TestErrorInRow_KeepsTheNextStep(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Code: CodeNotFound, Cause: "no file x.md in /srv/app", Next: "Give a path relative to the project root."},
			"E_TICKET_NOT_FOUND: no file x.md in /srv/app. Give a path relative to the project root."},
		{Error{Code: CodeOutside, Cause: strings.Repeat("a/", 90) + " is outside", Next: "Give a path inside the project, or pass the text as `ticket`."},
			"E_PATH_OUTSIDE: a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a... Give a path inside the project, or pass t..."},
	} {
		if got := c.e.InRow(105); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestFitWarnings(t *testing.T) {
	of := func(list []string) any { return list }
	long := strings.Repeat("w", 500)
	for _, c := range []struct {
		list  []string
		limit int
		want  []int // lengths
	}{
		{nil, 10, nil},
		{[]string{"a", "b"}, 100, []int{1, 1}},
		{[]string{"a", long}, 200, []int{1, 192}},
		{[]string{long, long}, 300, []int{228, 65}},
		{[]string{long, long, long}, 150, []int{60, 60}},
		{[]string{long}, 10, nil},
	} {
		got := FitWarnings(c.list, c.limit, of)
		text, err := Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 && len(text) > c.limit {
			t.Errorf("%d characters of %d", len(text), c.limit)
		}
		var lengths []int
		for _, w := range got {
			lengths = append(lengths, len(w))
		}
		if len(lengths) != len(c.want) {
			t.Errorf("limit %d: lengths %v, want %v", c.limit, lengths, c.want)
		}
	}
	if list := []string{long}; FitWarnings(list, 100, of) == nil || list[0] != long {
		t.Error("the list given was changed")
	}
}
