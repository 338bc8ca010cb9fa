package contract

import (
	"slices"
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
		{Error{Code: CodeInvalid, Cause: "BUG-006.md line 3: invalid YAML front matter (found unexpected end of stream)", Next: "Close the quote on this line."},
			"E_TICKET_INVALID: BUG-006.md line 3: invalid YAML front matter. Close the quote on this line."},
		{Error{Code: CodeInvalid, Cause: "A.md: invalid (no title)", Next: "Write one."}, "E_TICKET_INVALID: A.md: invalid (no title). Write one."},
	} {
		if got := c.e.InRow(105); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestWarnings_Fit(t *testing.T) {
	long := strings.Repeat("w", 500)
	for _, c := range []struct {
		list  Warnings
		limit int
		want  []int // lengths
	}{
		{nil, 10, nil},
		{Warnings{"a", "b"}, 100, []int{1, 1}},
		{Warnings{"a", long}, 200, []int{1, 192}},
		{Warnings{long, long}, 300, []int{60, 233}},
		{Warnings{long, long, long}, 150, []int{60, 60}},
		{Warnings{long}, 10, nil},
	} {
		got := c.list
		got.Fit(c.limit, &got)
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
		if !slices.Equal(lengths, c.want) {
			t.Errorf("limit %d: lengths %v, want %v", c.limit, lengths, c.want)
		}
	}
}

func TestWarnings_Add(t *testing.T) {
	w := Warnings{"1", "2"}
	w.Add("", "2", "3")
	w.AddFirst("4", "1")
	if want := (Warnings{"4", "1", "2", "3"}); !slices.Equal(w, want) {
		t.Errorf("got %q, want %q", w, want)
	}
	w.AddFirst("5", "6", "7", "8", "9")
	if want := (Warnings{"5", "6", "7", "8", "9", "4", "1", "2"}); !slices.Equal(w, want) {
		t.Errorf("got %q, want %q", w, want)
	}
}
