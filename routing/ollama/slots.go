package ollama

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/slots"
)

// machine limits what all localmodel processes of this machine do at once to
// one Ollama. Lock files that cannot be used are reported and hold nobody up:
// the limit is best effort.
type machine struct {
	server   *slots.Server
	log      *slog.Logger
	reported sync.Once
}

func newMachine(cfg Config) *machine {
	return &machine{server: slots.New(cfg.SlotDir, cfg.URL, cfg.Slots), log: cfg.Log}
}

// slot waits for one of the local generation slots, first come, first served.
func (m *machine) slot(ctx context.Context, q routing.Request) (release func(), fault *routing.Error) {
	start := time.Now()
	release, err := m.server.Acquire(ctx, func(ahead func() int) func() {
		return q.Narrate(func() (string, int) {
			return fmt.Sprintf("waiting for a local slot for %s: place %d in the queue of this machine, slots %d",
				routing.Seconds(time.Since(start)), ahead()+1, m.server.Slots()), 0
		})
	})
	return release, m.fault(err)
}

// backgroundSlot waits for a slot that no call wants; wanted is closed when one
// does.
func (m *machine) backgroundSlot(ctx context.Context) (release func(), wanted <-chan struct{}, fault *routing.Error) {
	release, wanted, err := m.server.AcquireBackground(ctx)
	return release, wanted, m.fault(err)
}

// lock waits for a lock of the whole machine.
func (m *machine) lock(ctx context.Context, name string) (release func(), fault *routing.Error) {
	release, err := m.server.Lock(ctx, name)
	return release, m.fault(err)
}

func (m *machine) fault(err error) *routing.Error {
	var waited *slots.WaitError
	if errors.As(err, &waited) {
		return routing.Fail(routing.Busy, waited.Error(), waited.Err)
	}
	if err != nil && m.log != nil {
		m.reported.Do(func() { m.log.Warn("slots", "err", err) })
	}
	return nil
}

// problem returns why nothing is limited, "" where it is.
func (m *machine) problem(ctx context.Context) string {
	if err := m.server.Check(ctx); err != nil {
		return err.Error()
	}
	return ""
}
