package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

var bom = []byte("\xef\xbb\xbf")

// Bounds of what is read; clients' files are a few kilobytes. The brackets bound
// the nesting before a parser that recurses sees the file, and the commas the
// values, each of which takes it a hundred bytes and more, whatever is in comments
// and strings.
const (
	maxFile     = 8 << 20
	maxBrackets = 20_000
	maxCommas   = 200_000
)

type file struct {
	path   string // as the client knows it
	root   string // the directory beneath which it is
	name   string // in root
	mode   fs.FileMode
	exists bool
	raw    []byte
}

// open reads a client's file. In a project, whose root is given, no link is
// followed; one of the user's own may be a link to where the user keeps it.
func open(path, project string) (*file, error) {
	f := &file{path: path, mode: 0o644, root: filepath.Dir(path), name: filepath.Base(path)}
	if project != "" {
		name, err := filepath.Rel(project, path)
		if err != nil {
			return nil, err
		}
		f.root, f.name = project, name
	} else if resolved, err := filepath.EvalSymlinks(path); err == nil {
		f.root, f.name = filepath.Dir(resolved), filepath.Base(resolved)
	} else if link, e := os.Readlink(path); e == nil {
		return nil, fmt.Errorf("it is a link to %s, which is not there", link)
	}
	err := f.read()
	var kind *rootfs.KindError
	var size *rootfs.SizeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case errors.As(err, &kind):
		return nil, errors.New("it " + kind.Error())
	case errors.As(err, &size):
		return nil, fmt.Errorf("it has %d bytes, more than any configuration", size.Size)
	case errors.Is(err, rootfs.ErrLink):
		return nil, errors.New("it " + rootfs.ErrLink.Error())
	}
	return f, err
}

func (f *file) read() error {
	root, err := rootfs.Open(context.Background(), f.root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only read
	info, err := root.Lstat(context.Background(), f.name)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return rootfs.ErrLink
	}
	f.raw, err = root.Read(context.Background(), f.name, maxFile)
	switch {
	case err != nil:
	case bytes.Count(f.raw, []byte("["))+bytes.Count(f.raw, []byte("{")) > maxBrackets:
		err = fmt.Errorf("it has more than %d brackets, more than any configuration", maxBrackets)
	case bytes.Count(f.raw, []byte(",")) > maxCommas:
		err = fmt.Errorf("it has more than %d commas, more than any configuration", maxCommas)
	}
	f.exists, f.mode = err == nil, info.Mode().Perm()
	return err
}

// text is the document without its byte order mark.
func (f *file) text() []byte { return bytes.TrimPrefix(f.raw, bom) }

// withMark puts the mark back that text left out.
func (f *file) withMark(text []byte) []byte {
	if bytes.HasPrefix(f.raw, bom) {
		return append(bytes.Clone(bom), text...)
	}
	return text
}

// replace writes new content in one step: a reader sees the old file or the new
// one. What another program wrote in between is not overwritten.
func (f *file) replace(content []byte) error {
	now := *f
	now.exists, now.raw = false, nil
	if err := now.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if now.exists != f.exists || !bytes.Equal(now.raw, f.raw) {
		return errors.New("another program changed it just now; try again")
	}
	return f.write(f.name, content)
}

// write writes the file, or one beside it. Directories are made as the client
// itself would make them.
func (f *file) write(name string, content []byte) error {
	if err := os.MkdirAll(f.root, 0o755); err != nil { //nolint:gosec // see above
		return err
	}
	path := filepath.Join(f.root, name)
	return rootfs.WriteNamed(context.Background(), f.root, path, content, rootfs.Write{Perm: f.mode, Dirs: 0o755})
}

func (f *file) remove(name string) error {
	root, err := rootfs.Open(context.Background(), f.root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	return root.Remove(context.Background(), name)
}

func (f *file) beside(name string) ([]byte, error) {
	return rootfs.ReadFile(context.Background(), f.root, name, maxFile)
}

// backupName is the n-th backup of a file, beside it.
func (f *file) backupName(n int) string {
	if n == 1 {
		return f.name + ".before-localmodel"
	}
	return fmt.Sprintf("%s.before-localmodel-%d", f.name, n)
}

// backup keeps the content as it was read, under a name that is free.
func (f *file) backup() (string, error) {
	for n := 1; n < 100; n++ {
		name := f.backupName(n)
		have, err := f.beside(name)
		if err == nil && !bytes.Equal(have, f.raw) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = f.write(name, f.raw)
		}
		return filepath.Join(f.root, name), err
	}
	return "", fmt.Errorf("%s and 98 others are there already; delete old ones", filepath.Join(f.root, f.backupName(1)))
}

// backups are the names of the kept contents, newest first.
func (f *file) backups() (names []string) {
	for n := 99; n > 0; n-- {
		if _, err := f.beside(f.backupName(n)); err == nil {
			names = append(names, f.backupName(n))
		}
	}
	return names
}
