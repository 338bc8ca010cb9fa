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
	return inBytes(usage)
}

// inherited is what the system may count as a child's before it runs its own
// program: the memory of this process, which is large under the race detector.
func inherited() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return inBytes(&usage)
}

func inBytes(usage *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
