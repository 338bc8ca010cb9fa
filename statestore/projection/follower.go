package projection

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/later"
)

const (
	// followDelay is how far the file may lag behind the journal, but for the
	// writing itself; changes within it are projected together.
	followDelay = 100 * time.Millisecond
	// followRetry is the pause after a write that failed, doubled up to
	// followRetryMost.
	followRetry     = time.Second
	followRetryMost = time.Minute
	// followTimeout bounds a write, its waiting for other programs included.
	followTimeout = 10 * time.Second
	// checkTimeout bounds the look at the file before it is first written.
	checkTimeout = time.Second
)

// Source is where the figures come from.
type Source interface {
	// Due reports whether the file has to follow.
	Due(ctx context.Context) (bool, error)
	// Figures is what the file is to say. ours is what it says now, where that
	// was written by us. raised says what was wrong with the source, "" = nothing.
	Figures(ctx context.Context, ours *Stats) (st Stats, raised string, err error)
}

// Follower keeps the file equal to its source's figures. The source never waits
// for it.
type Follower struct {
	file       *File
	source     Source
	log        *slog.Logger
	background context.Context //nolint:containedctx // of what is written beside the calls
	timer      later.Timer

	writing sync.Mutex // held while the file is written

	mu     sync.Mutex // guards what follows
	lags   bool
	failed int  // writes in a row
	looked bool // the file has been looked at by this process
	said   []string
}

// Follow makes a follower. What it writes by itself ends with background.
func Follow(background context.Context, file *File, source Source, log *slog.Logger) *Follower {
	return &Follower{file: file, source: source, log: log, background: background}
}

// Changed asks for the file to follow, within 100 ms but for the writing.
func (f *Follower) Changed() {
	if f.off() {
		return
	}
	f.mu.Lock()
	f.lags = true
	f.mu.Unlock()
	f.later(followDelay)
}

// End ends what goes on in the background. Flush still writes.
func (f *Follower) End() { f.timer.End() }

// off says that no file is kept.
func (f *Follower) off() bool { return f.file.root == "" }

func (f *Follower) later(d time.Duration) {
	f.timer.After(d, func() {
		ctx, stop := context.WithTimeout(f.background, followTimeout)
		defer stop()
		if err := f.Flush(ctx); err != nil && f.background.Err() == nil {
			f.log.Warn("state file not written", "err", err)
			f.later(min(followRetry<<min(f.failures()-1, 10), followRetryMost))
		}
	})
}

func (f *Follower) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(f.failed, 1)
}

// Flush writes the file now, if it lags.
func (f *Follower) Flush(ctx context.Context) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	lags := f.lags
	f.lags = false
	f.mu.Unlock()
	if !lags {
		return nil
	}
	f.timer.Stop()
	said, err := f.write(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		said = append(said, "recorded, but "+Name+" could not be written: "+err.Error())
		f.lags = true
		f.failed++
	} else {
		f.failed = 0
	}
	f.said, f.looked = said, true
	return err
}

func (f *Follower) write(ctx context.Context) (said []string, err error) {
	if due, err := f.source.Due(ctx); err != nil || !due {
		return f.file.Check(ctx), err
	}
	raised := ""
	said, err = f.file.Write(ctx, func(ctx context.Context, ours *Stats) (st Stats, err error) {
		st, raised, err = f.source.Figures(ctx, ours)
		return st, err
	})
	if raised != "" {
		said = append(said, raised)
	}
	return said, err
}

// Baseline is File.Baseline; where no file is kept, nothing was counted.
func (f *Follower) Baseline(ctx context.Context, wait bool) (s Stats, known bool) {
	if f.off() {
		return Stats{}, true
	}
	return f.file.Baseline(ctx, wait)
}

// Read is File.Read.
func (f *Follower) Read(ctx context.Context) (s Stats, found bool) { return f.file.Read(ctx) }

// Warnings says what is wrong with the file, also in a process that has not
// written it yet.
func (f *Follower) Warnings() []string {
	if f.off() {
		return nil
	}
	f.mu.Lock()
	looked := f.looked
	f.looked = true
	f.mu.Unlock()
	var said []string
	if !looked {
		ctx, stop := context.WithTimeout(f.background, checkTimeout)
		defer stop()
		said = f.file.Check(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) == 0 {
		f.said = said
	}
	return slices.Clone(f.said)
}
