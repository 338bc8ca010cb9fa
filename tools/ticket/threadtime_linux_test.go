package ticket_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time this thread has had, to the nanosecond:
// getrusage counts in ticks of some milliseconds.
func threadTime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}
