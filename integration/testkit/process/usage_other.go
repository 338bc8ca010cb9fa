//go:build !linux

package process

import "errors"

// ReadUsage is not possible here.
func ReadUsage(int) (Usage, error) {
	return Usage{}, errors.New("what a process uses is read from /proc, on Linux")
}
