package statestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
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
	failed int  // writes in a row
	looked bool // the file has been looked at by this process
	said   []string
}

func newMirror(s *Store) *mirror {
	sum := sha256.Sum256([]byte(s.o.Root))
	memory := filepath.Join(s.o.Dir, "state-files", hex.EncodeToString(sum[:8])+".json")
	return &mirror{s: s, file: projection.New(s.o.Root, memory)}
}

// changed asks for the file to follow.
func (m *mirror) changed() {
	if m.off() {
		return
	}
	m.mu.Lock()
	m.lags = true
	m.mu.Unlock()
	m.later(mirrorDelay)
}

// off says that no state file is kept.
func (m *mirror) off() bool { return m.s.o.Root == "" }

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
	m.said, m.looked = said, true
	return err
}

func (m *mirror) write(ctx context.Context) (said []string, err error) {
	if due, err := m.due(ctx); err != nil || !due {
		return m.file.Check(ctx), err
	}
	raised := ""
	said, err = m.file.Write(ctx, func(ctx context.Context, ours *projection.Stats) (projection.Stats, error) {
		st, text, err := m.s.figuresFor(ctx, (*Stats)(ours))
		raised = text
		return projection.Stats(st), err
	})
	if raised != "" {
		said = append(said, raised)
	}
	return said, err
}

// due reports whether the file has to follow: not before the first outcome, since
// until then its counters are the truth.
func (m *mirror) due(ctx context.Context) (due bool, err error) {
	err = m.s.read(ctx, func(q sqldb.Q, project int64) error {
		return q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM outcomes WHERE project = ?)
OR EXISTS (SELECT 1 FROM projects WHERE id = ? AND success + escalated > 0)`, project, project).Scan(&due)
	})
	return due, err
}

// baseline is what the file counts, where it can be read. With wait an empty or
// torn file is read again for a while.
func (m *mirror) baseline(ctx context.Context, wait bool) (Stats, bool) {
	if m.off() {
		return Stats{}, true
	}
	before, known := m.file.Baseline(ctx, wait)
	return Stats(before), known
}

// figuresFor is what the state file is to say. ours is what it says now, where
// that was written by us: a journal that knows less has lost rows, and its
// counters are raised to it.
func (s *Store) figuresFor(ctx context.Context, ours *Stats) (st Stats, raised string, err error) {
	if err := s.adopt(ctx); err != nil {
		return st, "", err
	}
	if st, err = s.Stats(ctx); err != nil || ours == nil || !behindOf(st, *ours) {
		return st, "", err
	}
	raised = fmt.Sprintf("the journal knew less than the state file (%d and %d attempts): rows of it were lost, no figure was lowered",
		st.TotalAttempts, ours.TotalAttempts)
	err = s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		p.raise(*ours)
		st = p.stats()
		return p.save(ctx, tx, s.o.Now())
	})
	return st, raised, err
}

// behindOf reports whether the journal's figures are below those of the file.
func behindOf(journal, file Stats) bool {
	return journal.SuccessCount < file.SuccessCount || journal.EscalatedToCloud < file.EscalatedToCloud
}

// adopt takes the state file's counters over in a transaction of its own, where
// that was not possible with the first outcome.
func (s *Store) adopt(ctx context.Context) error {
	id, done := "", false
	if err := s.readAny(ctx, func(q sqldb.Q) error {
		p, _, err := s.readProject(ctx, q)
		id, done = q.Database(), p.imported
		return err
	}); err != nil || done {
		return err
	}
	before, ok := s.mirror.baseline(ctx, false)
	if !ok {
		return nil
	}
	err := s.write(ctx, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		id = tx.Database()
		if p.imported {
			return nil
		}
		p.add(before)
		p.imported = true
		return p.save(ctx, tx, s.o.Now())
	})
	if err == nil {
		s.noteImported(id)
	}
	return err
}

// checkTimeout bounds the look at the file before it is first written.
const checkTimeout = time.Second

// warnings says what is wrong with the file, also in a process that has not
// written it yet.
func (m *mirror) warnings() []string {
	if m.off() {
		return nil
	}
	m.mu.Lock()
	looked := m.looked
	m.looked = true
	m.mu.Unlock()
	var said []string
	if !looked {
		ctx, stop := context.WithTimeout(m.s.background, checkTimeout)
		defer stop()
		said = m.file.Check(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.said) == 0 {
		m.said = said
	}
	return slices.Clone(m.said)
}
