package ticket

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestIsPath_Limits holds what a word of a list of files must be to be a path.
func TestIsPath_Limits(t *testing.T) {
	for word, want := range map[string]bool{
		"":                                     false,
		"a.go":                                 true,
		"a.b":                                  true, // an extension of one letter
		"a.":                                   false,
		"a." + strings.Repeat("x", 11):         true,
		"a." + strings.Repeat("x", 12):         false,
		".env":                                 true,
		".ab":                                  false, // three characters may be an abbreviation
		"Makefile":                             true,
		"makefile2":                            false,
		"1.2":                                  false, // a number
		"a.g-o":                                false,
		"a.7z":                                 true,
		"src/x":                                true,
		"//host/x":                             false,
		"n/a":                                  false,
		"N/A":                                  false,
		"1/2":                                  false,
		"a b.go":                               false,
		"http://x.go":                          false,
		"*.go":                                 true,
		"a*.go":                                true,
		"a*":                                   false,
		"*a.go":                                false,
		strings.Repeat("a", maxPath-3) + ".go": true,
		strings.Repeat("a", maxPath-2) + ".go": false,
	} {
		if got := isPath(word); got != want {
			t.Errorf("%.40q (%d bytes): got %t, want %t", word, len(word), got, want)
		}
	}
}

// TestIsPathInText_Limits holds what a word of a sentence must be.
func TestIsPathInText_Limits(t *testing.T) {
	for word, want := range map[string]bool{
		"ab":                 false,
		"a.c":                true,
		"Node.js":            false, // a product
		"e.g":                false,
		"main.go":            true,
		"src/main.go:12":     true,
		"@scope/pkg":         false,
		"$HOME/x.go":         false,
		"~/x.go":             false,
		"Makefile":           true,
		"makefile":           false, // a word as any other
		".env.local":         true,
		".eslintrc":          false,
		"src/x":              true,
		"./src/x":            true,
		"either/or":          false,
		"/api/users":         false, // a route
		"users/{id}":         false,
		"a/b@2":              false,
		"a/**":               true,
		"example.com/a":      false,
		"example.org/a":      false,
		"example.io/a":       false,
		"example.dev/a":      false,
		"example.net/a":      false,
		"dir/file.abcdefgh":  true,
		"dir/file.abcdefghi": false,
		"dir/file.mp3":       true,
		"dir/file.123":       false,
		"dir/":               true,
		"ab/":                false,
	} {
		if got := isPathInText(word); got != want {
			t.Errorf("%q: got %t, want %t", word, got, want)
		}
	}
}

