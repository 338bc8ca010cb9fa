//go:build unix

package slots

import "syscall"

func asPipe(path string) error { return syscall.Mkfifo(path, 0o600) }
