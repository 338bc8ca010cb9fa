package clients

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
)

// ErrDiffers says that the file has a localmodel entry of another content.
var ErrDiffers = errors.New("it has another localmodel entry already")

// Change is an edit worked out and not yet made.
type Change struct {
	Same  bool   // nothing is to do
	After []byte // the new content; nil = the file is to be deleted
	// OldEntry says that After has the entry that install had put its own in the
	// place of.
	OldEntry bool

	file    *file
	restore []string // the backups that led to After; they are not needed any more
}

// read is the client's file as a change of nothing, and the entry in it, if any.
func (c Client) read(path string) (*Change, map[string]any, error) {
	var have map[string]any
	f, err := open(path, c.root)
	if err == nil && f.exists {
		have, err = c.format.Entry(f.text())
	}
	if err != nil {
		return nil, nil, refuse(path, err)
	}
	return &Change{file: f}, have, nil
}

// Install works out how to add the entry to a client's file. Another entry of
// ours there is ErrDiffers, or gives way where replace is set.
func (c Client) Install(path string, e entry.Entry, replace bool) (*Change, error) {
	ch, have, err := c.read(path)
	switch {
	case err != nil:
		return nil, err
	case !ch.file.exists:
		ch.After = c.format.Fresh(e)
		return ch, nil
	case have != nil && reflect.DeepEqual(have, e.Data()):
		ch.Same = true
		return ch, nil
	case have != nil && !replace:
		return nil, ErrDiffers
	}
	if ch.After, err = c.edited(ch.file, e); err != nil {
		return nil, refuse(path, err)
	}
	return ch, nil
}

// edited is the file's content with the entry, in the place of the one that it
// has, if any.
func (c Client) edited(f *file, e entry.Entry) ([]byte, error) {
	text := f.text()
	have, err := c.format.Entry(text)
	if err == nil && have != nil {
		text, err = c.format.Remove(text)
	}
	if err == nil {
		text, err = c.format.Insert(text, e)
	}
	return f.withMark(text), err
}

// Uninstall works out how to take the entry out. Where nothing else changed
// since install, the file is as it was before, to the byte.
func (c Client) Uninstall(path string) (*Change, error) {
	ch, have, err := c.read(path)
	if err != nil {
		return nil, err
	}
	if have == nil {
		ch.Same = true
		return ch, nil
	}
	after, err := c.format.Remove(ch.file.text())
	if err != nil {
		return nil, refuse(path, err)
	}
	ch.After = ch.file.withMark(after)
	c.original(ch)
	return ch, nil
}

// original looks for what the file was before install: the backup that install
// would turn into what is here, or no file at all. A backup whose entry install
// itself had written is followed further back.
func (c Client) original(ch *Change) {
	var used []string
	for now := ch.file.raw; now != nil; {
		before, backup, found := c.before(ch.file, now, used)
		if !found {
			break
		}
		if backup != "" {
			used = append(used, backup)
		}
		ch.After, ch.restore, now = before, used, before
	}
	if ch.restore != nil && ch.After != nil {
		have, _ := c.format.Entry((&file{raw: ch.After}).text())
		ch.OldEntry = have != nil
	}
}

// before is the backup out of which install makes the content, the entry put in
// the place of an older one where the backup has one. Without a name it is no
// file at all. There is none where the entry has what install never writes.
func (c Client) before(f *file, now []byte, used []string) (raw []byte, backup string, found bool) {
	text := (&file{raw: now}).text()
	have, err := c.format.Entry(text)
	if err != nil || have == nil {
		return nil, "", false
	}
	e, ours := c.extra.Read(have, text)
	if !ours {
		return nil, "", false
	}
	for _, name := range f.backups() {
		old, err := f.beside(name)
		if err != nil || slices.Contains(used, name) {
			continue
		}
		if again, err := c.edited(&file{raw: old}, e); err == nil && bytes.Equal(again, now) {
			return old, name, true
		}
	}
	return nil, "", bytes.Equal(now, c.format.Fresh(e))
}

// Apply makes the change and returns the backup that it kept, if any.
func (ch *Change) Apply() (backup string, err error) {
	if ch.Same {
		return "", nil
	}
	if ch.After == nil {
		err = ch.file.remove(ch.file.name)
	} else {
		backup, err = ch.write()
	}
	if err != nil {
		return backup, err
	}
	for _, name := range ch.restore {
		_ = ch.file.remove(name) // what it was kept for is done
	}
	return backup, nil
}

// write puts the new content in place, with a backup of the old one unless that
// is what comes back.
func (ch *Change) write() (backup string, err error) {
	if ch.file.exists && ch.restore == nil {
		if backup, err = ch.file.backup(); err != nil {
			return "", fmt.Errorf("no backup of %s could be kept, so it was not changed: %w", ch.file.path, err)
		}
	}
	if err := ch.file.replace(ch.After); err != nil {
		return backup, fmt.Errorf("%s was not changed: %w", ch.file.path, err)
	}
	return backup, nil
}

// Diff shows the change as a unified diff of one region: an edit of ours touches
// one place. A carriage return is shown as ^M, so that it is not lost on a screen.
func (ch *Change) Diff() string {
	const context = 3
	if ch.Same {
		return ""
	}
	a, b := slices.Collect(strings.Lines(string(ch.file.raw))), slices.Collect(strings.Lines(string(ch.After)))
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from := max(0, head-context)
	toA, toB := min(len(a), len(a)-tail+context), min(len(b), len(b)-tail+context)
	var out strings.Builder
	old, now := ch.file.path, ch.file.path
	if !ch.file.exists {
		old = "/dev/null"
	}
	if ch.After == nil {
		now = "/dev/null"
	}
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%d,%d +%d,%d @@\n", old, now, min(from+1, len(a)), toA-from, min(from+1, len(b)), toB-from)
	write := func(mark string, lines []string) {
		for _, l := range lines {
			text, whole := strings.CutSuffix(l, "\n")
			fmt.Fprintf(&out, "%s%s\n", mark, strings.ReplaceAll(text, "\r", "^M"))
			if !whole {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	write(" ", a[from:head])
	write("-", a[head:len(a)-tail])
	write("+", b[head:len(b)-tail])
	write(" ", a[len(a)-tail:toA])
	return out.String()
}

// Snippet is a whole file with the entry alone, to paste from.
func (c Client) Snippet(e entry.Entry) string {
	return string(c.format.Fresh(e))
}

// Installed says whether the client's file has an entry of ours.
func (c Client) Installed(path string) (installed, exists bool, err error) {
	f, err := open(path, c.root)
	if err != nil || !f.exists {
		return false, false, err
	}
	have, err := c.format.Entry(f.text())
	return have != nil, true, err
}

func refuse(path string, err error) error {
	return fmt.Errorf("%s cannot be edited: %w; nothing was changed", path, err)
}
