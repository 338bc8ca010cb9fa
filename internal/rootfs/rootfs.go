// Package rootfs reads and writes files beneath a directory whose content may be
// hostile, as that of a project is. It is the only code that opens a path which
// came from outside.
//
// Nothing outside of the directory is reached: neither by "..", nor by a link,
// nor by one that is put there while a call runs. Files are opened without
// blocking, looked at on the open handle, and are regular files or an error.
// Reads are bounded in size, JSON in nesting too. Writing follows no link in any
// component, and replaces a file whole: temporary file, flush, rename, flush of
// the directory. Every operation ends with its context, also where a file
// system does not answer.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/internal/winpath"
)

// Errors that a caller distinguishes, beside fs.ErrNotExist and fs.ErrPermission.
var (
	ErrOutside    = errors.New("is outside the directory")
	ErrNotRegular = errors.New("is not a regular file")
	ErrTooLarge   = errors.New("is too large")
	ErrLink       = errors.New("is reached through a link, which is not followed for writing")
	ErrLocked     = errors.New("is locked by another process")
)

// SizeError is the ErrTooLarge of a file. Size and Limit are in bytes.
type SizeError struct{ Size, Limit int64 }

func (e *SizeError) Error() string {
	return fmt.Sprintf("has %d bytes, more than the %d that are read", e.Size, e.Limit)
}

// Is makes it an ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }

// KindError is the ErrNotRegular of what is no regular file.
type KindError struct{ Mode fs.FileMode }

func (e *KindError) Error() string {
	switch {
	case e.Mode.IsDir():
		return "is a directory"
	case e.Mode&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case e.Mode&fs.ModeNamedPipe != 0:
		return "is a named pipe"
	case e.Mode&fs.ModeSocket != 0:
		return "is a socket"
	case e.Mode&fs.ModeDevice != 0:
		return "is a device"
	case e.Mode.IsRegular():
		return "is not a directory"
	}
	return "is not a regular file"
}

// Is makes it an ErrNotRegular.
func (e *KindError) Is(target error) bool { return target == ErrNotRegular }

// Root is an open directory. Its methods may be called from several goroutines.
// Names are relative to it, with the system's separators.
type Root struct{ dir *os.Root }

// Open opens a directory. The path itself is the caller's: links in it are
// followed. The caller closes the Root.
func Open(ctx context.Context, dir string) (*Root, error) {
	return call(ctx, "open", dir, (*Root).drop, func() (*Root, error) {
		// The dot makes the system refuse what is no directory, a pipe above
		// all, instead of waiting for its other end.
		root, err := os.OpenRoot(filepath.Clean(dir) + string(filepath.Separator) + ".")
		if err != nil {
			return nil, err
		}
		return &Root{root}, nil
	})
}

// Private opens a directory of the user's own, for this program alone, and
// creates what is missing of it with mode 0700, whatever the umask.
func Private(ctx context.Context, dir string) (*Root, error) {
	if _, err := Within(ctx, func() (none, error) { return none{}, MakePrivate(dir) }); err != nil {
		return nil, err
	}
	return Open(ctx, dir)
}

// Own reports whether a directory for this program alone is the user's or root's, or
// is not there yet: in a shared place another user may have made it, or a link in
// its stead, to be read as the user's own.
func Own(ctx context.Context, dir string) bool {
	own, err := Within(ctx, func() (bool, error) {
		for _, look := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
			info, err := look(dir)
			if err != nil {
				return true, nil //nolint:nilerr // then nothing in it can be read either
			}
			if !ours(info) {
				return false, nil
			}
		}
		return true, nil
	})
	return own && err == nil
}

// MakePrivate creates what is missing of a directory of the user's own with mode
// 0700, whatever the umask, durably. What is there stays as it is.
func MakePrivate(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MakePrivate(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process, or opening it will say what it is
	}
	if err != nil {
		return err
	}
	SyncDir(parent)
	return os.Chmod(dir, 0o700) //nolint:gosec // a directory needs its x
}

// SyncDir makes a new entry of a directory of the user's own durable, as far as
// the system can (Windows has nothing to flush).
func SyncDir(dir string) {
	if f, err := os.Open(dir); err == nil { //nolint:gosec // the user's own directory
		_ = f.Sync()
		_ = f.Close()
	}
}

