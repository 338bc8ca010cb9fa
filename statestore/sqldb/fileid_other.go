//go:build !linux

package sqldb

import (
	"io/fs"
	"os"
)

// fileID distinguishes files, also from one that has taken another's place.
type fileID struct{ fs.FileInfo }

// readFileID returns the id of the file at path.
func readFileID(path string) (*fileID, error) {
	info, err := os.Stat(path)
	return &fileID{info}, err
}

func (id *fileID) same(other *fileID) bool { return os.SameFile(id.FileInfo, other.FileInfo) }
