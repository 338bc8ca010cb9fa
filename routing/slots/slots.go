// Package slots limits what all localmodel processes of a user do at once to one
// model server: lock files in a directory of the user's own, which the system
// frees when their process dies, and a queue, first come, first served.
package slots

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// lockPoll is how often the first in the queue looks for a free lock; those
// behind look less often.
const (
	lockPoll    = 25 * time.Millisecond
	slowestPoll = 200 * time.Millisecond
)

// Server is one model server with a number of slots.
type Server struct {
	dir, address string
	slots        int

	mu   sync.Mutex
	open *directory // nil until it is first used
}

// New names the server; nothing is touched yet. dir is a directory of the
// user's own, address the server's URL: what leads to the same server, such as
// localhost and 127.0.0.1, shares its slots. n is at least 1.
func New(dir, address string, n int) *Server {
	return &Server{dir: dir, address: address, slots: max(n, 1)}
}

// Slots is how many there are.
func (s *Server) Slots() int { return s.slots }

// WaitError says that no slot became free before the context ended.
type WaitError struct {
	Waited time.Duration
	Ahead  int // calls that were ahead in the queue
	Err    error
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("no local slot within %s, %d calls were ahead", e.Waited.Round(time.Second), e.Ahead)
}

func (e *WaitError) Unwrap() error { return e.Err }

// FilesError says that the lock files cannot be used, so that there is no limit:
// best effort, the call proceeds.
type FilesError struct {
	Dir string
	Err error
}

func (e *FilesError) Error() string {
	return fmt.Sprintf("the lock files in %s cannot be used, so local calls are not limited: %v", e.Dir, e.Err)
}

func (e *FilesError) Unwrap() error { return e.Err }

// Acquire waits for a slot. Once it has to wait it calls waiting, if that is
// set, with a function that says how many are ahead, and what waiting returned
// at the end of the wait. The error is a *WaitError, or a *FilesError with a
// release that is to be called as well.
func (s *Server) Acquire(ctx context.Context, waiting func(ahead func() int) (done func())) (func(), error) {
	dir, err := s.directory(ctx)
	if err != nil {
		return func() {}, s.failed(ctx, err)
	}
	if dir.nobodyWaits(ctx) {
		if release, err := dir.tryLocks(ctx, s.slots); release != nil {
			return release, s.failed(ctx, err)
		}
	}
	start := time.Now()
	place, err := dir.enqueue(ctx)
	if err != nil {
		return func() {}, s.failed(ctx, err)
	}
	defer place.leave()
	ahead := func() int { return int(place.ahead.Load()) }
	if waiting != nil {
		defer waiting(ahead)()
	}
	for {
		if place.first(ctx) {
			if release, err := dir.tryLocks(ctx, s.slots); release != nil {
				return release, s.failed(ctx, err)
			}
		}
		poll := min(lockPoll*time.Duration(ahead()+1), slowestPoll)
		if err := pause(ctx, poll); err != nil {
			return nil, &WaitError{Waited: time.Since(start), Ahead: ahead(), Err: err}
		}
	}
}

// Lock waits for a lock beside the slots, such as that of a load. The errors are
// as those of Acquire.
func (s *Server) Lock(ctx context.Context, name string) (release func(), err error) {
	dir, err := s.directory(ctx)
	if err != nil {
		return func() {}, s.failed(ctx, err)
	}
	lock, err := dir.root.Lock(ctx, name+".lock", 2*lockPoll)
	switch {
	case err == nil:
		return lock.Unlock, nil
	case ctx.Err() != nil:
		return nil, &WaitError{Err: context.Cause(ctx)}
	}
	return func() {}, s.failed(ctx, err)
}

// Check returns why the lock files cannot be used, as a *FilesError. Nothing is
// created.
func (s *Server) Check(ctx context.Context) error {
	root, err := rootfs.Open(ctx, s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.failed(ctx, err)
	}
	defer root.Close() //nolint:errcheck // only read
	name := serverName(ctx, s.address)
	for i := range s.slots {
		info, err := root.Stat(ctx, filepath.Join(name, slotName(i)))
		if err == nil && !info.Mode().IsRegular() {
			return s.failed(ctx, fmt.Errorf("%s: %w", filepath.Join(name, slotName(i)), &rootfs.KindError{Mode: info.Mode()}))
		}
	}
	sub, err := root.Sub(ctx, filepath.Join(name, queueDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.failed(ctx, err)
	}
	return sub.Close()
}

func (s *Server) failed(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil { // then the caller sees the context's end
		return nil
	}
	return &FilesError{Dir: s.dir, Err: err}
}

// directory opens the server's directory, once it can be.
func (s *Server) directory(ctx context.Context) (*directory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open, nil
	}
	if s.dir == "" {
		return nil, errors.New("the user has no state directory")
	}
	private, err := rootfs.Private(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	defer private.Close() //nolint:errcheck // only read
	root, err := private.Make(ctx, serverName(ctx, s.address), 0o700)
	if err != nil {
		return nil, err
	}
	queue, err := root.Make(ctx, queueDir, 0o700)
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	s.open = &directory{root: root, queue: queue}
	return s.open, nil
}

type directory struct{ root, queue *rootfs.Root }

func slotName(i int) string { return fmt.Sprintf("slot-%d.lock", i) }

// tryLocks takes the first slot that is free; nil = none is. A file that cannot be
// locked is passed over; where none can be, the limit is no limit, and err says
// why.
func (d *directory) tryLocks(ctx context.Context, n int) (release func(), err error) {
	var failure error
	taken := 0
	for i := range n {
		lock, err := d.root.TryLock(ctx, slotName(i))
		switch {
		case err == nil:
			return lock.Unlock, failure
		case errors.Is(err, rootfs.ErrLocked):
			taken++
		default:
			failure = err
		}
	}
	if taken > 0 || ctx.Err() != nil {
		return nil, nil
	}
	return func() {}, failure
}

// serverName is the directory of a server's lock files.
func serverName(ctx context.Context, address string) string {
	sum := sha256.Sum256([]byte(canonical(ctx, address)))
	return hex.EncodeToString(sum[:6])
}

// backgroundPoll is how often background work looks whether a call waits.
const backgroundPoll = 100 * time.Millisecond

// AcquireBackground waits for a slot that nobody else wants. wanted is closed
// when a call of Acquire, in any process, waits while the slot is held: the
// holder then ends its work and releases. The errors are as those of Acquire.
func (s *Server) AcquireBackground(ctx context.Context) (release func(), wanted <-chan struct{}, err error) {
	dir, err := s.directory(ctx)
	if err != nil {
		return func() {}, nil, s.failed(ctx, err)
	}
	start := time.Now()
	for {
		if dir.nobodyWaits(ctx) {
			if unlock, err := dir.tryLocks(ctx, s.slots); unlock != nil {
				release, wanted := dir.watch(unlock)
				return release, wanted, s.failed(ctx, err)
			}
		}
		if err := pause(ctx, backgroundPoll); err != nil {
			return nil, nil, &WaitError{Waited: time.Since(start), Err: err}
		}
	}
}

// watch closes wanted when a call waits, until release is called.
func (d *directory) watch(unlock func()) (release func(), wanted <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	closed := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, backgroundPoll) == nil {
			if !d.nobodyWaits(ctx) && ctx.Err() == nil {
				close(closed)
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		unlock()
	}, closed
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
