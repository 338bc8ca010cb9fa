//go:build windows

package projection

import "io/fs"

// syncDir does nothing: Windows has no directory to flush, and NTFS journals
// its renames.
func syncDir(string) error { return nil }

// keepOwner does nothing: a new file takes its rights from the directory.
func keepOwner(string, fs.FileInfo) {}
