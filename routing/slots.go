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

// lockPoll is how often the first in the queue looks for a free lock; those
// behind look less often.
const (
	lockPoll     = 25 * time.Millisecond
	slowestPoll  = 200 * time.Millisecond
	slotFileName = "slot-%d.lock"
)

// machine limits what all localmodel processes of this machine do at once to
// one Ollama: lock files, which the system frees when their process dies.
type machine struct {
	dir   func() (string, error)
	slots int
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
		if err := os.MkdirAll(filepath.Join(dir, queueDir), 0o700); err != nil {
			return "", fmt.Errorf("lock directory: %w", err)
		}
		return dir, nil
	})}
}

// slot waits for one of the local generation slots, first come, first served.
// A machine on which no lock file can be made is not held up: the limit is a
// courtesy, the answer is not.
func (m *machine) slot(ctx context.Context, q Request) (release func(), fault *Error) {
	dir, err := m.dir()
	if err != nil {
		return func() {}, nil //nolint:nilerr // see above
	}
	paths := make([]string, m.slots)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf(slotFileName, i))
	}
	if nobodyWaits(dir) {
		if release, ok := tryLocks(paths); ok {
			return release, nil
		}
	}
	start := time.Now()
	place, err := enqueue(dir)
	if err != nil {
		return func() {}, nil //nolint:nilerr // see above
	}
	defer place.leave()
	defer narrate(q, func() (string, int) {
		return fmt.Sprintf("waiting for a local slot for %s: place %d in the queue of this machine, slots %d",
			seconds(time.Since(start)), place.ahead.Load()+1, m.slots), 0
	})()
	for {
		if place.first() {
			if release, ok := tryLocks(paths); ok {
				return release, nil
			}
		}
		poll := min(lockPoll*time.Duration(place.ahead.Load()+1), slowestPoll)
		if err := pause(ctx, poll); err != nil {
			return nil, fail(Busy, fmt.Sprintf("no local slot within %s, %d calls were ahead", seconds(time.Since(start)), place.ahead.Load()), err)
		}
	}
}

// lock waits for a lock of the whole machine; as with slots, one that cannot
// be made holds nobody up.
func (m *machine) lock(ctx context.Context, name string) (release func(), fault *Error) {
	dir, err := m.dir()
	if err != nil {
		return func() {}, nil //nolint:nilerr // see above
	}
	for {
		if release, ok := tryLocks([]string{filepath.Join(dir, name+".lock")}); ok {
			return release, nil
		}
		if err := pause(ctx, 2*lockPoll); err != nil {
			return nil, fail(Busy, "another process holds the "+name+" lock", err)
		}
	}
}

// tryLocks takes the first of the locks that is free. Where one cannot be made,
// the limit is no limit.
func tryLocks(paths []string) (release func(), ok bool) {
	for _, path := range paths {
		l := flock.New(path)
		locked, err := l.TryLock()
		if locked {
			return func() { _ = l.Unlock() }, true
		}
		_ = l.Close()
		if err != nil {
			return func() {}, true
		}
	}
	return nil, false
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
