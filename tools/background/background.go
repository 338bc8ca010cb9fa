// Package background finishes answers that outlive the call that asked for them.
// The call returns at its deadline with how far the answer is; the same call
// again waits for it and gets it. One answer is written once on a machine,
// whatever the number of processes that ask.
package background

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// Limits of the work and of what is kept of it.
const (
	mostTime   = 30 * time.Minute // for one answer
	mostBytes  = 1 << 20          // of a kept answer
	keepFor    = 24 * time.Hour
	againFor   = 10 * time.Minute // after its end, an answer is given to all who ask
	worthy     = 20 * time.Second // an answer that took less is written anew for who asks again
	maxKept    = 200
	lockSuffix = ".lock"
	otherPoll  = 500 * time.Millisecond // how often another process's answer is looked for
)

// Progress hears what is happening, and tokens so far of budget.
type Progress func(message string, tokens, budget int)

// Work writes an answer. It ends with its context.
type Work func(ctx context.Context, p Progress) (json.RawMessage, error)

// Status is how far an unfinished answer is.
type Status struct {
	Tokens, Budget int
	Elapsed        time.Duration
	Elsewhere      bool // another process writes it
}

// Keeper finishes answers. Its methods may be called concurrently.
type Keeper struct {
	dir    string
	worthy time.Duration
	ctx    context.Context //nolint:containedctx // the life of the background work
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	running map[string]*job
}

// job is an answer that is being written; its Keeper's mutex guards what changes.
type job struct {
	cancel  context.CancelFunc
	began   time.Time
	ended   chan struct{}
	waiting int
	status  Status
	answer  json.RawMessage
	err     error
}

// New returns a Keeper that keeps answers in dir, a directory of the user's own;
// "" keeps none. It reads nothing and starts nothing.
func New(dir string) *Keeper {
	ctx, cancel := context.WithCancel(context.Background())
	return &Keeper{dir: dir, worthy: worthy, ctx: ctx, cancel: cancel, running: map[string]*job{}}
}

// Close ends the background work and waits for it.
func (k *Keeper) Close() {
	k.cancel()
	k.wait.Wait()
}

// Key names an answer by everything that it depends on.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Do returns the answer of a key: a kept one, or that of work, which it starts
// where nobody does it yet. When ctx reaches its deadline first, status says how
// far the answer is and the work goes on; when ctx is canceled and nobody else
// waits, the work ends.
func (k *Keeper) Do(ctx context.Context, key string, work Work, p Progress) (answer json.RawMessage, unfinished *Status, err error) {
	began := time.Now()
	for {
		j, kept, err := k.join(ctx, key, work)
		switch {
		case err != nil:
			return nil, nil, err
		case kept != nil:
			return kept, nil, nil
		case j != nil:
			return k.await(ctx, key, j, p)
		}
		select {
		case <-time.After(otherPoll):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, nil, ctx.Err()
			}
			return nil, &Status{Elapsed: time.Since(began), Elsewhere: true}, nil
		}
	}
}

// join returns the work under way in this process, or the kept answer, or starts
// the work; nothing at all means that another process does it. What is kept is
// looked for under the lock: it may have been written a moment ago.
func (k *Keeper) join(ctx context.Context, key string, work Work) (j *job, kept json.RawMessage, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if j := k.running[key]; j != nil {
		j.waiting++
		return j, nil, nil
	}
	if k.ctx.Err() != nil {
		return nil, nil, errors.New("the server is ending")
	}
	unlock := k.lock(key)
	if unlock == nil {
		return nil, nil, nil
	}
	if kept, ok := k.take(ctx, key); ok {
		unlock()
		return nil, kept, nil
	}
	workCtx, cancel := context.WithTimeout(k.ctx, mostTime)
	j = &job{cancel: cancel, began: time.Now(), ended: make(chan struct{}), waiting: 1}
	k.running[key] = j
	k.wait.Go(func() {
		defer unlock()
		defer cancel()
		answer, err := work(workCtx, func(_ string, tokens, budget int) {
			k.mu.Lock()
			defer k.mu.Unlock()
			j.status.Tokens, j.status.Budget = max(j.status.Tokens, tokens), budget
		})
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.running[key] == j {
			delete(k.running, key)
		}
		j.answer, j.err = answer, err
		if err == nil && (j.waiting == 0 || time.Since(j.began) >= k.worthy) {
			k.keep(key, answer) // who waits in another process finds it, too
		}
		close(j.ended)
	})
	return j, nil, nil
}

