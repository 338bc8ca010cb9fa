package statestore

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Options say where the journal is.
type Options struct {
	State       string // path of the SQLite file, relative to Root, or postgres://…
	Root        string // project root; the state file is .claude/implementer-state.json in it
	Log         *slog.Logger
	Now         func() time.Time
	Version     string
	RetainDays  int           // closed attempts older than this are folded into daily figures; 0 = 90
	BusyTimeout time.Duration // how long a write waits for other processes; 0 = 10 s
	// Settle is the step that Record is usually given. With it, outcomes that
	// waited for Postgres are delivered without waiting for the next Record.
	Settle Step
}

// closeWithin bounds what Close still writes.
const closeWithin = 2 * time.Second

// Store is the journal and its projection. It is safe for concurrent use, by
// many goroutines and many processes.
type Store struct {
	o     Options
	db    *sqldb.DB
	local *sqldb.DB // where db is a Postgres server: keeps what could not be sent

	started  atomic.Bool // the first use has been seen
	baseline atomic.Bool // the counters of before the journal have been taken over
	waited   atomic.Bool // a torn state file was waited for

	calls   callQueue
	mirror  *mirror
	pending pending
	folding timer

	// What goes on beside the calls ends when Close begins.
	background context.Context //nolint:containedctx // lives as long as the store
	stop       context.CancelFunc
}

// New makes a store. It opens nothing: the first use does.
func New(o Options) *Store {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RetainDays == 0 {
		o.RetainDays = 90
	}
	file := filepath.Join(o.Root, ".claude", "localmodel", "journal.db")
	if o.State == "" {
		o.State = file
	}
	if !sqldb.IsPostgres(o.State) && !filepath.IsAbs(o.State) {
		o.State = filepath.Join(o.Root, o.State)
	}
	s := &Store{o: o, db: sqldb.New(sqldb.Options{State: o.State, Migrations: journal.Migrations, Wait: o.BusyTimeout})}
	if s.db.Postgres() {
		s.local = sqldb.New(sqldb.Options{State: file, Migrations: journal.Migrations, Wait: o.BusyTimeout})
	}
	s.background, s.stop = context.WithCancel(context.Background())
	s.pending.step, s.pending.known = o.Settle, o.Settle != nil
	s.mirror = newMirror(s)
	return s
}

// read runs fn on the journal, outside a transaction.
func (s *Store) read(ctx context.Context, fn func(q sqldb.Q) error) error {
	err := s.db.Read(ctx, fn)
	if err == nil {
		s.start()
	}
	return err
}

// write runs fn in one transaction that is durable when write returns.
func (s *Store) write(ctx context.Context, fn func(ctx context.Context, tx sqldb.Q) error) error {
	err := s.db.Write(ctx, fn)
	if err == nil {
		s.start()
	}
	return err
}

// start begins, once, what goes on beside the calls: the state file is compared
// with the journal, what waits is delivered, what is old is folded.
func (s *Store) start() {
	if s.started.Swap(true) || s.db.ReadOnly() != "" {
		return
	}
	s.mirror.changed()
	s.folding.after(foldDelay, s.foldLater)
	if s.local != nil && s.local.Exists() {
		s.pending.timer.after(0, s.redeliver)
	}
}

// Reconcile compares the state file with the journal, where there is a journal,
// and sends what waits. A server calls it when it starts: a process killed
// before may have left the file behind.
func (s *Store) Reconcile(ctx context.Context) error {
	if !s.db.Exists() { // a server always does
		return nil
	}
	_, err := s.Stats(ctx)
	return err
}

// Flush writes what is waiting: rows of local calls, outcomes for a server that
// was away, and the state file.
func (s *Store) Flush(ctx context.Context) error {
	err := s.flushCalls(ctx)
	if s.pending.count.Load() > 0 {
		err = errors.Join(err, s.deliver(ctx))
	}
	return errors.Join(err, s.mirror.flush(ctx))
}

// Close flushes and closes, within about two seconds. A store never used closes
// at no cost.
func (s *Store) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeWithin)
	defer stop()
	s.stop()
	for _, t := range []*timer{&s.folding, &s.pending.timer, &s.calls.timer, &s.mirror.timer} {
		t.end()
	}
	err := s.Flush(ctx)
	err = errors.Join(err, s.db.Close())
	if s.local != nil {
		err = errors.Join(err, s.local.Close())
	}
	return err
}

// Warnings tells, for every result, what is wrong with the state file, what
// waits for a server, and whether nothing can be recorded.
func (s *Store) Warnings() []string {
	said := append(s.mirror.warnings(), s.pending.warnings()...)
	if why := s.db.ReadOnly(); why != "" {
		said = append(said, "nothing can be recorded, the journal is read-only here: "+why)
	}
	return said
}
