package rootfs

import (
	"context"
	"errors"
	"sync/atomic"
)

// maxStuck bounds the operations whose caller has gone while the file system
// did not answer. Each of them holds a thread.
const maxStuck = 32

var stuck atomic.Int32

var errStuck = errors.New("the file system does not answer")

// within runs f and returns with ctx, whatever f does. What f returns later goes
// to drop.
func within[T any](ctx context.Context, drop func(T), f func() (T, error)) (T, error) {
	var none T
	if ctx.Done() == nil {
		return f()
	}
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	if stuck.Load() >= maxStuck {
		return none, errStuck
	}
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	var state atomic.Int32 // 1 = the one who came first
	go func() {
		value, err := f()
		if state.CompareAndSwap(0, 1) {
			done <- outcome{value, err}
			return
		}
		stuck.Add(-1)
		if err == nil && drop != nil {
			drop(value)
		}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		stuck.Add(1)
		if state.CompareAndSwap(0, 1) {
			return none, context.Cause(ctx)
		}
		stuck.Add(-1) // it has just been done
		o := <-done
		return o.value, o.err
	}
}

// do is within for what returns no value.
func do(ctx context.Context, f func() error) error {
	_, err := within(ctx, nil, func() (struct{}, error) { return struct{}{}, f() })
	return err
}
