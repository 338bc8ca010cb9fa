//go:build unix

package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

// lockFile takes the exclusive lock of an open file without waiting.
func lockFile(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = raw.Control(func(fd uintptr) {
		for {
			locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
			if !errors.Is(locked, syscall.EINTR) {
				return
			}
		}
	})
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return errors.Join(err, locked)
}

// sync makes a rename in the directory durable.
func (r *Root) sync() error {
	f, err := r.dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	return f.Sync()
}

// keepOwner gives a new file the owner of the old one, where that is allowed:
// root must not take a user's file over.
func keepOwner(f *os.File, old fs.FileInfo) {
	st, ok := old.Sys().(*syscall.Stat_t)
	if ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // else it is the writer's
	}
}

// ours reports whether a file is this user's or root's. Root is nobody's victim
// here: it may use what it was given of a user's.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Uid == 0 || os.Geteuid() == 0 || int(st.Uid) == os.Geteuid()
}
