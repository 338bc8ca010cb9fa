package rootfs

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

// Read reads a regular file of at most limit bytes. A link is followed where it
// stays inside the root. A larger file is a *SizeError and is not read, what is
// no regular file a *KindError.
func (r *Root) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	return call(ctx, "read", name, nil, func() ([]byte, error) {
		f, info, err := r.open(name, os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		return readAll(f, info.Size(), limit)
	})
}

// ReadNoLink is Read that follows no link, in no component of the name.
func (r *Root) ReadNoLink(ctx context.Context, name string, limit int64) ([]byte, error) {
	return inParent(ctx, r, "read", name, 0, nil, func(dir *Root, base string) ([]byte, error) {
		entry, err := dir.regular(base)
		if err == nil && entry == nil {
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, err
		}
		f, info, err := dir.open(base, os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		defer f.Close()                //nolint:errcheck // only read
		if !os.SameFile(entry, info) { // replaced in between, by a link or by another file
			if entry, err = dir.regular(base); err != nil || entry == nil || !os.SameFile(entry, info) {
				return nil, ErrLink
			}
		}
		return readAll(f, info.Size(), limit)
	})
}

// readAll reads an open file, which may have grown since its size was asked.
func readAll(f io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, &SizeError{Size: size, Limit: limit}
	}
	data := make([]byte, 0, size+1) // the last byte is for the end to be found
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, &SizeError{Size: int64(len(data)), Limit: limit}
		case err == io.EOF: //nolint:errorlint // a reader returns it bare
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = slices.Grow(data, 4096)
		}
	}
}

// ReadJSON is Read, and returns jsondepth.ErrTooDeep for what no library must see.
func (r *Root) ReadJSON(ctx context.Context, name string, limit int64) ([]byte, error) {
	data, err := r.Read(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	if err := jsondepth.Check(data); err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// Stat describes what is under a name; a link is followed inside the root.
func (r *Root) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	return call(ctx, "stat", name, nil, func() (fs.FileInfo, error) { return r.dir.Stat(name) })
}

// Lstat describes what is under a name itself, a link too, and follows none to it.
func (r *Root) Lstat(ctx context.Context, name string) (fs.FileInfo, error) {
	return inParent(ctx, r, "lstat", name, 0, nil, func(dir *Root, base string) (fs.FileInfo, error) {
		return dir.dir.Lstat(base)
	})
}

// List returns the names in a directory in their order, at most limit of them;
// more is true where there are others.
func (r *Root) List(ctx context.Context, name string, limit int) (entries []fs.DirEntry, more bool, err error) {
	entries, err = call(ctx, "list", name, nil, func() ([]fs.DirEntry, error) {
		dir, err := r.walk(name, 0)
		if err != nil {
			return nil, err
		}
		defer dir.drop()
		f, err := dir.dir.Open(".")
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		entries, err := f.ReadDir(limit + 1)
		if err == io.EOF { //nolint:errorlint // as above
			err = nil
		}
		return entries, err
	})
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	if more = len(entries) > limit; more {
		entries = entries[:limit]
	}
	return entries, more, err
}

// open opens a regular file without blocking and looks at what it opened.
func (r *Root) open(name string, flag int) (*os.File, fs.FileInfo, error) {
	return regularFile(r.dir.OpenFile(name, flag|nonblock, 0))
}

// regularFile looks at what was opened.
func regularFile(f *os.File, err error) (*os.File, fs.FileInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &KindError{info.Mode()}
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// ReadFile is Read beneath a directory that is opened for this one file.
func ReadFile(ctx context.Context, dir, name string, limit int64) ([]byte, error) {
	root, err := Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer root.drop()
	return root.Read(ctx, name, limit)
}

// ReadNamed is Read of a file that the user named, wherever it is: links are
// followed, also out of its directory. Without blocking, regular files only.
func ReadNamed(ctx context.Context, path string, limit int64) ([]byte, error) {
	return call(ctx, "read", path, nil, func() ([]byte, error) {
		f, info, err := regularFile(os.OpenFile(path, os.O_RDONLY|nonblock, 0)) //nolint:gosec // the user's own choice
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		return readAll(f, info.Size(), limit)
	})
}

// ReadArgument reads a file that the user named on the command line, a pipe too,
// for which it waits as a shell's user expects.
func ReadArgument(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the user's own choice
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := readAll(f, 0, limit)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: unwrap(err)}
	}
	return data, nil
}
