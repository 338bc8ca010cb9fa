package rootfs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Write says how Replace writes.
type Write struct {
	// Perm is the mode of a new file, under the umask; one that gives nothing to
	// others is set whatever the umask. A file that is there keeps its mode and,
	// where the system allows it, its owner.
	Perm fs.FileMode
	// Dirs is the mode of directories that are created for it; 0 = none are.
	Dirs fs.FileMode
	// Before, if set, is called before the file takes its place, which its error prevents.
	Before func() error
}

// Replace writes a file whole: a reader sees the old content or the new one, also
// after a crash. It follows no link: where a component of the name is one, or
// what is there is no regular file, nothing is written.
func (r *Root) Replace(ctx context.Context, name string, data []byte, w Write) error {
	_, err := inParent(ctx, r, "write", name, w.Dirs, nil, func(dir *Root, base string) (none, error) {
		old, err := dir.regular(base)
		if err != nil {
			return none{}, err
		}
		return none{}, dir.replace(base, data, old, w)
	})
	return err
}

// regular describes a regular file, nil where there is nothing; else it fails.
func (r *Root) regular(base string) (fs.FileInfo, error) {
	info, err := r.dir.Lstat(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, ErrLink
	case !info.Mode().IsRegular():
		return nil, &KindError{info.Mode()}
	}
	return info, nil
}

func (r *Root) replace(base string, data []byte, old fs.FileInfo, w Write) (err error) {
	temporary := temporaryName(base)
	f, err := r.dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.Perm) // O_EXCL follows no link
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = r.dir.Remove(temporary)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = setMode(f, old, w.Perm)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if w.Before != nil {
		if err = w.Before(); err != nil {
			return err
		}
	}
	if err = r.dir.Rename(temporary, base); err != nil { // replaces a link, never follows it
		return err
	}
	return r.sync()
}

// setMode gives a new file the mode and the owner it is to have.
func setMode(f *os.File, old fs.FileInfo, perm fs.FileMode) error {
	if old != nil {
		keepOwner(f, old)
		return f.Chmod(old.Mode().Perm())
	}
	if perm&0o077 == 0 {
		return f.Chmod(perm)
	}
	return nil
}

func temporaryName(base string) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return "." + base + ".tmp-" + hex.EncodeToString(random[:])
}

var temporaryPattern = lazy.Regexp(`^\.(.+)\.tmp-[0-9a-f]{16}$`)

// Sweep removes the temporary files that killed writers of a name, or of its copies
// NAME.SUFFIX, left beside it. The caller holds the lock under which they are written.
func (r *Root) Sweep(ctx context.Context, name string) error {
	_, err := inParent(ctx, r, "sweep", name, 0, nil, func(dir *Root, base string) (none, error) {
		f, err := dir.dir.Open(".")
		if err != nil {
			return none{}, err
		}
		defer f.Close() //nolint:errcheck // only read
		names, err := f.Readdirnames(-1)
		for _, n := range names {
			if m := temporaryPattern().FindStringSubmatch(n); m != nil && (m[1] == base || strings.HasPrefix(m[1], base+".")) {
				_ = dir.dir.Remove(n) // it harms nobody where it stays
			}
		}
		return none{}, err
	})
	return err
}

// Append opens a regular file to write at its end, and creates it with mode
// 0600 where it is missing. No link is followed. The caller closes it.
func (r *Root) Append(ctx context.Context, name string) (*os.File, error) {
	closeFile := func(f *os.File) { _ = f.Close() }
	return inParent(ctx, r, "open", name, 0, closeFile, func(dir *Root, base string) (*os.File, error) {
		return dir.openForWriting(base, os.O_WRONLY|os.O_APPEND)
	})
}

// openForWriting opens a file of this directory that is there, or creates it with
// mode 0600. What was opened is what has the name, so no link was followed.
func (r *Root) openForWriting(base string, flag int) (*os.File, error) {
	for range 3 { // another process may create or remove it meanwhile
		if _, err := r.regular(base); err != nil {
			return nil, err
		}
		f, err := r.dir.OpenFile(base, flag|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return f, setMode(f, nil, 0o600)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, info, err := r.open(base, flag)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if entry, err := r.dir.Lstat(base); err == nil && os.SameFile(entry, info) {
			return f, nil
		}
		_ = f.Close()
	}
	return nil, ErrLink
}

// Remove removes a file or an empty directory; a link itself, not what it leads
// to. No link is followed on the way.
func (r *Root) Remove(ctx context.Context, name string) error {
	_, err := inParent(ctx, r, "remove", name, 0, nil, func(dir *Root, base string) (none, error) {
		return none{}, dir.dir.Remove(base)
	})
	return err
}
