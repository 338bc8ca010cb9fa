package draft

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// Prompt is one question to the local model. Accept judges a reply, and Repair
// words the one repair turn.
type Prompt struct {
	TicketID, System, User string
	MaxTokens              int
	Accept                 func(reply []byte) error
	Repair                 func(reply []byte, defects error) string
	Progress               func(message string, tokens, budget int)
}

// Config is what a Manager works with.
type Config struct {
	Dir string // where drafts are kept, beneath the user's state directory
	// Read returns a file as it is in a working tree. A file that is not
	// there is no error.
	Read func(ctx context.Context, tree, path string) (File, error)
	// Ask puts a prompt to the local tier, behind interactive calls. It returns
	// nil only when Accept took the reply.
	Ask func(ctx context.Context, p Prompt) error
	// Secrets lists the secrets of a text; nil = none can be looked for.
	Secrets func(text string) []string
	// Parser is the command that calls parse.Input with an extension, for
	// languages whose parser has to be ended; none = they are not parsed.
	Parser []string
	// Commands runs the project's own checks on the changed files of a draft in a
	// scratch copy; nil = none is run.
	Commands func(ctx context.Context, s Spec, changes []Change) Check
	// Ended is called for each draft that came to an end, at least once; nil = nobody
	// is. After an error it is called again when the draft is asked for.
	Ended func(ctx context.Context, e Ended) error
	Log   *slog.Logger
}

// Ended is a draft that came to an end. ID is the same each time it is reported.
type Ended struct {
	ID     string
	Spec   Spec
	Status Status
	Bytes  int // of the patch
}

// Manager writes drafts in the background. Its methods may be called
// concurrently; one draft per ticket is at work on a machine.
type Manager struct {
	cfg    Config
	ctx    context.Context //nolint:containedctx // the life of the background work
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	running map[string]*run // by directory
}

type run struct {
	key    string
	cancel context.CancelFunc
	ended  chan struct{}
	status atomic.Pointer[Status]
}

// NewManager returns a manager. It reads nothing and starts nothing.
func NewManager(cfg Config) *Manager {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Manager{cfg: cfg, ctx: ctx, cancel: cancel, running: map[string]*run{}}
}

// Dir is the directory of the drafts.
func (m *Manager) Dir() string { return m.cfg.Dir }

// Close ends the background work. What was written so far is kept.
func (m *Manager) Close() {
	m.cancel()
	m.wait.Wait()
}

// Draft returns the state of the draft for a plan. It starts the work, or takes
// it up where an earlier process was, and waits for it until ctx ends.
// progress may be nil.
func (m *Manager) Draft(ctx context.Context, s Spec, progress func(message string, done, of int)) (Status, error) {
	if len(s.Targets) == 0 || len(s.Targets) > maxTargets {
		return Status{State: StateNone, Why: fmt.Sprintf("%d files to draft; 1 to %d can be", len(s.Targets), maxTargets)}, nil
	}
	dir := m.directory(s.Project, s.TicketID)
	for {
		if st, ended := m.ended(dir, s); ended {
			return st, nil
		}
		r, err := m.start(dir, s)
		switch {
		case err != nil:
			return Status{}, err
		case r != nil:
			return r.await(ctx, progress), nil
		}
		select { // another process writes it
		case <-time.After(otherPoll):
		case <-ctx.Done():
			j, err := m.loadJob(dir)
			if err != nil || j.Key != s.key() {
				return Status{State: StateWriting, Of: len(s.Targets)}, nil
			}
			return statusOf(j, dir), nil
		}
	}
}

// otherPoll is how often the job file of another process is looked at.
const otherPoll = time.Second

// ended returns the result of a finished draft whose files are still as they
// were. Where one changed since, the draft is written anew.
func (m *Manager) ended(dir string, s Spec) (Status, bool) {
	j, err := m.loadJob(dir)
	if err != nil || j.Key != s.key() || !j.Ended || m.stale(j) {
		return Status{}, false
	}
	if !j.Recorded {
		m.record(dir, j)
	}
	return statusOf(j, dir), true
}

func (m *Manager) stale(j *job) bool {
	return slices.ContainsFunc(j.Files, func(r fileResult) bool { return m.changed(j.Spec, r) })
}

// changed reports whether a file is not any more what its draft was written for.
func (m *Manager) changed(s Spec, r fileResult) bool {
	if r.After == "" {
		return false
	}
	now, err := m.cfg.Read(m.ctx, s.Tree, r.Path)
	return err != nil || hashOf(now) != r.BaseHash
}

// start begins the work in this process, or returns what is running already.
// nil means that another process holds the ticket's draft.
func (m *Manager) start(dir string, s Spec) (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, errors.New("the server is ending")
	}
	if old := m.running[dir]; old != nil {
		if old.key == s.key() {
			return old, nil
		}
		old.cancel() // the plan changed: its draft is of no use
		<-old.ended
	}
	lock, err := m.lock(dir)
	if err != nil || lock == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(m.ctx, jobTimeout)
	r := &run{key: s.key(), cancel: cancel, ended: make(chan struct{})}
	r.status.Store(&Status{State: StateWriting, Of: len(s.Targets)})
	m.running[dir] = r
	m.wait.Go(func() {
		defer func() {
			cancel()
			lock.Unlock()
			close(r.ended)
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.running[dir] == r {
				delete(m.running, dir)
			}
		}()
		m.work(ctx, dir, s, r)
		m.tidy(dir)
	})
	return r, nil
}

