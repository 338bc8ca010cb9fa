//go:build unix

package attacks

import (
	"os"
	"runtime"
	"syscall"
)

// peak is the most memory that a process that ended had, in bytes.
func peak(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
