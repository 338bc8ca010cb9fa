// Package ticket reads one backlog ticket: YAML front matter and a Markdown
// body with tables and checkboxes. It is a pure function of the bytes, costs
// time linear in their number, and takes nothing in a ticket for an instruction.
package ticket

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Limits on what is read. Sizes are bytes as given; past a count the rest is
// left out and Warnings says so.
const (
	MaxBytes       = 2 << 20   // a ticket read by path
	MaxInlineBytes = 256 << 10 // a ticket given as an argument; callers check it

	maxFrontMatter = 64 << 10
	maxDepth       = 16 // nesting of the front matter
	maxItems       = 1000
	maxWarnings    = 20
	maxID          = 100  // characters, which record_gate_outcome takes
	maxField       = 500  // bytes of a one-line field
	maxPath        = 1024 // bytes
)

// Ticket is what a ticket states. Text fields are trimmed; "" means not stated.
type Ticket struct {
	ID, Title, Type, Priority, Status string

	// Complexity is lowercased: trivial, simple, complex, low, medium or high.
	Complexity string

	Tags []string

	// Files merges affected_files and the Affected Files table, distinct by
	// Path, in order of first sight.
	Files     []File
	Criteria  []Criterion
	DependsOn []string // depends_on, blockers and the Dependencies table, distinct in any case

	Body string // Markdown without front matter and BOM, LF line ends

	HasFrontMatter bool   // at least one key is stated
	HasFileTable   bool   // a table states files, or states that there are none
	Hash           string // SHA-256 of the bytes as given, hex
	Warnings       []string
}

// File is one affected file. Path has forward slashes and no leading "./".
type File struct {
	Path        string
	Action      string // create, modify, delete or ""
	Description string
}

// Criterion is one checkbox of the acceptance criteria. Its ID, such as "AC-1",
// is unique in the ticket; a box without one is numbered by its position.
type Criterion struct {
	ID, Text string
	Done     bool
}

// Parse reads a ticket of up to MaxBytes. An error is always an *Error.
func Parse(data []byte) (Ticket, error) {
	text, err := decode(data)
	if err != nil {
		return Ticket{}, err
	}
	front, body, line, err := cut(text)
	if err != nil {
		return Ticket{}, err
	}
	sum := sha256.Sum256(data)
	c := &collector{paths: map[string]int{}, depends: map[string]bool{}, tags: map[string]bool{}}
	c.t.Hash = hex.EncodeToString(sum[:])
	c.t.Body = body
	if err := c.frontMatter(front, line); err != nil {
		return Ticket{}, err
	}
	c.body(body)
	return c.finish(), nil
}

// decode gives the text with LF line ends, or says why the bytes are no text.
func decode(data []byte) (string, error) {
	switch {
	case len(data) > MaxBytes:
		return "", errTooLarge(len(data))
	case hasPrefix(data, "\xff\xfe"), hasPrefix(data, "\xfe\xff"):
		return "", errUTF16
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if at := strings.IndexByte(text, 0); at >= 0 {
		return "", errNUL(lineAt(text, at))
	}
	if at := invalidUTF8(text); at >= 0 {
		return "", errInvalidUTF8(lineAt(text, at))
	}
	if strings.TrimSpace(text) == "" {
		return "", errEmpty
	}
	return text, nil
}

func hasPrefix(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && string(data[:len(prefix)]) == prefix
}

func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	valid := strings.ToValidUTF8(text, "")
	for i := range valid { // the texts part at the first bad byte
		if valid[i] != text[i] {
			return i
		}
	}
	return len(valid)
}

func lineAt(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }
