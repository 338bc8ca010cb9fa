// Package ticket reads tickets as people write them: bytes and a path in, one
// canonical Ticket or several out. Each way that a tool or a team writes them is a
// Form. Reading costs time linear in the size of the input, and takes
// nothing in a ticket for an instruction.
package ticket

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Limits on what is read. Sizes are bytes as given; past a count the rest is
// left out and Warnings says so.
const (
	MaxBytes       = 2 << 20   // a ticket read by path
	MaxListBytes   = 16 << 20  // a tracker's file of many tickets (.json, .jsonl)
	MaxInlineBytes = 256 << 10 // a ticket given as an argument; callers check it

	maxFrontMatter = 64 << 10
	maxDepth       = 16 // nesting of the front matter
	maxItems       = 1000
	maxTasks       = 10_000 // tasks of one file
	maxHeadings    = 20_000 // of one file; what looks like one past them is text
	maxWarnings    = 20
	maxID          = 100  // characters, which record_gate_outcome takes
	maxField       = 500  // bytes of a one-line field
	maxPath        = 1024 // bytes
)

// Ticket is what a ticket states. Text fields are trimmed; "" means not stated.
type Ticket struct {
	// ID is the ticket's id in its project. It holds the folder where the file's name
	// is generic: 004-tide-alerts/T005.
	ID    string
	Local string // the id within a file of several, T005; "" elsewhere
	Title string
	Type  string // as stated
	Kind  string // BUG, FEAT, TASK or EPIC, from type, id or labels
	// IDStatesKind: in this form the prefix of an id names its kind (BUG-7), and is not
	// only the tracker's name.
	IDStatesKind bool

	Priority, Status, Parent string

	// Complexity is lowercased: trivial, simple, complex, low, medium or high.
	Complexity string

	Labels   []string
	Concerns []string // SECURITY, ARCH: what labels, components or the type say in any spelling

	// Files merges what keys, sections and tables state, distinct by Path, in order of
	// first sight. A path may be a pattern (dir/**) or a folder.
	Files     []File
	Criteria  []Criterion
	DependsOn []string // the tickets it states to wait for, distinct in any case
	After     []string // the open tasks before it, where the form's order or phases say so

	Closed   bool // done, cancelled or ticked: it holds nobody back
	Draft    bool
	Archived bool
	// Document names what the file is where it is no ticket: specification, design,
	// plan, and so on; "" = a ticket.
	Document string

	// Covered: its tasks are listed in a file beside it, so that a folder leaves it out.
	Covered bool

	Form   string
	Source string   // path, or path#ID for a task of a file with several
	Beside []string // paths of the specification and design that belong to it
	From   []Origin // where the fields come from

	Body string // Markdown without front matter and BOM, LF line ends

	HasFrontMatter bool   // at least one key is stated
	HasFileTable   bool   // a table states files, or states that there are none
	Hash           string // SHA-256 of the bytes as given, hex; of a task: of its id and text
	Warnings       []string
}

// Open reports whether it is work to be done: a ticket, and neither closed, nor a
// draft, nor put into an archive, nor a parent of others only.
func (t *Ticket) Open() bool {
	return t.Document == "" && !t.Closed && !t.Draft && !t.Archived && t.Kind != kindEpic
}

// Origin says where a field comes from: "dependencies" from "blocked_by".
type Origin struct{ Field, From string }

// File is one affected file. Path has forward slashes and no leading "./".
type File struct {
	Path        string
	Action      string // create, modify, delete or ""
	Description string
	// Count is how many files a pattern or a folder matches, where a caller has looked;
	// 0 = one.
	Count int
}

// Criterion is one acceptance criterion. Its ID, such as "AC-1", is unique in the
// ticket; one without is numbered by its position.
type Criterion struct {
	ID, Text string
	Done     bool
}

// Document is what one file holds.
type Document struct {
	Form string
	// Head is the file as a whole: the ticket, or what its tasks have in common.
	Head Ticket
	// Tasks are those of a file that holds several, done ones included, in order.
	Tasks []Ticket
	// Several: the file is a list of tasks, and its head no ticket of its own.
	Several bool
}

// Tickets lists every ticket of the document, closed ones included.
func (d *Document) Tickets() []Ticket {
	if d.Several {
		return d.Tasks
	}
	return append([]Ticket{d.Head}, d.Tasks...)
}

// Reader reads a file beside the ticket, by its slash-separated path from the same
// root as the ticket's.
type Reader func(path string) ([]byte, error)

// Read reads a file of any form. path, from the project's root, tells the form and
// the id where the content does not; it may be "". beside may be nil. An error is
// always an *Error.
func Read(path string, data []byte, beside Reader) (*Document, error) {
	f := newFile(path, data, beside)
	form, err := f.form()
	if err != nil {
		return nil, err
	}
	d, err := form.read(f)
	if err != nil {
		return nil, err
	}
	d.Form = form.Name
	d.finish(f)
	return d, nil
}

// Parse reads a ticket of up to MaxBytes that has no path. An error is always an
// *Error.
func Parse(data []byte) (Ticket, error) {
	d, err := Read("", data, nil)
	if err != nil {
		return Ticket{}, err
	}
	return d.Head, nil
}

// finish sets what every form sets alike.
func (d *Document) finish(f *file) {
	d.Head.tidy(d.Form, f.path, f.data)
	for i := range d.Tasks {
		t := &d.Tasks[i]
		t.tidy(d.Form, f.path+"#"+cmp.Or(t.Local, t.ID), []byte(t.ID+"\n"+lineFeeds(t.Body)))
		t.Archived = t.Archived || d.Head.Archived
		t.HasFrontMatter = true // the form states what it is
	}
}

// tidy holds every form to what readers of a ticket rely on: names that are
// trimmed, not empty and there once, and line ends of one kind.
func (t *Ticket) tidy(form, source string, hashed []byte) {
	t.Form, t.Source, t.Hash = form, source, hash(hashed)
	for _, list := range []*[]string{&t.Labels, &t.DependsOn, &t.After} {
		*list = distinct(*list)
	}
	t.Body = lineFeeds(t.Body)
}

// distinct trims the names and drops those that are empty or there already.
func distinct(names []string) []string {
	var kept []string
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" && !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
