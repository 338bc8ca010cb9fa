package statestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Options say where the journal is and whose rows are meant.
type Options struct {
	// State is the absolute path of the SQLite file, or postgres://…
	State string
	// Dir is the user's own directory for what is kept beside a journal on a
	// server; "" = the directory of State, where that is a file.
	Dir string
	// Root is the project's root: the state file is .claude/implementer-state.json
	// in it. "" = none is kept.
	Root string
	// Project is the project's name in the journal, "" = Root. ProjectErr says why
	// there is none: then nothing is recorded.
	Project    string
	ProjectErr error
	// User is whose money is spent; a server has several.
	User        string
	Log         *slog.Logger
	Now         func() time.Time
	Version     string
	RetainDays  int           // what is older is deleted, its sums are kept; 0 = 400
	BusyTimeout time.Duration // how long a write waits for other processes; 0 = 10 s
	// Settle is the step that Record is usually given. With it, outcomes that
	// waited for Postgres are delivered without waiting for the next Record.
	Settle Step
}

const (
	// closeWithin bounds what Close still writes.
	closeWithin = 2 * time.Second
	// maxName bounds a project's name, characters.
	maxName    = 1000
	retainDays = 400
	// localName is the journal that keeps what a server could not take.
	localName = "journal.db"
)

// Store is the journal and its projection. It is safe for concurrent use, by
// many goroutines and many processes.
type Store struct {
	o   Options
	db  *sqldb.DB
	seq *sqldb.Sequence

	started  atomic.Bool            // the first use has been seen
	imported atomic.Pointer[string] // the database that has taken over the counters of before it
	waited   atomic.Bool            // a torn state file was waited for
	kept     keptSequence

	Calls   *calls.Log // the project's model calls
	mirror  *projection.Follower
	pending pending
	keeping later.Timer

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
		o.RetainDays = retainDays
	}
	if o.Project == "" && o.ProjectErr == nil {
		o.Project = o.Root
	}
	switch {
	case o.ProjectErr != nil:
	case o.Project == "" || len(o.Project) > maxName:
		o.ProjectErr = fmt.Errorf("its name is empty or longer than %d bytes", maxName)
	case !sqldb.IsPostgres(o.State) && !filepath.IsAbs(o.State):
		o.ProjectErr = fmt.Errorf("the journal's path %q is not absolute", o.State)
	}
	s := &Store{o: o, db: sqldb.New(sqldb.Options{State: o.State, Schema: schema, Version: schemaVersion, Wait: o.BusyTimeout})}
	beside := o.State
	if s.db.Postgres() {
		sum := sha256.Sum256([]byte(serverName(o.State)))
		beside = filepath.Join(o.Dir, "server-"+hex.EncodeToString(sum[:6]))
		local := sqldb.New(sqldb.Options{State: filepath.Join(o.Dir, localName), Schema: schema, Version: schemaVersion, Wait: o.BusyTimeout})
		s.pending.box = outbox.New(local, serverName(o.State), o.Project)
	} else if s.o.Dir == "" {
		s.o.Dir = filepath.Dir(o.State)
	}
	s.seq = sqldb.NewSequence(beside)
	s.background, s.stop = context.WithCancel(context.Background())
	s.pending.step, s.pending.known = o.Settle, o.Settle != nil
	s.Calls = calls.New(calls.Options{Read: s.read, Write: s.insertCalls, Background: s.background, Log: s.o.Log})
	s.mirror = projection.Follow(s.background, stateFile(s.o), mirrored{s}, s.o.Log)
	return s
}

// IsPostgres reports whether a State names a Postgres server.
func IsPostgres(state string) bool { return sqldb.IsPostgres(state) }

// hasImported reports whether a database is known to have taken over the counters
// of before it.
func (s *Store) hasImported(id string) bool {
	known := s.imported.Load()
	return known != nil && *known == id
}

func (s *Store) noteImported(id string) { s.imported.Store(&id) }

// named refuses to read or write rows of nobody.
func (s *Store) named() error {
	if s.o.ProjectErr != nil {
		return fmt.Errorf("%w: %w", ErrProject, s.o.ProjectErr)
	}
	return nil
}

// readAny runs fn on the journal, outside a transaction.
func (s *Store) readAny(ctx context.Context, fn func(q sqldb.Q) error) error {
	if err := s.named(); err != nil {
		return err
	}
	err := s.db.Read(ctx, fn)
	if err == nil {
		s.start()
	}
	return err
}