// lock takes the lock of a draft's directory, which it creates. nil means that
// another process holds it.
func (m *Manager) lock(dir string) (*rootfs.Lock, error) {
	root, err := rootfs.Private(m.ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("directory of drafts: %w", err)
	}
	defer func() { _ = root.Close() }()
	lock, err := root.TryLock(m.ctx, lockFile)
	if errors.Is(err, rootfs.ErrLocked) {
		return nil, nil //nolint:nilnil // see above
	}
	return lock, err
}

func (m *Manager) work(ctx context.Context, dir string, s Spec, r *run) {
	j, err := m.loadJob(dir)
	if err != nil || j.Key != s.key() || j.Ended {
		j = &job{Key: s.key(), Spec: s, Began: time.Now()}
		for _, t := range s.Targets {
			j.Files = append(j.Files, fileResult{Target: t})
		}
		m.save(dir, j)
	}
	for i := range j.Files {
		if j.Files[i].Done && !m.changed(s, j.Files[i]) {
			continue
		}
		result, err := m.writeFile(ctx, s, j.Files[i].Target, func(message string, _, _ int) {
			r.status.Store(&Status{State: StateWriting, Done: i, Of: len(j.Files), Message: message})
		})
		if err != nil && m.ctx.Err() != nil {
			return // the server ends; a restart goes on here
		}
		if err != nil {
			result = fileResult{Target: j.Files[i].Target, Done: true, Why: "not written in time"}
		}
		j.Files[i] = result
		m.save(dir, j)
		r.status.Store(&Status{State: StateWriting, Done: i + 1, Of: len(j.Files)})
	}
	m.finish(ctx, dir, j)
	r.status.Store(new(statusOf(j, dir)))
}

// finish checks that no file changed meanwhile, runs the project's commands
// and writes the patch.
func (m *Manager) finish(ctx context.Context, dir string, j *job) {
	var changes []Change
	for i := range j.Files {
		r := &j.Files[i]
		if r.After == "" {
			continue
		}
		now, err := m.cfg.Read(ctx, j.Spec.Tree, r.Path)
		check := Check{Name: CheckBase, State: Passed, File: r.Path}
		if err != nil || hashOf(now) != r.BaseHash {
			check.State, check.Detail = Failed, "the file changed while the draft was written"
			r.After, r.Why = "", check.Detail
		}
		r.Checks = append(r.Checks, check)
		if check.State == Passed {
			changes = append(changes, Change{File: now, After: r.After, Step: r.Step})
		}
	}
	if len(changes) > 0 {
		check := Check{Name: CheckCommands, State: NotRun, Detail: "no command of the project was run"}
		if m.cfg.Commands != nil {
			check = m.cfg.Commands(ctx, j.Spec, changes)
		}
		if m.ctx.Err() != nil {
			return // the server ends; a restart runs them again
		}
		j.Commands = &check
		if check.State == Failed {
			for i := range j.Files {
				j.Files[i].After = ""
			}
			changes = nil
		}
	}
	patch, stats := patchOf(changes)
	j.Stats, j.Ended, j.Bytes = stats, true, len(patch)
	if err := m.replace(dir, patchFile, []byte(patch)); err != nil {
		m.cfg.Log.Warn("patch not written", "error", err)
		j.Stats = Stats{}
	}
	m.save(dir, j)
	m.record(dir, j)
}

// record reports the draft's end. The draft is saved before, so that a process
// killed in between leaves it to the next.
func (m *Manager) record(dir string, j *job) {
	const within = 15 * time.Second
	if m.cfg.Ended == nil {
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, within)
	defer cancel()
	if err := m.cfg.Ended(ctx, Ended{ID: j.id(), Spec: j.Spec, Status: statusOf(j, dir), Bytes: j.Bytes}); err != nil {
		m.cfg.Log.Warn("draft not recorded", "error", err)
		return
	}
	j.Recorded = true
	m.save(dir, j)
}

func (r *run) await(ctx context.Context, progress func(string, int, int)) Status {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-r.ended:
			return *r.status.Load()
		case <-ctx.Done():
			return *r.status.Load()
		case <-ticker.C:
			if s := r.status.Load(); progress != nil {
				progress(s.Message, s.Done, s.Of)
			}
		}
	}
}

// Drafts are kept this long, and this many.
const (
	keepFor  = 14 * 24 * time.Hour
	keepMost = 50
)

// tidy removes old drafts that nobody writes, but for the one in dir.
func (m *Manager) tidy(dir string) {
	entries, err := os.ReadDir(m.cfg.Dir)
	if err != nil {
		return
	}
	var all []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() && e.Name() != filepath.Base(dir) {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, old := range all {
		if i < keepMost && time.Since(old.ModTime()) < keepFor {
			continue
		}
		path := filepath.Join(m.cfg.Dir, old.Name())
		if lock, err := m.lock(path); err == nil && lock != nil {
			_ = os.RemoveAll(path)
			lock.Unlock()
		}
	}
}
