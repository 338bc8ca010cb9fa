package routing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a waiting process looks for a free lock.
const lockPoll = 25 * time.Millisecond

// machine limits what all localmodel processes of this machine do at once to
// one Ollama: lock files, which the system frees when their process dies.
type machine struct {
	dir   func() (string, error)
	slots int

	mu      sync.Mutex
	waiting int // calls of this process that wait for a slot
}

// newMachine names the lock files after the server they protect. dir "" = the
// user's cache directory, else the temporary one.
func newMachine(dir, url string, slots int) *machine {
	sum := sha256.Sum256([]byte(url))
	return &machine{slots: max(slots, 1), dir: sync.OnceValues(func() (string, error) {
		if dir == "" {
			cache, err := os.UserCacheDir()
			if err != nil {
				cache = os.TempDir()
			}
			dir = filepath.Join(cache, "localmodel", "slots")
		}
		dir := filepath.Join(dir, hex.EncodeToString(sum[:6]))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("lock directory: %w", err)
		}
		return dir, nil
	})}
}

// slot waits for one of the local generation slots.
func (m *machine) slot(ctx context.Context, q Request) (release func(), fault *Error) {
	m.mu.Lock()
	m.waiting++
	m.mu.Unlock()
	start := time.Now()
	defer func() { m.mu.Lock(); m.waiting--; m.mu.Unlock() }()
	defer narrate(q, progressEvery, func() (string, int) {
		m.mu.Lock()
		n := m.waiting
		m.mu.Unlock()
		return fmt.Sprintf("waiting for a local slot for %s, %d of this window wait, %d slots on this machine", seconds(time.Since(start)), n, m.slots), 0
	})()
	names := make([]string, m.slots)
	for i := range names {
		names[i] = fmt.Sprintf("slot-%d", i)
	}
	release, err := m.acquire(ctx, names)
	if err != nil {
		return nil, fail(Busy, "no local slot within "+seconds(time.Since(start)), err)
	}
	return release, nil
}

// lock waits for a lock of the whole machine.
func (m *machine) lock(ctx context.Context, name string) (release func(), fault *Error) {
	release, err := m.acquire(ctx, []string{name})
	if err != nil {
		return nil, fail(Busy, "another process holds the "+name+" lock", err)
	}
	return release, nil
}

// acquire takes the first of the named locks that is free. A machine on which
// no lock file can be made is not held up: the limit is a courtesy, the answer
// is not.
func (m *machine) acquire(ctx context.Context, names []string) (func(), error) {
	dir, err := m.dir()
	if err != nil {
		return func() {}, nil //nolint:nilerr // see above
	}
	t := time.NewTicker(lockPoll)
	defer t.Stop()
	for {
		for _, name := range names {
			l := flock.New(filepath.Join(dir, name+".lock"))
			ok, err := l.TryLock()
			if err != nil {
				return func() {}, nil //nolint:nilerr // see above
			}
			if ok {
				return func() { _ = l.Unlock() }, nil
			}
			_ = l.Close()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-t.C:
		}
	}
}
