package ticket

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// file is one file on its way to a Document. What is costly is done once, when it is
// asked for.
type file struct {
	path, base string
	stem       string   // base without its extension
	ext        string   // lower case, with the dot
	dirs       []string // the directories above, outermost first
	data       []byte
	beside     Reader

	text string // LF line ends, valid UTF-8
	body string // text without front matter
	keys []key  // the front matter
	// lenient says which values were not valid YAML.
	lenient []string
	headed  bool // the file has front matter with at least one key
	parts   []section
}

// key is one key of the front matter.
type key struct {
	name  string // without case and separators: dependson
	as    string // as written
	value *yaml.Node
	line  int // of the value in the file, from 1
	own   int // line of the key
}

func newFile(name string, data []byte, beside Reader) *file {
	f := &file{data: data, beside: beside}
	if name != "" {
		f.path = strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, `\`, "/")), "./")
		parts := strings.Split(f.path, "/")
		f.dirs, f.base = parts[:len(parts)-1], parts[len(parts)-1]
		f.ext = strings.ToLower(path.Ext(f.base))
		f.stem = strings.TrimSuffix(f.base, path.Ext(f.base))
	}
	return f
}

// form finds the form of a file. What is no text has none.
func (f *file) form() (Form, error) {
	var err error
	f.text, err = decode(f.data, int(Limit(f.path)))
	f.body = f.text
	if err != nil && (f.ext != ".jsonl" || !errors.Is(err, errEmpty)) { // a tracker may have no issue
		return Form{}, err
	}
	is := func(form Form) bool { return form.recognise(f) }
	if i := slices.IndexFunc(trackerForms, is); i >= 0 {
		return trackerForms[i], nil
	}
	if len(f.data) > MaxBytes {
		return Form{}, errTooLarge(len(f.data), MaxBytes)
	}
	if err := f.cutFrontMatter(); err != nil {
		return Form{}, err
	}
	return markdownForms[slices.IndexFunc(markdownForms, is)], nil // the last one takes any
}

func (f *file) sections() []section {
	if f.parts == nil {
		f.parts = outline(f.body)
	}
	return f.parts
}

// under gives the directory that follows the named ones in the path, and what comes
// after it: under(".kiro", "specs") of x/.kiro/specs/a/tasks.md is "a" and "tasks.md".
func (f *file) under(names ...string) (dir string, rest []string, ok bool) {
	for i := 0; i+len(names) < len(f.dirs); i++ {
		if slices.Equal(f.dirs[i:i+len(names)], names) {
			return f.dirs[i+len(names)], f.dirs[i+len(names)+1:], true
		}
	}
	return "", nil, false
}

// below gives the first directory beneath one of that name that want says yes to.
func (f *file) below(name string, want func(dir string) bool) string {
	for i := 0; i+1 < len(f.dirs); i++ {
		if f.dirs[i] == name && want(f.dirs[i+1]) {
			return f.dirs[i+1]
		}
	}
	return ""
}

// in reports whether a directory of that name is above the file.
func (f *file) in(name string) bool { return slices.Contains(f.dirs, name) }

// parent is the name of the directory that holds the file, n = 1, or of one above.
func (f *file) parent(n int) string {
	if n > len(f.dirs) {
		return ""
	}
	return f.dirs[len(f.dirs)-n]
}

// sibling is the path of another file in the same directory.
func (f *file) sibling(name string) string { return path.Join(path.Dir(f.path), name) }

// siblings gives the paths of those files that exist.
func (f *file) siblings(names ...string) []string {
	var out []string
	for _, name := range names {
		if _, ok := f.readBeside(name); ok {
			out = append(out, f.sibling(name))
		}
	}
	return out
}

// readBeside reads another file of the same directory; ok is false where there is
// none that is text.
func (f *file) readBeside(name string) (text string, ok bool) {
	if f.beside == nil || f.path == "" {
		return "", false
	}
	data, err := f.beside(f.sibling(name))
	if err != nil {
		return "", false
	}
	text, err = decode(data, MaxBytes)
	return text, err == nil
}

// key gives a key of the front matter by its normal name.
func (f *file) key(names ...string) *key {
	for _, name := range names {
		for i := range f.keys {
			if f.keys[i].name == name {
				return &f.keys[i]
			}
		}
	}
	return nil
}

func (f *file) has(names ...string) bool { return f.key(names...) != nil }

func (f *file) hasAll(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return f.key(name) == nil })
}

// document reads a file beside tickets that is none itself, only by its name and title.
func (f *file) document(what, id, title string) *Document {
	c := newCollector(f, options{})
	c.t.Document = what
	c.id(id, "folder")
	c.setTitle(title, "heading")
	return &Document{Head: c.finish()}
}

// decode gives the text with LF line ends, or says why the bytes are no text.
func decode(data []byte, limit int) (string, error) {
	switch {
	case len(data) > limit:
		return "", errTooLarge(len(data), limit)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", &Error{1, "the ticket is UTF-16 text", "Convert it to UTF-8 and try again."}
	}
	text := lineFeeds(strings.TrimPrefix(string(data), "\ufeff"))
	if at := strings.IndexByte(text, 0); at >= 0 {
		return "", &Error{lineAt(text, at), "the ticket contains a NUL byte, so it is binary data or UTF-16 text",
			"Save it as UTF-8 text."}
	}
	if !utf8.ValidString(text) { // there is no other NUL than in the place of bad bytes
		at := strings.IndexByte(strings.ToValidUTF8(text, "\x00"), 0)
		return "", &Error{lineAt(text, at), "the ticket is not valid UTF-8", "Save it as UTF-8 text."}
	}
	if strings.TrimSpace(text) == "" {
		return "", errEmpty
	}
	return text, nil
}

func lineFeeds(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

func lineAt(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }

// noTickets are files that are kept beside tickets and are none.
var noTickets = set(`readme changelog contributing license licence code_of_conduct security support agents claude gemini
	copilot-instructions index _index template _template constitution memory config maintainers authors governance`)

// noTicketFolders are folders of tools that hold other things.
var noTicketFolders = []string{"backlog/docs/", "backlog/decisions/", "backlog/milestones/",
	".kiro/steering/", ".kiro/hooks/", ".specify/", "templates/", ".github/", "node_modules/"}

// IsCandidate reports whether a file of a folder may hold tickets, by its path alone.
func IsCandidate(name string) bool {
	lower := strings.ToLower(name)
	base := path.Base(lower)
	stem := strings.TrimSuffix(base, path.Ext(base))
	if slices.ContainsFunc(noTicketFolders,
		func(folder string) bool { return strings.Contains("/"+lower, "/"+folder) }) {
		return false
	}
	switch path.Ext(base) {
	case ".md", ".markdown":
		return !noTickets[stem] && (stem != "project" || !strings.Contains("/"+lower, "/openspec/"))
	case ".jsonl":
		return base == "issues.jsonl" || base == "beads.jsonl"
	case ".json":
		return base == "tasks.json"
	case ".txt":
		return strings.HasPrefix(stem, "task_")
	}
	return false
}

// hiddenFolders are folders with a dot that hold tickets.
var hiddenFolders = set(".backlog .beads .kiro .taskmaster .kanbn")

// skippedFolders are folders in which nobody keeps tickets.
var skippedFolders = set("node_modules vendor dist build target testdata __pycache__")

// IsFolder reports whether a folder is looked into for tickets, by its name.
func IsFolder(name string) bool {
	if strings.HasPrefix(name, ".") {
		return hiddenFolders[name]
	}
	return !skippedFolders[name]
}

// Limit is how many bytes of a file are read, by its path.
func Limit(name string) int64 {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonl":
		return MaxListBytes
	}
	return MaxBytes
}
