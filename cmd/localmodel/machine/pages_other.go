//go:build !linux

package machine

// ReleaseProgram does something on Linux alone.
func ReleaseProgram() {}
