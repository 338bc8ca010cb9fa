package ticket

import (
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
	for _, form := range trackerForms {
		if form.Recognise(f) {
			err := f.decode(MaxListBytes)
			if errors.Is(err, errEmpty) && f.ext == ".jsonl" { // a tracker without issues
				err = nil
			}
			return form, err
		}
	}
	if err := f.decode(MaxBytes); err != nil {
		return nil, err
	}
	if err := f.cutFrontMatter(); err != nil {
		return nil, err
	}
	for _, form := range markdownForms {
		if form.Recognise(f) {
			return form, nil
		}
	}
	return plainForm{}, nil
}

// sections gives the outline of the body.
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
func (f *file) sibling(name string) string {
	if f.path == "" {
		return ""
	}
	return path.Join(append(slices.Clone(f.dirs), name)...)
}

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
	if err != nil || len(data) > MaxBytes {
		return "", false
	}
	text, fault := decode(data, MaxBytes)
	return text, fault == nil
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

// hasAll reports whether every one of the keys is there.
func (f *file) hasAll(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return f.key(name) == nil })
}

func (f *file) decode(limit int) error {
	text, err := decode(f.data, limit)
	if err != nil {
		return err
	}
	f.text, f.body = text, text
	return nil
}

// decode gives the text with LF line ends, or says why the bytes are no text.
func decode(data []byte, limit int) (string, error) {
	switch {
	case len(data) > limit:
		return "", errTooLarge(len(data), limit)
	case hasPrefix(data, "\xff\xfe"), hasPrefix(data, "\xfe\xff"):
		return "", errUTF16
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
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
