package machine

import (
	"encoding/binary"
	"syscall"
)

// Memory is the bytes of this machine; 0 where they are not known.
func Memory() int64 {
	// Sysctl takes the value for a string and cuts one zero byte off its end.
	raw, err := syscall.Sysctl("hw.memsize")
	if err != nil || len(raw) > 8 {
		return 0
	}
	value := make([]byte, 8)
	copy(value, raw)
	return int64(binary.LittleEndian.Uint64(value)) //nolint:gosec // no machine has so much
}
