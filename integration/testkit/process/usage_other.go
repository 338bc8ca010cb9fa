//go:build !linux

package process

import (
	"errors"
	"time"
)

// Usage is what a running process holds and has used.
type Usage struct {
	RSS, PeakRSS int      // bytes
	Own          int      // bytes of RSS that no file backs
	Files        []string // what its open files are
	Threads      int
	CPU          time.Duration // of the threads that live
	Spawned      int           // page faults of children that it has waited for; 0 = it had none
}

// ReadUsage is not possible here.
func ReadUsage(int) (Usage, error) {
	return Usage{}, errors.New("what a process uses is read from /proc, on Linux")
}
