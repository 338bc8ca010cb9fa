package machine

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Memory is the bytes of this machine, or of the container it is; 0 where they
// are not known.
func Memory() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit) //nolint:gosec,unconvert // no machine has so much; the field is 32 bits wide on some
	if data, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && limit < total {
			return limit
		}
	}
	return total
}
