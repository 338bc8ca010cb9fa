package machine

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Free is the bytes that a directory, or the nearest one above it that is
// there, has room for; 0 where they are not known.
func Free(dir string) int64 {
	for {
		var free uint64
		name, err := windows.UTF16PtrFromString(dir)
		if err == nil && windows.GetDiskFreeSpaceEx(name, &free, nil, nil) == nil {
			return int64(free) //nolint:gosec // no disk has so much
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0
		}
		dir = above
	}
}
