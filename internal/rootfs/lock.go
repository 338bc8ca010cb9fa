package rootfs

import (
	"context"
	"errors"
	"os"
	"time"
)

// Lock is a lock of the whole machine, which the system frees with its process.
type Lock struct{ file *os.File }

// TryLock takes the lock of a name, whose file is created with mode 0600 where it
// is missing; no link is followed. It returns ErrLocked where another holds it.
// What is in the way, such as a pipe or a directory, is a *KindError.
func (r *Root) TryLock(ctx context.Context, name string) (*Lock, error) {
	return inParent(ctx, r, "lock", name, 0, (*Lock).Unlock, (*Root).tryLock)
}

func (r *Root) tryLock(base string) (*Lock, error) {
	for range 3 { // its holder may remove the file as it leaves
		f, err := r.openForWriting(base, os.O_RDWR)
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err != nil {
			_ = f.Close()
			return nil, err
		}
		held, err := f.Stat()
		entry, err2 := r.dir.Lstat(base)
		if err == nil && err2 == nil && os.SameFile(held, entry) {
			return &Lock{f}, nil
		}
		_ = f.Close()
	}
	return nil, ErrLocked
}

// Lock is TryLock that waits until ctx ends and asks again each interval.
func (r *Root) Lock(ctx context.Context, name string, interval time.Duration) (*Lock, error) {
	for {
		l, err := r.TryLock(ctx, name)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		case <-time.After(interval):
		}
	}
}

// Unlock gives the lock back. The file stays.
func (l *Lock) Unlock() { _ = l.file.Close() } // the lock goes with the handle
