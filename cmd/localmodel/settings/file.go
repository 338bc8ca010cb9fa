package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// Assignment is one setting to write into config.toml.
type Assignment struct {
	Key   string // as in config.toml
	Value string
}

// byteOrderMark is what Windows' editors put before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// edit returns config.toml with settings assigned. What else is in it stays to
// the byte: comments, order, line ends. A text in which a setting cannot be
// placed is refused, and the error names the line to add by hand.
func edit(text []byte, assignments []Assignment) ([]byte, error) {
	mark := text[:len(text)-len(bytes.TrimPrefix(text, byteOrderMark))]
	doc := bytes.TrimPrefix(text, byteOrderMark)
	for _, a := range assignments {
		after, err := a.in(doc)
		if err != nil {
			return nil, fmt.Errorf("%w; add it by hand: %s", err, a.line())
		}
		doc = after
	}
	return append(bytes.Clone(mark), doc...), nil
}

func (a Assignment) line() string {
	return a.Key + ` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Value) + `"`
}

func (a Assignment) in(doc []byte) ([]byte, error) {
	before, err := decodeTOML(doc)
	if err != nil {
		return nil, fmt.Errorf("it is not valid TOML: %w", err)
	}
	after := a.replaced(doc)
	if after == nil {
		after = a.inserted(doc)
	}
	got, err := decodeTOML(after)
	before[a.Key] = a.Value
	if err != nil || !reflect.DeepEqual(got, before) {
		return nil, fmt.Errorf("there is no safe place for %s in it", a.Key)
	}
	return after, nil
}

func decodeTOML(doc []byte) (map[string]any, error) {
	out := map[string]any{}
	err := toml.Unmarshal(doc, &out)
	return out, err
}

var (
	tableHeading = lazy.Regexp(`(?m)^[ \t]*\[`)
	blankOrNote  = lazy.Regexp(`^[ \t]*(#[^\n]*)?\r?\n?$`)
)

// topLevel is the length of the document before its first table. A heading
// inside a string or a list of several lines is none: what is before it would
// not parse alone.
func topLevel(doc []byte) int {
	for _, at := range tableHeading().FindAllIndex(doc, -1) {
		if _, err := decodeTOML(doc[:at[0]]); err == nil {
			return at[0]
		}
	}
	return len(doc)
}

// replaced puts the value in the place of the one that is there, and keeps the
// comment behind it; nil where the key has none.
func (a Assignment) replaced(doc []byte) []byte {
	key := regexp.MustCompile(`(?m)^[ \t]*["']?` + regexp.QuoteMeta(a.Key) + `["']?[ \t]*=[ \t]*`)
	top := topLevel(doc)
	for _, at := range key.FindAllIndex(doc[:top], -1) {
		if _, err := decodeTOML(doc[:at[0]]); err != nil {
			continue // inside a string of several lines
		}
		end := valueEnd(doc[at[1]:top])
		if end < 0 {
			return nil
		}
		_, value, _ := strings.Cut(a.line(), " = ")
		return bytes.Join([][]byte{doc[:at[1]], []byte(value), doc[at[1]+end:]}, nil)
	}
	return nil
}

// valueEnd is the length of the value at the start of a text, -1 where there
// is none: the shortest text that is a value and is followed by a line's end or
// a comment.
func valueEnd(text []byte) int {
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] != '\n' && text[i] != '#' {
			continue
		}
		value := bytes.TrimRight(text[:i], " \t\r")
		if _, err := decodeTOML(append([]byte("x = "), value...)); err == nil {
			return len(value)
		}
	}
	return -1
}

// inserted adds the assignment as a line of its own after the last one before
// the first table.
func (a Assignment) inserted(doc []byte) []byte {
	newline := "\n"
	if bytes.Contains(doc, []byte("\r\n")) {
		newline = "\r\n"
	}
	at := topLevel(doc)
	if at < len(doc) { // before the comments that lead the table
		lines := bytes.SplitAfter(doc[:at], []byte("\n"))
		for len(lines) > 0 && blankOrNote().Match(lines[len(lines)-1]) {
			at -= len(lines[len(lines)-1])
			lines = lines[:len(lines)-1]
		}
	}
	line := a.line() + newline
	if at > 0 && doc[at-1] != '\n' {
		line = newline + line
	}
	return bytes.Join([][]byte{doc[:at], []byte(line), doc[at:]}, nil)
}

// Save assigns settings in config.toml in the user's config directory, which is
// made where it is missing. The file is replaced whole, and is for its user
// alone where it is new; where it is a link, the file it leads to is replaced.
// It reports whether anything changed.
func Save(ctx context.Context, dir string, assignments []Assignment) (bool, error) {
	if dir == "" {
		return false, errNoState
	}
	before, err := readConfig(ctx, dir)
	if err != nil {
		return false, err
	}
	after, err := edit(before, assignments)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	root, err := rootfs.Private(ctx, dir)
	if err != nil {
		return false, err
	}
	_ = root.Close() // it is made
	path := filepath.Join(dir, configName)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	unchanged := func() error {
		now, err := readConfig(ctx, dir)
		if err == nil && !bytes.Equal(now, before) {
			err = errors.New("another program changed it just now; try again")
		}
		return err
	}
	return true, rootfs.WriteNamed(ctx, "", path, after, rootfs.Write{Perm: 0o600, Before: unchanged})
}

func readConfig(ctx context.Context, dir string) ([]byte, error) {
	data, err := rootfs.ReadNamed(ctx, filepath.Join(dir, configName), maxFileBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (s *Set) readFile(ctx context.Context) {
	path := s.ConfigFile()
	if path == "" {
		return
	}
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	data, err := readConfig(ctx, s.Dirs.Config)
	if err != nil {
		s.problem("the settings in %s are left out: %v", path, err)
		return
	}
	s.file, err = decodeTOML(bytes.TrimPrefix(data, byteOrderMark))
	if err != nil {
		where := ""
		var wrong *toml.DecodeError
		if errors.As(err, &wrong) {
			line, column := wrong.Position()
			where = fmt.Sprintf(" line %d, column %d", line, column)
		}
		s.problem("%s is not valid TOML, so it is left out:%s %v", path, where, err)
		s.file = nil
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s.file)) {
		if key == "" || !slices.ContainsFunc(Table, func(r Row) bool { return r.Key() == key }) {
			s.problem("%s in %s is no setting; localmodel config lists them", quote(key), path)
		}
	}
}
