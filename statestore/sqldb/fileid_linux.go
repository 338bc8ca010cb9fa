package sqldb

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileID distinguishes files, also from one that has taken another's place.
type fileID struct {
	major, minor uint32 // of its device
	inode        uint64
}

// readFileID returns the id of the file at path.
//
// It asks for no times: from Linux 6.13 on, a file whose times were read has its
// inode written again at the next flush, a third of the time of a flush.
func readFileID(path string) (*fileID, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO, &st)
	if err == nil && st.Mask&unix.STATX_INO != 0 {
		return &fileID{st.Dev_major, st.Dev_minor, st.Ino}, nil
	}
	info, err := os.Stat(path) // before Linux 4.11, and where statx is forbidden
	if err != nil {
		return nil, err
	}
	old, _ := info.Sys().(*syscall.Stat_t)
	return &fileID{unix.Major(old.Dev), unix.Minor(old.Dev), old.Ino}, nil
}

func (id *fileID) same(other *fileID) bool { return *id == *other }
