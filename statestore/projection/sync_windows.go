//go:build windows

package projection

// syncDir does nothing: Windows has no directory to flush, and NTFS journals
// its renames.
func syncDir(string) error { return nil }