// read runs fn with the id of the store's project, 0 where it has no rows yet.
func (s *Store) read(ctx context.Context, fn func(q sqldb.Q, project int64) error) error {
	return s.readAny(ctx, func(q sqldb.Q) error {
		p, _, err := s.readProject(ctx, q)
		if err != nil {
			return err
		}
		return fn(q, p.id)
	})
}

// write runs fn in one transaction that is durable when write returns, with the
// project's row.
func (s *Store) write(ctx context.Context, fn func(ctx context.Context, tx sqldb.Q, p *projectRow) error) error {
	return s.writeDelivered(ctx, "", fn)
}

// writeDelivered is write, unless a transaction with the same delivery number was
// committed before.
func (s *Store) writeDelivered(ctx context.Context, delivery string, fn func(ctx context.Context, tx sqldb.Q, p *projectRow) error) error {
	if err := s.named(); err != nil {
		return err
	}
	var id string
	var before, after int64
	err := s.writeOnce(ctx, delivery, func(ctx context.Context, tx sqldb.Q) error {
		p, err := s.ensureProject(ctx, tx)
		if err != nil {
			return err
		}
		id, before = tx.Database(), p.seq
		err = fn(ctx, tx, &p)
		after = p.seq
		return err
	})
	if err != nil {
		return err
	}
	s.start()
	if after > before {
		s.acknowledged(id, after)
	}
	return nil
}

// start begins, once, what goes on beside the calls: the journal is compared
// with what was acknowledged, the state file with the journal, what waits is
// delivered, what is old goes.
func (s *Store) start() {
	if s.started.Swap(true) || s.db.ReadOnly() != "" {
		return
	}
	s.mirror.Changed()
	s.keeping.After(retainDelay, s.retainLater)
	if s.pending.box != nil {
		s.pending.timer.After(0, s.redeliver)
	}
}

// Reconcile compares the state file with the journal, where there is a journal,
// and sends what waits. A server calls it when it starts: a process killed
// before may have left the file behind.
func (s *Store) Reconcile(ctx context.Context) error {
	if !s.db.Exists() {
		return nil
	}
	_, err := s.Stats(ctx)
	return err
}

// Flush writes what is waiting: rows of local calls, outcomes for a server that
// was away, and the state file.
func (s *Store) Flush(ctx context.Context) error {
	err := s.Calls.Flush(ctx)
	if s.pending.box != nil && s.pending.box.Waiting() > 0 {
		err = errors.Join(err, s.deliver(ctx))
	}
	return errors.Join(err, s.mirror.Flush(ctx))
}

// Close flushes and closes, within about two seconds. A store never used closes
// at no cost.
func (s *Store) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeWithin)
	defer stop()
	s.stop()
	for _, t := range []*later.Timer{&s.keeping, &s.pending.timer} {
		t.End()
	}
	s.Calls.End()
	s.mirror.End()
	err := s.Flush(ctx)
	err = errors.Join(err, s.db.Close(), s.seq.Close())
	if s.pending.box != nil {
		err = errors.Join(err, s.pending.box.Close())
	}
	return err
}

// Warnings reports, for every result, what is wrong with the state file and the
// journal, what waits for a server, and whether nothing can be recorded.
func (s *Store) Warnings() []string {
	said := append(s.mirror.Warnings(), s.pending.warnings(s)...)
	said = append(said, s.db.Notices()...)
	if text := s.kept.warning(); text != "" {
		said = append(said, text)
	}
	if why := s.db.ReadOnly(); why != "" {
		said = append(said, "nothing can be recorded, the journal is read-only here: "+why)
	}
	return said
}

// Check reads the whole journal and says what is wrong with it, in the file or
// between its figures and what was acknowledged.
func (s *Store) Check(ctx context.Context) error {
	if err := s.named(); err != nil || !s.db.Exists() {
		return err
	}
	return s.db.Check(ctx)
}

// Lost is how many records were acknowledged for the project and are gone.
func (s *Store) Lost(ctx context.Context) (n int64, err error) {
	err = s.readAny(ctx, func(q sqldb.Q) error {
		p, _, err := s.readProject(ctx, q)
		n = p.lost
		return err
	})
	return n, err
}

// Writable reports whether an outcome could be recorded now, by a real write that
// changes nothing. The error says why not and what fixes it.
func (s *Store) Writable(ctx context.Context) error {
	if err := s.named(); err != nil {
		return err
	}
	err := s.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		return tx.Exec(ctx, `UPDATE meta SET value = value WHERE name = 'schema'`)
	})
	if err == nil {
		s.start()
	}
	return err
}
