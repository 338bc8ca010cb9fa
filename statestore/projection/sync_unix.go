//go:build unix

package projection

import (
	"io/fs"
	"os"
	"syscall"
)

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the project's own directory
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only read
	return d.Sync()
}

// keepOwner gives a new file the owner of the old one, where that is allowed:
// root must not take a user's file over.
func keepOwner(name string, old fs.FileInfo) {
	if old == nil {
		return
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
		_ = os.Chown(name, int(st.Uid), int(st.Gid)) // else it is the writer's
	}
}
