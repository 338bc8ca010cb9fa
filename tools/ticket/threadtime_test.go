//go:build !linux

package ticket_test

import "time"

var began = time.Now()

// threadTime is the time that has gone by.
func threadTime() time.Duration { return time.Since(began) }
