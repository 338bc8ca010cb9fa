package slots

import (
	"context"
	"time"
)

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
