package machine

import "golang.org/x/sys/unix"

// Memory is the bytes of this machine; 0 where they are not known.
func Memory() int64 {
	bytes, _ := unix.SysctlUint64("hw.memsize") // 0 where it fails
	return int64(bytes)                         //nolint:gosec // no machine has so much
}