// now is how far a job is; k.mu is held.
func (j *job) now() Status {
	s := j.status
	s.Elapsed = time.Since(j.began)
	return s
}

func (k *Keeper) await(ctx context.Context, key string, j *job, p Progress) (json.RawMessage, *Status, error) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-j.ended:
			return j.answer, nil, j.err
		case <-ticker.C:
			k.mu.Lock()
			s := j.now()
			k.mu.Unlock()
			if p != nil {
				p(fmt.Sprintf("writing for %s", s.Elapsed.Round(time.Second)), s.Tokens, s.Budget)
			}
		case <-ctx.Done():
			return k.leave(ctx, key, j)
		}
	}
}

// leave ends a caller's wait. An answer that came at the same moment is taken
// along.
func (k *Keeper) leave(ctx context.Context, key string, j *job) (json.RawMessage, *Status, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-j.ended:
		return j.answer, nil, j.err
	default:
	}
	j.waiting--
	if !errors.Is(ctx.Err(), context.Canceled) {
		return nil, new(j.now()), nil
	}
	if j.waiting == 0 {
		j.cancel()
		delete(k.running, key) // who asks now begins anew, and does not hear of a cancel
	}
	return nil, nil, ctx.Err()
}

// lock takes the lock of a key; nil = another process holds it. Where nothing
// can be kept, as on a read-only disk, the work goes on without.
func (k *Keeper) lock(key string) (unlock func()) {
	if k.dir == "" {
		return func() {}
	}
	root, err := rootfs.Private(k.ctx, k.dir)
	if err != nil {
		return func() {}
	}
	defer root.Close() //nolint:errcheck // the lock has a handle of its own
	lock, err := root.TryLock(k.ctx, key+lockSuffix)
	switch {
	case errors.Is(err, rootfs.ErrLocked):
		return nil
	case err != nil:
		return func() {}
	}
	return lock.Unlock
}

func (k *Keeper) keep(key string, answer json.RawMessage) {
	if k.dir == "" {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(k.ctx), 5*time.Second)
	defer stop()
	root, err := rootfs.Private(ctx, k.dir)
	if err != nil || len(answer) > mostBytes {
		return
	}
	defer root.Close() //nolint:errcheck // written already
	k.tidy(ctx, root)
	_ = root.Replace(ctx, key+".json", answer, rootfs.Write{Perm: 0o600}) // an answer that is not kept is written anew
}

// take returns a kept answer: to everybody soon after it was written, later to
// the first who asks.
func (k *Keeper) take(ctx context.Context, key string) (json.RawMessage, bool) {
	if k.dir == "" {
		return nil, false
	}
	root, err := rootfs.Open(ctx, k.dir)
	if err != nil {
		return nil, false
	}
	defer root.Close() //nolint:errcheck // only read
	info, err := root.Stat(ctx, key+".json")
	if err != nil {
		return nil, false
	}
	answer, err := root.ReadJSON(ctx, key+".json", mostBytes)
	if time.Since(info.ModTime()) > againFor {
		_ = root.Remove(ctx, key+".json")
	}
	return answer, err == nil && json.Valid(answer) && time.Since(info.ModTime()) < keepFor
}

// tidy removes what nobody came back for, and the oldest where there is too much.
// A lock that somebody holds stays.
func (k *Keeper) tidy(ctx context.Context, root *rootfs.Root) {
	const most = 10 * maxKept
	entries, _, err := root.List(ctx, ".", most)
	if err != nil {
		return
	}
	var all []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, old := range all {
		if i < maxKept && time.Since(old.ModTime()) < keepFor {
			continue
		}
		if strings.HasSuffix(old.Name(), lockSuffix) {
			lock, err := root.TryLock(ctx, old.Name())
			if err != nil {
				continue
			}
			defer lock.Unlock() // at the end: nobody takes it before it is removed
		}
		_ = root.Remove(ctx, old.Name())
	}
}

// Go runs work that nobody waits for. It ends with its context, at Close at the
// latest.
func (k *Keeper) Go(work func(ctx context.Context)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() == nil {
		k.wait.Go(func() { work(k.ctx) })
	}
}
