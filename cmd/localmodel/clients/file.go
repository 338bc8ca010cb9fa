package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var bom = []byte("\xef\xbb\xbf")

// maxFile bounds what is read; clients' files are a few kilobytes.
const maxFile = 8 << 20

// file is a configuration file as it was read.
type file struct {
	path   string // as the client knows it
	target string // where the bytes are, symbolic links resolved
	mode   fs.FileMode
	exists bool
	raw    []byte
}

func open(path string) (*file, error) {
	f := &file{path: path, target: path, mode: 0o644}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		f.target = resolved
	} else if link, e := os.Readlink(path); e == nil {
		return nil, fmt.Errorf("it is a link to %s, which is not there", link)
	}
	info, err := os.Stat(f.target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it has %d bytes, more than any configuration", info.Size())
	}
	f.exists, f.mode = true, info.Mode().Perm()
	f.raw, err = os.ReadFile(f.target)
	return f, err
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
	now, err := open(f.path)
	if err != nil {
		return err
	}
	if now.exists != f.exists || !bytes.Equal(now.raw, f.raw) {
		return errors.New("another program changed it just now; try again")
	}
	dir := filepath.Dir(f.target)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as the client itself would make it
		return err
	}
	return writeWhole(f.target, content, f.mode)
}

func writeWhole(path string, content []byte, mode fs.FileMode) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name()) //nolint:errcheck // the first error is the one to tell
		}
	}()
	_, err = t.Write(content)
	if err == nil {
		err = t.Chmod(mode)
	}
	if err == nil {
		err = t.Sync()
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(t.Name(), path)
}

// backupPath is the n-th backup of a file, beside it.
func (f *file) backupPath(n int) string {
	if n == 1 {
		return f.target + ".before-localmodel"
	}
	return fmt.Sprintf("%s.before-localmodel-%d", f.target, n)
}

// backup keeps the content as it was read, under a name that is free.
func (f *file) backup() (string, error) {
	for n := 1; n < 100; n++ {
		path := f.backupPath(n)
		if have, err := os.ReadFile(path); err == nil { //nolint:gosec // a name made here
			if bytes.Equal(have, f.raw) {
				return path, nil
			}
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return path, writeWhole(path, f.raw, f.mode)
	}
	return "", fmt.Errorf("%s and 98 others are there already; delete old ones", f.backupPath(1))
}

// backups are the kept contents, newest first.
func (f *file) backups() (paths []string) {
	for n := 1; n < 100; n++ {
		if _, err := os.Stat(f.backupPath(n)); err == nil {
			paths = append([]string{f.backupPath(n)}, paths...)
		}
	}
	return paths
}