// Close closes the directory.
func (r *Root) Close() error { return r.dir.Close() }

func (r *Root) drop() { _ = r.dir.Close() }

// Name is the path the directory was opened by.
func (r *Root) Name() string { return strings.TrimSuffix(r.dir.Name(), string(filepath.Separator)+".") }

// Rel turns a path, absolute or relative to the root, into a name of this Root:
// links are resolved, so that one that leads out of the root and back in is
// found. It returns ErrOutside, whether something is there or not, or
// fs.ErrNotExist where nothing is there beneath the root. What it returned may
// have changed meanwhile: only opening it through the Root is safe.
func (r *Root) Rel(ctx context.Context, path string) (string, error) {
	return within(ctx, nil, func() (string, error) {
		root, err := resolved(r.Name())
		if err != nil {
			return "", unwrap(err)
		}
		if strings.ContainsRune(path, 0) {
			return "", errors.New("has a NUL in its name")
		}
		full := winpath.Clean(path)
		if !filepath.IsAbs(full) {
			full = filepath.Join(root, full)
		}
		at, missing := follow(full)
		real, err := resolved(at)
		if err != nil {
			return "", unwrap(err)
		}
		rel, err := filepath.Rel(root, real)
		switch {
		case err != nil || !filepath.IsLocal(rel): // not local: "..", on Windows also CON, NUL and the like
			return "", ErrOutside
		case missing != nil:
			return "", unwrap(missing)
		}
		return rel, nil
	})
}

// resolved is a path with its links followed, in its one form.
func resolved(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	return winpath.Clean(real), err
}

// Sub opens a directory beneath the root without following any link.
func (r *Root) Sub(ctx context.Context, name string) (*Root, error) {
	return r.Make(ctx, name, 0)
}

// Make is Sub, and creates what is missing with mode perm, under the umask.
func (r *Root) Make(ctx context.Context, name string, perm fs.FileMode) (*Root, error) {
	return call(ctx, "open", name, (*Root).drop, func() (*Root, error) { return r.walk(name, perm) })
}

// walk opens a directory component by component. Each is compared, once open,
// with what its parent holds under the name: a link that was followed is
// another file than itself. perm 0 creates nothing.
func (r *Root) walk(name string, perm fs.FileMode) (*Root, error) {
	if !filepath.IsLocal(name) {
		return nil, ErrOutside
	}
	at, err := r.dir.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	for _, element := range strings.Split(filepath.Clean(name), string(filepath.Separator)) {
		if element == "." {
			continue
		}
		next, err := step(at, element, perm)
		_ = at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return &Root{at}, nil
}

func step(at *os.Root, element string, perm fs.FileMode) (*os.Root, error) {
	entry, err := at.Lstat(element)
	if errors.Is(err, fs.ErrNotExist) && perm != 0 {
		if err = at.Mkdir(element, perm); err == nil || errors.Is(err, fs.ErrExist) {
			entry, err = at.Lstat(element)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case entry.Mode()&fs.ModeSymlink != 0:
		return nil, ErrLink
	case !entry.IsDir():
		return nil, &KindError{entry.Mode()}
	}
	next, err := at.OpenRoot(element + string(filepath.Separator) + ".") // see Open
	if err != nil {
		return nil, err
	}
	opened, err := next.Stat(".")
	if err == nil && !os.SameFile(entry, opened) {
		err = ErrLink
	}
	if err != nil {
		_ = next.Close()
		return nil, err
	}
	return next, nil
}

// parent opens the directory of a name as walk does, for writing into it.
func (r *Root) parent(name string, perm fs.FileMode) (dir *Root, base string, err error) {
	clean := filepath.Clean(name)
	if base = filepath.Base(clean); !filepath.IsLocal(clean) || base == "." {
		return nil, "", ErrOutside
	}
	dir, err = r.walk(filepath.Dir(clean), perm)
	return dir, base, err
}

// unwrap takes the path out of an error of the os package, whose paths are not
// the ones that a person knows, and names what leads out of the root.
func unwrap(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	if err != nil && err.Error() == "path escapes from parent" { // os exports no value for it
		return ErrOutside
	}
	return err
}
