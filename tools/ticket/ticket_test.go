package ticket_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestParseGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d tickets in testdata, want at least 25 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".md"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ticket.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			if got.Hash != hex.EncodeToString(sum[:]) {
				t.Errorf("hash %s is not that of the bytes as given", got.Hash)
			}
			if lf := strings.NewReplacer("\r\n", "\n", "\r",
				"\n").Replace(string(data)); !strings.HasSuffix(lf, got.Body) {
				t.Errorf("the body is not the end of the file:\n%s", got.Body)
			}
			golden(t, strings.TrimSuffix(file, ".md")+".json", got)
		})
	}
}

// golden compares all but hash and body, of which the file gives the first line.
func golden(t *testing.T, file string, got ticket.Ticket) {
	t.Helper()
	got.Hash = ""
	got.Form, got.From, got.Kind, got.IDStatesKind, got.Source, got.Concerns, got.Closed = "", nil, "", false,
		"", nil, false
	got.Body, _, _ = strings.Cut(strings.TrimLeft(got.Body, "\n"), "\n")
	if *update {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want ticket.Ticket
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got; -update writes it anew)\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	const (
		noAlias = "YAML aliases (*name) and merge keys (<<) are not allowed in the front matter"
		tab     = "the front matter is indented with a tab, which YAML does not allow"
		utf8    = "the ticket is not valid UTF-8"
	)
	yaml := func(problem string) string { return "invalid YAML front matter (" + problem + ")" }
	tests := []struct {
		name, in    string
		line        int
		cause, next string // next is checked where given
	}{
		{"empty", "", 0, "the ticket is empty",
			"Write a title, what is to be done and the acceptance criteria."},
		{"only a BOM", "\ufeff", 0, "the ticket is empty", ""},
		{"only white space", " \r\n\t\n", 0, "the ticket is empty", ""},
		{"too large", strings.Repeat("a", ticket.MaxBytes+1), 0,
			"the ticket has 2097153 bytes, the limit is 2097152",
			"Split the ticket, or move attachments out of it."},
		{"UTF-16 LE", "\xff\xfe#\x00 \x00", 1, "the ticket is UTF-16 text",
			"Convert it to UTF-8 and try again."},
		{"UTF-16 BE", "\xfe\xff\x00#\x00 ", 1, "the ticket is UTF-16 text", ""},
		{"NUL", "# A\r\n\r\nb\x00c", 3, "the ticket contains a NUL byte, so it is binary data or UTF-16 text",
			"Save it as UTF-8 text."},
		{"Latin-1", "# Title\n\ncaf\xe9\n", 3, utf8, "Save it as UTF-8 text."},
		{"cut in a rune", "# Title\n\xe2\x82", 2, utf8, ""},
		{"bad byte before a good end", "\xffabc\xffabc", 1, utf8, ""},
		{"TOML", "\n+++\nid = \"FEAT-1\"\n+++\n# T\n", 2, "the front matter is not YAML",
			"Write it as YAML between two lines of ---."},
		{"JSON", "{\n  \"id\": \"FEAT-1\"\n}\n# T\n", 1, "the front matter is not YAML", ""},
		{"unterminated", "---\nid: FEAT-1\n\n# FEAT-1: T\n", 1,
			"the front matter is opened with --- and never closed",
			"Put a line with --- alone after the last key."},
		{"unterminated after blank lines", "\n\n---\nid: FEAT-1\n", 3,
			"the front matter is opened with --- and never closed", ""},
		{"only the opening", "---", 0, "the ticket is empty", ""},
		{"front matter too large", "---\na: " + strings.Repeat("b", 64<<10) + "\n---\n", 1,
			"the front matter has 65540 bytes, the limit is 65536", "Move long text into the body."},
		{"no colon", "---\nid: FEAT-1\ntitle foo\nstatus: a\n---\n", 3, yaml("could not find expected ':'"),
			`Write the line as "key: value".`},
		{"tab before a key", "---\nid: FEAT-1\ntags:\n\t- a\n---\n", 4, tab, "Indent with spaces."},
		{"tab in a map", "---\nid: FEAT-1\nmap:\n  a: 1\n\tb: 2\n---\n", 5, tab, ""},
		{"open quote", "---\nid: FEAT-1\ntitle: \"abc\nstatus: a\n---\n", 3,
			yaml("found unexpected end of stream"), "Close the quote that is opened on this line."},
		{"open list", "---\nid: FEAT-1\ntags: [a, b\nstatus: a\n---\n", 3,
			yaml("did not find expected ',' or ']'"),
			"Close the list with ] and separate its items with commas."},
		{"open map", "---\nid: FEAT-1\nm: {a: b\nstatus: a\n---\n", 3,
			yaml("did not find expected ',' or '}'"),
			"Close the map with } and separate its entries with commas."},
		{"list after a value", "---\ntitle: x\nid: FEAT-1\n- a\n---\n", 4, yaml("did not find expected key"),
			""},
		{"keys indented unlike", "---\n  id: FEAT-1\ntitle: x\n---\n", 3,
			yaml("did not find expected <document start>"), "Indent all keys alike."},
		{"control character", "---\nid: FEAT-1\ntitle: a\x07b\n---\n", 3,
			yaml("control characters are not allowed"), "Remove the control character."},
		{"second document", "---\nid: FEAT-1\n--- x\n---\n", 3, yaml("a second document begins here"),
			"Put values with special characters in quotes, and indent with spaces."},
		{"unknown alias", "---\nid: FEAT-1\ntags:\n - a\n - *new\n---\n", 5, noAlias,
			"Write the value out, or put it in quotes if the * is meant literally."},
		{"known alias", "---\na: &a 1\nb: *a\n---\n", 3, noAlias, ""},
		{"alias as key", "---\na: &a x\n*a : 1\n---\n", 3, noAlias, ""},
		{"merge key", "---\nid: FEAT-1\n<<: {a: b}\n---\n", 3, noAlias, ""},
		{"alias bomb", bomb(), 3, noAlias, ""},
		{"deep", "---\nid: FEAT-1\na: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n---\n", 3,
			"the front matter is nested too deeply, the limit is 16 levels",
			"Flatten it to keys with text or lists of text."},
		{"very deep", "---\nid: FEAT-1\na: " + strings.Repeat("[", 30000) + "\n---\n", 3,
			"the front matter is nested too deeply, the limit is 16 levels", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ticket.Parse([]byte(tt.in))
			var e *ticket.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v (%T), want *ticket.Error", err, err)
			}
			if e.Line != tt.line || e.Cause != tt.cause || tt.next != "" && e.Next != tt.next {
				t.Errorf("got  %d: %s | %s\nwant %d: %s | %s", e.Line, e.Cause, e.Next, tt.line, tt.cause,
					tt.next)
			}
			if e.Next == "" || len(err.Error()) >= 500 {
				t.Errorf("%d bytes, next step %q", len(err.Error()), e.Next)
			}
			if diff := cmp.Diff(ticket.Ticket{}, got); diff != "" {
				t.Errorf("an error comes with half a ticket: %s", diff)
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("---\na0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i+1, i+1, i, i, i, i, i,
			i, i, i, i)
	}
	return b.String() + "---\n"
}

func TestErrorReads(t *testing.T) {
	for want, e := range map[string]ticket.Error{
		"line 3: a cause. Do this.": {Line: 3, Cause: "a cause", Next: "Do this."},
		"a cause. Do this.":         {Cause: "a cause", Next: "Do this."},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAnchorsWithoutAliasAreText(t *testing.T) {
	got, err := ticket.Parse([]byte("---\nid: &x FEAT-1\n'<<': y\n---\n"))
	if err != nil || got.ID != "FEAT-1" {
		t.Errorf("%q, %v", got.ID, err)
	}
}

func TestLimitsAreSaid(t *testing.T) {
	var b strings.Builder
	b.WriteString("---\nid: " + strings.Repeat("é", 101) + "\ntitle: " + strings.Repeat("x", 499) +
		strings.Repeat("é", 50) + "\ntags: [")
	for i := range 1100 {
		fmt.Fprintf(&b, "t%d,", i)
	}
	b.WriteString("]\n---\n## Affected Files\n| File | Action | Description |\n|-|-|-|\n")
	for i := range 1100 {
		fmt.Fprintf(&b, "| f%d.go | rename | |\n", i)
	}
	fmt.Fprintf(&b, "| %s.go | modify | |\n## Acceptance Criteria\n", strings.Repeat("p", 2000))
	for range 1100 {
		b.WriteString("- [ ] does it\n")
	}
	b.WriteString("## Dependencies\n| Ticket |\n|-|\n")
	for i := range 1100 {
		fmt.Fprintf(&b, "| FEAT-%d |\n", i)
	}
	got, err := ticket.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	counts := []int{len(got.ID), len(got.Title), len(got.Labels), len(got.Files), len(got.Criteria),
		len(got.DependsOn)}
	if want := []int{0, 499, 1000, 1000, 1000, 1000}; !slices.Equal(counts, want) {
		t.Errorf("counts %v, want %v", counts, want)
	}
	if last := got.Criteria[999].ID; last != "AC-1000" {
		t.Errorf("the last criterion is %s", last)
	}
	for _, want := range []string{
		"the id (id) has more than 100 characters, under which nothing can be recorded; left out",
		"title has 599 bytes; cut to 500",
		"more than 1000 labels; the rest is left out",
		"more than 1000 affected files; the rest is left out",
		"more than 1000 acceptance criteria; the rest is left out",
		"more than 1000 dependencies; the rest is left out",
		"affected file f0.go: unknown action \"rename\"; valid: create, modify, delete",
		"1084 more warnings", // 1100 actions and a path; 17 of them said beside three others
	} {
		if !slices.Contains(got.Warnings, want) {
			t.Errorf("no warning %q", want)
		}
	}
	if len(got.Warnings) > 26 {
		t.Errorf("%d warnings", len(got.Warnings))
	}
}

func TestMaxBytesIsTaken(t *testing.T) {
	head := "# FEAT-1: Big\n\n## Acceptance Criteria\n- [ ] AC-1: first\n"
	tail := "\n- [ ] AC-2: last\n"
	got, err := ticket.Parse([]byte(head + strings.Repeat("x", ticket.MaxBytes-len(head)-len(tail)) + tail))
	if err != nil || len(got.Criteria) != 2 {
		t.Errorf("%d criteria, %v", len(got.Criteria), err)
	}
}
