//go:build !linux

package statestore

import "os"

func fdatasync(f *os.File) error { return f.Sync() }
