package statestore

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/projection"
)

// mirrorDelay is how far the state file may lag behind the journal; outcomes
// within it are projected together.
const mirrorDelay = 150 * time.Millisecond

// mirror keeps the plan's block in .claude/implementer-state.json equal to the
// journal's counters. The journal never waits for it.
type mirror struct {
	s    *Store
	file *projection.File

	mu    sync.Mutex
	lags  bool
	timer *time.Timer
	said  []string

	writing sync.Mutex
}

func newMirror(s *Store) *mirror {
	return &mirror{s: s, file: projection.New(filepath.Join(s.o.Root, ".claude", "implementer-state.json"))}
}

// changed asks for the file to follow.
func (m *mirror) changed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lags = true
	if m.timer == nil {
		m.timer = time.AfterFunc(mirrorDelay, func() {
			ctx, stop := context.WithTimeout(context.Background(), busyTimeout)
			defer stop()
			if err := m.flush(ctx); err != nil {
				m.s.o.Log.Warn("state file not written", "err", err)
			}
		})
	}
}

// flush writes the file now, if it lags.
func (m *mirror) flush(ctx context.Context) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	lags := m.lags
	m.lags = false
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	m.mu.Unlock()
	if !lags {
		return nil
	}
	said, err := m.file.Write(ctx, func(ctx context.Context) (projection.Stats, error) {
		st, err := m.s.Stats(ctx)
		return projection.Stats(st), err
	})
	if err != nil {
		said = append(said, "recorded, but .claude/implementer-state.json could not be written: "+err.Error())
	}
	m.mu.Lock()
	m.said = said
	m.mu.Unlock()
	return err
}

func (m *mirror) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
}

func (m *mirror) warnings() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.said...)
}
