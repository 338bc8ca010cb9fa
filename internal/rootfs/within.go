package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"
)

// maxStuck bounds the operations whose caller has gone while the file system
// did not answer. Each of them holds a thread.
const maxStuck = 32

var stuck atomic.Int32

var errStuck = errors.New("the file system does not answer")

// within returns with ctx, whatever f does. What f returns later goes to drop.
func within[T any](ctx context.Context, drop func(T), f func() (T, error)) (T, error) {
	var zero T
	if ctx.Done() == nil {
		return f()
	}
	if ctx.Err() != nil {
		return zero, context.Cause(ctx)
	}
	if stuck.Load() >= maxStuck {
		return zero, errStuck
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
			return zero, context.Cause(ctx)
		}
		stuck.Add(-1) // it has just been done
		o := <-done
		return o.value, o.err
	}
}

// Within runs f, whose file operations may hang where a file system does not
// answer, for at most as long as ctx.
func Within[T any](ctx context.Context, f func() (T, error)) (T, error) { return within(ctx, nil, f) }

// call is within, with an error that names the operation and the file.
func call[T any](ctx context.Context, op, name string, drop func(T), f func() (T, error)) (T, error) {
	value, err := within(ctx, drop, f)
	if err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: unwrap(err)}
	}
	return value, err
}

// none is what an operation without a result returns.
type none = struct{}

// inParent is call of f with the directory of a name, opened as walk does, and
// the name's last element.
func inParent[T any](ctx context.Context, r *Root, op, name string, perm fs.FileMode, drop func(T),
	f func(dir *Root, base string) (T, error)) (T, error) {
	return call(ctx, op, name, drop, func() (value T, err error) {
		dir, base, err := r.parent(name, perm)
		if err != nil {
			return value, err
		}
		defer dir.drop()
		return f(dir, base)
	})
}
