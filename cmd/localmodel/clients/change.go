package clients

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
)

// ErrDiffers says that the file has a localmodel entry of another content.
var ErrDiffers = errors.New("it has another localmodel entry already")

// Change is an edit worked out and not yet made.
type Change struct {
	Path    string
	Existed bool   // whether the file was there before
	Same    bool   // nothing is to do
	After   []byte // the new content; nil = the file is to be deleted

	file    *file
	restore string // the name of the backup that After equals; it is not needed any more
}

// Install works out how to add the entry to a client's file. Another entry of
// ours there is ErrDiffers, or gives way where replace is set.
func (c Client) Install(path string, e Entry, replace bool) (*Change, error) {
	f, err := open(path, c.root)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	ch := &Change{Path: path, Existed: f.exists, file: f}
	if !f.exists {
		ch.After = c.format.edit.fresh(c.format.servers, e)
		return ch, nil
	}
	text := f.text()
	have, err := c.format.edit.entry(text, c.format.servers)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	switch {
	case have != nil && reflect.DeepEqual(have, e.data()):
		ch.Same = true
		return ch, nil
	case have != nil && !replace:
		return nil, ErrDiffers
	case have != nil:
		if text, err = c.format.edit.remove(text, c.format.servers); err != nil {
			return nil, c.refuse(path, err)
		}
	}
	after, err := c.format.edit.insert(text, c.format.servers, e)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	ch.After = f.withMark(after)
	return ch, nil
}

// Uninstall works out how to take the entry out. Where nothing else changed
// since install, the file is as it was before, to the byte.
func (c Client) Uninstall(path string) (*Change, error) {
	f, err := open(path, c.root)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	ch := &Change{Path: path, Existed: f.exists, file: f}
	if !f.exists {
		ch.Same = true
		return ch, nil
	}
	text := f.text()
	have, err := c.format.edit.entry(text, c.format.servers)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	if have == nil {
		ch.Same = true
		return ch, nil
	}
	after, err := c.format.edit.remove(text, c.format.servers)
	if err != nil {
		return nil, c.refuse(path, err)
	}
	ch.After = f.withMark(after)
	c.original(ch, have)
	return ch, nil
}

// original looks for what the file was before install: the backup that install
// would turn into what is here, or no file at all.
func (c Client) original(ch *Change, have map[string]any) {
	e, ok := entryOf(c, have)
	if !ok {
		return
	}
	for _, name := range ch.file.backups() {
		old, err := ch.file.beside(name)
		if err != nil {
			continue
		}
		before := &file{raw: old}
		if there, err := c.format.edit.entry(before.text(), c.format.servers); err != nil || there != nil {
			continue
		}
		again, err := c.format.edit.insert(before.text(), c.format.servers, e)
		if err == nil && bytes.Equal(before.withMark(again), ch.file.raw) {
			ch.After, ch.restore = old, name
			return
		}
	}
	if bytes.Equal(ch.file.raw, c.format.edit.fresh(c.format.servers, e)) {
		ch.After = nil
	}
}

// entryOf reads an entry of ours back from a file, false where it has what
// install never writes. The order of variables is the file's business, so only
// entries with one variable at most are recognised.
func entryOf(c Client, have map[string]any) (Entry, bool) {
	e := Entry{fields: c.field}
	e.Command, _ = have["command"].(string)
	list, _ := have["args"].([]any)
	for _, a := range list {
		text, _ := a.(string)
		e.Args = append(e.Args, text)
	}
	env, _ := have["env"].(map[string]any)
	for k, v := range env {
		text, _ := v.(string)
		e.Env = append(e.Env, Variable{k, text})
	}
	return e, len(e.Env) <= 1 && reflect.DeepEqual(e.data(), have)
}

// Apply makes the change and returns the backup that it kept, if any.
func (ch *Change) Apply() (backup string, err error) {
	if ch.Same {
		return "", nil
	}
	if ch.After == nil {
		return "", ch.file.remove(ch.file.name)
	}
	if ch.Existed && ch.restore == "" {
		if backup, err = ch.file.backup(); err != nil {
			return "", fmt.Errorf("no backup of %s could be kept, so it was not changed: %w", ch.Path, err)
		}
	}
	if err := ch.file.replace(ch.After); err != nil {
		return backup, fmt.Errorf("%s was not changed: %w", ch.Path, err)
	}
	if ch.restore != "" {
		_ = ch.file.remove(ch.restore) // the file itself is that backup now
	}
	return backup, nil
}

// Diff shows the change as a unified diff.
func (ch *Change) Diff() string {
	if ch.Same {
		return ""
	}
	return diff(ch.Path, ch.file.raw, ch.After, ch.Existed)
}

// Snippet is a whole file with the entry alone, to paste from.
func (c Client) Snippet(e Entry) string {
	return string(c.format.edit.fresh(c.format.servers, e))
}

// Installed says whether the client's file has an entry of ours.
func (c Client) Installed(path string) (installed, exists bool, err error) {
	f, err := open(path, c.root)
	if err != nil || !f.exists {
		return false, false, err
	}
	entry, err := c.format.edit.entry(f.text(), c.format.servers)
	return entry != nil, true, err
}

func (c Client) refuse(path string, err error) error {
	return fmt.Errorf("%s cannot be edited: %w; nothing was changed", path, err)
}
