//go:build !windows

package machine

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free is the bytes that a directory, or the nearest one above it that is
// there, has room for; 0 where they are not known.
func Free(dir string) int64 {
	for {
		var stat unix.Statfs_t
		if unix.Statfs(dir, &stat) == nil {
			return int64(stat.Bavail) * int64(stat.Bsize) //nolint:gosec,unconvert // no disk has so much; the types differ between systems
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0
		}
		dir = above
	}
}
