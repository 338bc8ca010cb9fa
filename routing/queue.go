package routing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

const queueDir = "queue"

// place is a waiting call's place in the machine's queue: a file whose name is
// the time it came, held locked while it waits. The lock of a process that
// died is free, and whoever is behind it then removes the file.
type place struct {
	dir, name string
	lock      *flock.Flock
	ahead     atomic.Int64
}

var queued atomic.Int64 // makes the names of one process differ

func enqueue(slots string) (*place, error) {
	p := &place{dir: filepath.Join(slots, queueDir)}
	for range 100 {
		p.name = fmt.Sprintf("%020d-%d-%d", time.Now().UnixNano(), os.Getpid(), queued.Add(1))
		path := filepath.Join(p.dir, p.name)
		p.lock = flock.New(path)
		locked, err := p.lock.TryLock()
		if err != nil {
			return nil, err
		}
		// Between its making and its locking another may have taken it for dead
		// and removed it.
		if _, err := os.Stat(path); locked && err == nil {
			return p, nil
		}
		_ = p.lock.Close()
	}
	return nil, errors.New("no place in the queue")
}

// nobodyWaits spares a call the making of a file where there is no queue.
func nobodyWaits(slots string) bool {
	entries, err := os.ReadDir(filepath.Join(slots, queueDir))
	return err == nil && len(entries) == 0
}

// first says whether nobody who lives is ahead. It counts those ahead, and
// removes the ones directly ahead that have died.
func (p *place) first() bool {
	entries, err := os.ReadDir(p.dir) // sorted by name, so by time
	if err != nil {
		return true // a queue that cannot be read holds nobody up
	}
	ahead := 0
	for ahead < len(entries) && entries[ahead].Name() < p.name {
		ahead++
	}
	for ahead > 0 && !young(entries[ahead-1].Name()) && removeDead(filepath.Join(p.dir, entries[ahead-1].Name())) {
		ahead--
	}
	p.ahead.Store(int64(ahead))
	return ahead == 0
}

// young says whether a place was made so lately that its owner may not have
// locked it yet.
func young(name string) bool {
	at, _, _ := strings.Cut(name, "-")
	nanos, err := strconv.ParseInt(at, 10, 64)
	age := time.Since(time.Unix(0, nanos))
	return err == nil && age >= 0 && age < slowestPoll
}

// removeDead removes a place that no process holds, and says whether it did.
func removeDead(path string) bool {
	l := flock.New(path, flock.SetFlag(os.O_RDWR)) // never made anew
	locked, err := l.TryLock()
	if errors.Is(err, fs.ErrNotExist) {
		return true // its owner has left
	}
	if !locked {
		_ = l.Close()
		return false
	}
	err = os.Remove(path)
	_ = l.Unlock()
	return err == nil || errors.Is(err, fs.ErrNotExist) || os.Remove(path) == nil // some systems remove no open file
}

func (p *place) leave() {
	path := filepath.Join(p.dir, p.name)
	err := os.Remove(path)
	_ = p.lock.Unlock()
	if err != nil {
		_ = os.Remove(path) // some systems remove no open file
	}
}
