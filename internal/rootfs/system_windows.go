//go:build windows

package rootfs

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// nonblock is nothing here: a name beneath a Root cannot be a pipe or a device.
const nonblock = 0

// lockFile takes the exclusive lock of an open file without waiting.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

// sync does nothing: NTFS journals its renames.
func (r *Root) sync() error { return nil }

// keepOwner does nothing: a new file takes its rights from the directory.
func keepOwner(*os.File, fs.FileInfo) {}

// ours is true: the user's directories lie in the profile, which is closed to others.
func ours(fs.FileInfo) bool { return true }
