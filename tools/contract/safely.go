package contract

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that Safely caught.
type PanicError struct {
	Value any
	Stack []byte // where
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Safely calls f and turns a panic into an error: a bug costs one answer, not
// the session. Every goroutine that a handler starts needs its own.
func Safely[T any](f func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	return f()
}
