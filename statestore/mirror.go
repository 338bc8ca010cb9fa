package statestore

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	// mirrorDelay is how far the state file may lag behind the journal, but for
	// the writing itself; outcomes within it are projected together.
	mirrorDelay = 100 * time.Millisecond
	// mirrorRetry is the pause after a write that failed, doubled up to
	// mirrorRetryMost.
	mirrorRetry     = time.Second
	mirrorRetryMost = time.Minute
	// mirrorTimeout bounds a write, its waiting for other programs included.
	mirrorTimeout = 10 * time.Second
)

// mirror keeps the plan's block in .claude/implementer-state.json equal to the
// journal's counters. The journal never waits for it.
type mirror struct {
	s     *Store
	file  *projection.File
	timer timer

	writing sync.Mutex // held while the file is written

	mu     sync.Mutex // guards what follows
	lags   bool
	failed int // writes in a row
	said   []string
}

func newMirror(s *Store) *mirror {
	return &mirror{s: s, file: projection.New(filepath.Join(s.o.Root, ".claude", "implementer-state.json"))}
}

// changed asks for the file to follow.
func (m *mirror) changed() {
	m.mu.Lock()
	m.lags = true
	m.mu.Unlock()
	m.later(mirrorDelay)
}

func (m *mirror) later(d time.Duration) {
	m.timer.after(d, func() {
		ctx, stop := context.WithTimeout(m.s.background, mirrorTimeout)
		defer stop()
		if err := m.flush(ctx); err != nil && m.s.background.Err() == nil {
			m.s.o.Log.Warn("state file not written", "err", err)
			m.later(min(mirrorRetry<<min(m.failures()-1, 10), mirrorRetryMost))
		}
	})
}

func (m *mirror) failures() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(m.failed, 1)
}

// flush writes the file now, if it lags.
func (m *mirror) flush(ctx context.Context) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	lags := m.lags
	m.lags = false
	m.mu.Unlock()
	if !lags {
		return nil
	}
	m.timer.stop()
	said, err := m.write(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		said = append(said, "recorded, but .claude/implementer-state.json could not be written: "+err.Error())
		m.lags = true
		m.failed++
	} else {
		m.failed = 0
	}
	m.said = said
	return err
}

func (m *mirror) write(ctx context.Context) (said []string, err error) {
	if due, err := m.due(ctx); err != nil || !due {
		return nil, err
	}
	return m.file.Write(ctx, func(ctx context.Context) (projection.Stats, error) {
		if err := m.s.adopt(ctx); err != nil {
			return projection.Stats{}, err
		}
		st, err := m.s.Stats(ctx)
		return projection.Stats(st), err
	})
}

// due says whether the file has to follow: not before the first outcome, since
// until then its counters are the truth.
func (m *mirror) due(ctx context.Context) (due bool, err error) {
	err = m.s.read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM outcomes) OR (SELECT success + escalated FROM totals WHERE one = 1) > 0`).Scan(&due)
	})
	return due, err
}

func (m *mirror) warnings() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.said...)
}
