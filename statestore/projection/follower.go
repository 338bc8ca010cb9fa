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
	// followRetry is the pause after a failure, doubled up to followRetryMost.
	followRetry     = time.Second
	followRetryMost = time.Minute
	// followTimeout bounds a write, its waiting for other programs included.
	followTimeout = 10 * time.Second
	// checkTimeout bounds the look at the file before it is first written.
	checkTimeout = time.Second
)

// Follower keeps the file equal to figures, whose source never waits for it.
type Follower struct {
	*File
	// due reports whether the file has to follow.
	due func(context.Context) (bool, error)
	// figures is what the file is to say. ours is what it says now, where that was
	// written by us. raised says what was wrong with the source, "" = nothing.
	figures    func(ctx context.Context, ours *Stats) (st Stats, raised string, err error)
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
func Follow(background context.Context, file *File, due func(context.Context) (bool, error),
	figures func(context.Context, *Stats) (Stats, string, error), log *slog.Logger) *Follower {
	return &Follower{File: file, due: due, figures: figures, log: log, background: background}
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
func (f *Follower) off() bool { return f.root == "" }

func (f *Follower) later(d time.Duration) {
	f.timer.After(d, func() {
		ctx, stop := context.WithTimeout(f.background, followTimeout)
		defer stop()
		if err := f.Flush(ctx); err != nil && f.background.Err() == nil {
			f.log.Warn("state file not written", "err", err)
			f.mu.Lock()
			failed := f.failed
			f.mu.Unlock()
			f.later(min(followRetry<<min(max(failed, 1)-1, 10), followRetryMost))
		}
	})
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
	if due, err := f.due(ctx); err != nil || !due {
		return f.Check(ctx), err
	}
	raised := ""
	said, err = f.Write(ctx, func(ctx context.Context, ours *Stats) (st Stats, err error) {
		st, raised, err = f.figures(ctx, ours)
		return st, err
	})
	if raised != "" {
		said = append(said, raised)
	}
	return said, err
}

// Warnings says what is wrong with the file, also before this process writes it.
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
		said = f.Check(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) == 0 {
		f.said = said
	}
	return slices.Clone(f.said)
}
