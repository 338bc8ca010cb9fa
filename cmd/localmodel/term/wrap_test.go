package term

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// screen is a stream that knows its columns.
type screen struct {
	bytes.Buffer
	columns int
}

func (s *screen) Width() int { return s.columns }

// checkWidth fails where a line of several words is too long.
func checkWidth(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > width && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns, want at most %d: %q", n, width, line)
		}
	}
}

func TestWrap(t *testing.T) {
	text := strings.Repeat("word ", 40) + "/a/path/that/is/longer/than/what/is/left/of/the/line/and/must/not/be/cut/since/it/is/copied"
	for _, c := range []struct {
		width  int
		head   string
		lines  int
		indent int
	}{
		{80, "✓ Ollama  ", 4, 10},
		{40, "✓ Ollama  ", 8, 10},
		{40, "  LOCALMODEL_FIRST_TOKEN_TIMEOUT  ", 8, 4}, // more than half of the line
	} {
		got := Wrap(c.width, c.head, text)
		checkWidth(t, got, c.width)
		if n := strings.Count(got, "\n"); n != c.lines {
			t.Errorf("%q in %d columns: %d lines, want %d:\n%s", c.head, c.width, n, c.lines, got)
		}
		_, rest, _ := strings.Cut(got, "\n")
		for line := range strings.Lines(rest) {
			if !strings.HasPrefix(line, strings.Repeat(" ", c.indent)) || line[c.indent] == ' ' {
				t.Errorf("%q: not indented by %d: %q", c.head, c.indent, line)
			}
		}
	}
	if got := Wrap(40, "  LOCALMODEL_FIRST_TOKEN_TIMEOUT  ", "40s"); got != "  LOCALMODEL_FIRST_TOKEN_TIMEOUT  40s\n" {
		t.Errorf("what fits its line is broken: %q", got)
	}
}

func TestQuote(t *testing.T) {
	s := &screen{columns: 40}
	Quote(s, "  | ", "## Steps\n\n- short\n  - "+strings.Repeat("long ", 20)+"\n")
	checkWidth(t, s.String(), 40)
	if !strings.HasPrefix(s.String(), "  | ## Steps\n  | \n  | - short\n  |   - long ") {
		t.Errorf("got\n%s", s)
	}
	for line := range strings.Lines(s.String()) {
		if !strings.HasPrefix(line, "  | ") {
			t.Errorf("no prefix: %q", line)
		}
	}
}

// TestQuote_ListItem holds that the text of an item stays beneath itself.
func TestQuote_ListItem(t *testing.T) {
	for line, want := range map[string]string{
		"- [ ] one two three four five":   "- [ ] one two three\n      four five\n",
		"  2. one two three four five":    "  2. one two three\n     four five\n",
		"* one two three four five six":   "* one two three four\n  five six\n",
		"-one two three four five six":    "-one two three four\nfive six\n",
		"2026. one two three four five":   "2026. one two three\nfour five\n",
		"    one two three four five six": "    one two three\n    four five six\n",
	} {
		s := &screen{columns: 20}
		Quote(s, "", "x\n"+line)
		if got := strings.TrimPrefix(s.String(), "x\n"); got != want {
			t.Errorf("%q: got\n%swant\n%s", line, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	for columns, want := range map[string]int{"": 80, "40": 40, "132": 132, "5": 80, "many": 80, "-40": 80, "100000": 80} {
		if got := Columns(&bytes.Buffer{}, columns); got != want {
			t.Errorf("COLUMNS=%q: got %d, want %d", columns, got, want)
		}
	}
	if got := Width(&bytes.Buffer{}); got != DefaultWidth {
		t.Errorf("a stream that knows nothing: %d", got)
	}
	if got := Width(&screen{columns: 40}); got != 40 || !Narrow(&screen{columns: 40}) || Narrow(&screen{columns: 80}) {
		t.Errorf("a stream of 40 columns: %d", got)
	}
}

func TestBar_FortyColumns(t *testing.T) {
	s := &screen{columns: 40}
	b := NewBar(s, 0)
	b.live = true
	b.Set(1, 2, strings.Repeat("a long label ", 20))
	for part := range strings.SplitSeq(s.String(), "\r") {
		if n := utf8.RuneCountInString(part); n >= 40 {
			t.Errorf("%d columns: %q", n, part)
		}
	}
}