func TestItem(t *testing.T) {
	for line, want := range map[string]string{
		"":              "",
		"- a":           "a",
		"* a":           "a",
		"+ a":           "a",
		"-\ta":          "a",
		"-  \t a":       "a",
		"-a":            "",
		"-":             "",
		"•a":            "a",
		"• a":           "a",
		"1. a":          "a",
		"12) a":         "a",
		"123456789. a":  "a",
		"1234567890. a": "",
		"1":             "",
		"1: a":          "",
		"1.a":           "",
		"a":             "",
	} {
		if got := item(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestBoxOf(t *testing.T) {
	for line, want := range map[string]struct {
		mark   byte
		text   string
		indent int
	}{
		"- [ ] a":    {' ', "a", 0},
		"- [x] a":    {'x', "a", 0},
		"  - [X] a":  {'x', "a", 2},
		"- [-] a":    {'-', "a", 0},
		"- [~] a":    {'~', "a", 0},
		"- [ ]":      {' ', "", 0},
		"- [ ]\ta":   {' ', "a", 0},
		"- [ ]a":     {0, "", 0},
		"- [ ]**a**": {0, "", 0},
		"- [ ]*":     {0, "", 0},
		"- [ ]* a":   {' ', "* a", 0}, // an optional task of Kiro's
		"- [\t] a":   {0, "", 0},
		"- [\x1f] a": {0, "", 0},
		"- [\x7f] a": {0, "", 0},
		"- [":        {0, "", 0},
		"- (x) a":    {0, "", 0},
		"- [xx a":    {0, "", 0},
		"a":          {0, "", 0},
	} {
		mark, text, indent := boxOf(line)
		if mark != want.mark || text != want.text || indent != want.indent {
			t.Errorf("%q: got %q %q %d, want %q %q %d", line, mark, text, indent, want.mark, want.text, want.indent)
		}
	}
}

func TestIsRule(t *testing.T) {
	for line, want := range map[string]bool{
		"---": true, "***": true, "___": true, "- - -": true, "* * *": true, "_ _": true,
		"--": false, "**": false, "--a": false, "-*-": false, "": false,
	} {
		if got := isRule(line); got != want {
			t.Errorf("%q: got %t, want %t", line, got, want)
		}
	}
}

func TestCriterionID(t *testing.T) {
	for _, c := range []struct {
		text     string
		numbered bool
		id, rest string
	}{
		{"AC-1: a", false, "AC-1", "a"},
		{"ac 1.2 a", false, "AC-1.2", "a"},
		{"[AC-1] a", false, "AC-1", "a"},
		{"(AC-1) a", false, "AC-1", "a"},
		{"**AC-1:** a", false, "AC-1", "a"},
		{"**AC-1**: a", false, "AC-1", "a"},
		{"**AC-1: a**", false, "AC-1", "a"},
		{"AC-1 – a", false, "AC-1", "a"},
		{"AC-1 - a", false, "AC-1", "a"},
		{"AC-1 -a", false, "AC-1", "-a"},
		{"AC-1x", false, "AC-1x", ""},
		{"AC-1xy", false, "", "AC-1xy"},
		{"REQ-7: a", false, "REQ-7", "a"},
		{"REQ-7 a", false, "", "REQ-7 a"},
		{"#3 a", true, "#3", "a"},
		{"#3 a", false, "", "#3 a"},
		{"3 a", true, "", "3 a"},
		{"", true, "", ""},
	} {
		col := newCollector(&file{}, options{numbered: c.numbered})
		if id, rest := col.criterionID(c.text); id != c.id || rest != c.rest {
			t.Errorf("%q, numbered %t: got %q %q, want %q %q", c.text, c.numbered, id, rest, c.id, c.rest)
		}
	}
}

func TestFilesOf(t *testing.T) {
	for _, c := range []struct {
		line, paths, action, note string
	}{
		{"a.go", "a.go", "", ""},
		{"a.go, b.go and c.go", "a.go b.go c.go", "", ""},
		{"a.go - the parser", "a.go", "", "the parser"},
		{"a.go (new)", "a.go", "new", "new"},
		{"create a.go", "a.go", "create", ""},
		{"New: a.go", "a.go", "new", ""},
		{"create: new: a.go", "a.go", "create", ""},
		{"`a.go`", "a.go", "", ""},
		{"`a.go` - calls `b.go`", "a.go", "", "calls `b.go`"},
		{"`a.go` and `b.go`", "a.go b.go", "", ""},
		{"a/b.go, `c.go`", "a/b.go c.go", "", ""},
		{"b.go, `c.go`", "c.go", "", ""},
		{"`a.go`, b/c.go", "a.go b/c.go", "", ", b/c.go"},
		{"`a.go` (new)", "a.go", "new", "new"},
		{"`a.go` (new) the parser", "a.go", "new", "new) the parser"},
		{"`a.go` new parser", "a.go", "", "new parser"},
		{"`a.go` (old)", "a.go", "", "old"},
		{"`the parser` uses `a.go`", "a.go", "", ""},
		{"1/2, `c.go`", "c.go", "", ""},
		{"the parser", "", "", ""},
	} {
		paths, action, note := filesOf(c.line)
		if got := strings.Join(paths, " "); got != c.paths || action != c.action || note != c.note {
			t.Errorf("%q: got %q %q %q, want %q %q %q", c.line, got, action, note, c.paths, c.action, c.note)
		}
	}
}

func TestPathsIn(t *testing.T) {
	for text, want := range map[string][]string{
		"look at a.go, b.go and a.go":      {"a.go", "b.go"},
		"see [a.go](http://x/y) here":      {"a.go"},
		"see [the parser](src/a.go) here":  {"src/a.go"},
		"it is in `src/a.go`.":             {"src/a.go"},
		strings.Repeat(" ", 7996) + "a.go": {"a.go"},
		strings.Repeat(" ", 7997) + "a.go": nil,
	} {
		if got := pathsIn(text); !slices.Equal(got, want) {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}

func TestLeadingNumber(t *testing.T) {
	for text, want := range map[string][2]string{
		"2. text":                         {"2", "text"},
		"1.2.1 text":                      {"1.2.1", "text"},
		"**3.** text":                     {"3", "text"},
		"3) - text":                       {"3", "text"},
		"3.":                              {"", "3."},
		"3.  ":                            {"", "3.  "},
		"three text":                      {"", "three text"},
		strings.Repeat("1", 20) + " text": {strings.Repeat("1", 20), "text"},
		strings.Repeat("1", 21) + " text": {"", strings.Repeat("1", 21) + " text"},
	} {
		if local, rest := leadingNumber(text); local != want[0] || rest != want[1] {
			t.Errorf("%q: got %q %q, want %q", text, local, rest, want)
		}
	}
}

func TestNumberAtStart(t *testing.T) {
	for name, want := range map[string]string{
		"057": "057", "3-slug": "3", "123456": "123456", "1234567": "", "12345-slug": "12345", "123456-slug": "", "2026-01-slug": "", "1.2": "",
	} {
		if got := numberAtStart(name, strings.Split(name, "-"), false); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := numberAtStart("057", []string{"057"}, true); got != "" {
		t.Errorf("a number before a space: got %q, want none", got)
	}
}

func TestSlug(t *testing.T) {
	for text, want := range map[string]string{
		"Fix the crash":                "fix-the-crash",
		" -- a, b ":                    "a-b",
		"é1":                           "é1",
		strings.Repeat("a", 41):        strings.Repeat("a", 40),
		strings.Repeat("a", 31) + " b": strings.Repeat("a", 31) + "-b",
		strings.Repeat("a", 32) + " b": strings.Repeat("a", 32),
	} {
		if got := slug(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLooseList(t *testing.T) {
	for data, want := range map[string]looseList{
		`"a, b"`:                     {"a", "b"},
		`7`:                          {"7"},
		`null`:                       nil,
		`["a", 7, ["b"], "c"]`:       {"a", "7", "c"},
		`[{"id": 3}, {"name": "n"}]`: {"3", "n"},
	} {
		var got looseList
		if err := json.Unmarshal([]byte(data), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", data, got, err, want)
		}
	}
}

// TestIndex_Find holds which ticket a reference means.
func TestIndex_Find(t *testing.T) {
	x := NewIndex()
	for id, open := range map[string]bool{"FEAT-001": true, "FEAT-2": false, "wave/T005": true, "wave/7": true} {
		x.Add(id, open)
	}
	x.Add("feat-2", true)
	for _, c := range []struct {
		ref     string
		renamed bool
		want    string
		other   bool
	}{
		{"feat-001", false, "FEAT-001", false},
		{"FEAT-1", false, "FEAT-001", false},
		{"#FEAT-1", false, "FEAT-001", false},
		{"FEAT-2", false, "feat-2", false}, // the open one wins
		{"T5", false, "wave/T005", false},
		{"7", false, "", false}, // a bare number means no ticket of another folder
		{"elsewhere/FEAT-1", false, "FEAT-001", false},
		{"elsewhere/T5", false, "", false},
		{"US-1", true, "FEAT-001", true},
		{"US-1", false, "", false},
		{"FEAT-9", true, "", false},
		{"1", true, "", false},
		{"US-", true, "", false},
	} {
		e, found, other := x.Find(c.ref, c.renamed)
		if e.ID != c.want || found != (c.want != "") || other != c.other {
			t.Errorf("%q, renamed %t: got %q, %t, %t; want %q, other %t", c.ref, c.renamed, e.ID, found, other, c.want, c.other)
		}
	}
	x.Add("BUG-1", true)
	if e, found, _ := x.Find("US-1", true); found {
		t.Errorf("two prefixes: got %q, want none", e.ID)
	}
}

func TestLabelOf(t *testing.T) {
	for line, want := range map[string][2]string{
		"Status: open":                   {"Status", "open"},
		"- **Status**: open":             {"Status", "open"},
		"**Status:** open":               {"Status", "open"},
		"> Status: open":                 {"Status", "open"},
		"status:: open":                  {"status", "open"},
		"状态：open: x":                     {"状态", "open: x"},
		"[ ] Status: open":               {"", ""},
		"| Status: open":                 {"", ""},
		"# Status: open":                 {"", ""},
		"a.go:12":                        {"", ""},
		"    Status: open":               {"", ""},
		"one two three four five six: x": {"", ""},
	} {
		if l := labelOf(line); l.name != want[0] || l.value != want[1] {
			t.Errorf("%q: got %q %q, want %q", line, l.name, l.value, want)
		}
	}
}
