// Package journal is the database beneath the state store: its tables, the
// projects whose rows they hold with their counters, transactions that are
// durable when they end, and the state file that follows the counters. What the
// rows mean is in the packages that write them.
package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Errors of the journal. They come wrapped, with the cause in words.
var (
	// ErrProject says that it is not known whose rows they would be.
	ErrProject     = errors.New("the project has no name")
	ErrReadOnly    = sqldb.ErrReadOnly
	ErrUnavailable = sqldb.ErrUnavailable
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
	BusyTimeout time.Duration // how long a write waits for other processes; 0 = 10 s
}

const (
	// closeWithin bounds what Close still writes.
	closeWithin = 2 * time.Second
	// maxName bounds a project's name, bytes.
	maxName = 1000
	// localName is the journal that keeps what a server could not take.
	localName = "journal.db"
)

// MaxField bounds a stored text that is no plan and no evidence, bytes.
const MaxField = 1000

// Clip cuts a text to at most n bytes.
func Clip(text string, n int) string { return text[:min(len(text), n)] }

// Journal is the database, as one project and one user write it. It is safe for
// concurrent use, by many goroutines and many processes.
type Journal struct {
	o   Options
	db  *sqldb.DB
	seq *sequence

	started  atomic.Bool            // the first use has been seen
	imported atomic.Pointer[string] // the database that has taken over the counters of before it
	waited   atomic.Bool            // a torn state file was waited for

	mirror   *projection.Follower
	box      *outbox.Box // nil = the journal is a file: nothing is kept for it
	senders  map[string]func(context.Context, outbox.Row) error
	keeping  later.Timer
	attached []Writer

	// What goes on beside the calls ends when Close begins.
	background context.Context //nolint:containedctx // lives as long as the journal
	stop       context.CancelFunc
}

// Writer writes beside the calls until End; Flush writes what waits, also after it.
type Writer interface {
	Flush(ctx context.Context) error
	End()
}

// New makes a journal. It opens nothing: the first use does.
func New(o Options) *Journal {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Project == "" && o.ProjectErr == nil {
		o.Project = o.Root
	}
	switch {
	case o.ProjectErr != nil:
	case o.Project == "" || len(o.Project) > maxName:
		o.ProjectErr = fmt.Errorf("its name is empty or longer than %d bytes", maxName)
	case !IsPostgres(o.State) && !filepath.IsAbs(o.State):
		o.ProjectErr = fmt.Errorf("the journal's path %q is not absolute", o.State)
	}
	j := &Journal{o: o, db: open(o.State, o.BusyTimeout), senders: map[string]func(context.Context, outbox.Row) error{}}
	j.background, j.stop = context.WithCancel(context.Background())
	beside := o.State
	if j.Postgres() {
		server := serverName(o.State)
		sum := sha256.Sum256([]byte(server))
		beside = filepath.Join(o.Dir, "server-"+hex.EncodeToString(sum[:6]))
		local := filepath.Join(o.Dir, localName)
		j.box = outbox.New(outbox.Options{DB: open(local, o.BusyTimeout), Path: local, Server: server, Project: o.Project,
			Send: j.send, Background: j.background, Log: o.Log})
	} else if o.Dir == "" {
		o.Dir = filepath.Dir(o.State)
	}
	j.seq = &sequence{path: beside + sqldb.SequenceSuffix, project: o.Project, log: o.Log, last: map[string]int64{}}
	sum := sha256.Sum256([]byte(o.Root))
	remembered := filepath.Join(o.Dir, "state-files", hex.EncodeToString(sum[:8])+".json")
	j.mirror = projection.Follow(j.background, projection.New(o.Root, remembered), j.due, j.figures, o.Log)
	return j
}

func open(state string, wait time.Duration) *sqldb.DB {
	return sqldb.New(sqldb.Options{State: state, Schema: schema, Version: schemaVersion, Wait: wait})
}

// serverName names a server without a password.
func serverName(state string) string {
	u, err := url.Parse(state)
	if err != nil {
		return "postgres"
	}
	return u.Host + u.Path + "?" + u.Query().Get("search_path") + u.Query().Get("options")
}

// IsPostgres reports whether a State names a Postgres server.
func IsPostgres(state string) bool { return sqldb.IsPostgres(state) }

// Postgres reports whether the journal is on a server.
func (j *Journal) Postgres() bool { return j.db.Postgres() }

// Project is the project's name.
func (j *Journal) Project() string { return j.o.Project }

// User is whose money is spent.
func (j *Journal) User() string { return j.o.User }

// Log is where failures go that no caller is told of.
func (j *Journal) Log() *slog.Logger { return j.o.Log }

// Now is the time that rows get.
func (j *Journal) Now() time.Time { return j.o.Now() }

// Attach has Flush and Close write what waits in w. It comes before any use.
func (j *Journal) Attach(w Writer) { j.attached = append(j.attached, w) }

// Background ends when nothing is written beside the calls any more.
func (j *Journal) Background() context.Context { return j.background }

// named refuses to read or write rows of nobody.
func (j *Journal) named() error {
	if j.o.ProjectErr != nil {
		return fmt.Errorf("%w: %w", ErrProject, j.o.ProjectErr)
	}
	return nil
}

// ReadAny runs fn on the journal, outside a transaction.
func (j *Journal) ReadAny(ctx context.Context, fn func(q sqldb.Q) error) error {
	if err := j.named(); err != nil {
		return err
	}
	err := j.db.Read(ctx, fn)
	if err == nil {
		j.start()
	}
	return err
}

// Read runs fn with the id of the journal's project, 0 where it has no rows yet.
func (j *Journal) Read(ctx context.Context, fn func(q sqldb.Q, project int64) error) error {
	return j.ReadAny(ctx, func(q sqldb.Q) error {
		p, _, err := j.readProject(ctx, q)
		if err != nil {
			return err
		}
		return fn(q, p.ID)
	})
}

// One reads a row of the project, whose id is the query's first argument.
func (j *Journal) One(ctx context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = j.Read(ctx, func(q sqldb.Q, project int64) error {
		err := q.Row(ctx, query, append([]any{project}, args...)...).Scan(dest...)
		found = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return found, err
}

// Write runs fn with the project's row, in a transaction that is durable at its end.
func (j *Journal) Write(ctx context.Context, fn func(ctx context.Context, tx sqldb.Q, p *Project) error) error {
	return j.writeDelivered(ctx, "", fn)
}

// writeDelivered is Write, unless its delivery number was committed before.
func (j *Journal) writeDelivered(ctx context.Context, delivery string, fn func(ctx context.Context, tx sqldb.Q, p *Project) error) error {
	var id string
	var before, after int64
	err := j.WriteOnce(ctx, delivery, func(ctx context.Context, tx sqldb.Q) error {
		p, err := j.ensureProject(ctx, tx)
		if err != nil {
			return err
		}
		id, before = tx.Database(), p.Seq
		err = fn(ctx, tx, &p)
		after = p.Seq
		return err
	})
	if err == nil && after > before {
		j.seq.note(id, after)
	}
	return err
}

// WriteOnce runs fn in a transaction, unless one with the same delivery number
// was committed before. An empty number is no number.
func (j *Journal) WriteOnce(ctx context.Context, delivery string, fn func(context.Context, sqldb.Q) error) error {
	if err := j.named(); err != nil {
		return err
	}
	err := j.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		if delivery != "" {
			n, err := tx.Changed(ctx, `INSERT INTO deliveries (delivery, at) VALUES (?, ?) ON CONFLICT (delivery) DO NOTHING`,
				delivery, j.Now().UnixMilli())
			if err != nil || n == 0 {
				return err
			}
		}
		return fn(ctx, tx)
	})
	if err == nil {
		j.start()
	}
	return err
}

// start begins, once, what goes on beside the calls: the journal is compared
// with what was acknowledged, the state file with the journal, what waits is
// delivered, what is old goes.
func (j *Journal) start() {
	if j.started.Swap(true) || j.db.ReadOnly() != "" {
		return
	}
	j.mirror.Changed()
	j.keeping.After(retainDelay, j.retainLater)
	if j.box != nil {
		j.box.Start()
	}
}

// Reconcile compares the state file with the journal, where there is a journal,
// and sends what waits. A server calls it when it starts: a process killed
// before may have left the file behind.
func (j *Journal) Reconcile(ctx context.Context) error {
	if !j.db.Exists() {
		return nil
	}
	_, err := j.Stats(ctx)
	return err
}

// Flush writes what is attached, what is kept for a server, and the state file.
func (j *Journal) Flush(ctx context.Context) (err error) {
	for _, w := range j.attached {
		err = errors.Join(err, w.Flush(ctx))
	}
	if j.box != nil && j.box.Waiting() > 0 {
		err = errors.Join(err, j.box.Deliver(ctx))
	}
	return errors.Join(err, j.mirror.Flush(ctx))
}

// Close flushes and closes, within about two seconds; at no cost where nothing was used.
func (j *Journal) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeWithin)
	defer stop()
	j.stop()
	j.keeping.End()
	if j.box != nil {
		j.box.End()
	}
	for _, w := range j.attached {
		w.End()
	}
	j.mirror.End()
	err := errors.Join(j.Flush(ctx), j.db.Close(), j.seq.close())
	if j.box != nil {
		err = errors.Join(err, j.box.Close())
	}
	return err
}

// Warnings reports, for every result, what is wrong with the state file and the
// journal, what waits for a server, and whether nothing can be recorded.
func (j *Journal) Warnings() []string {
	said := j.mirror.Warnings()
	if j.box != nil {
		said = append(said, j.box.Warnings()...)
	}
	said = append(said, j.db.Notices()...)
	if text := j.seq.warning(); text != "" {
		said = append(said, text)
	}
	if why := j.db.ReadOnly(); why != "" {
		said = append(said, "nothing can be recorded, the journal is read-only here: "+why)
	}
	return said
}

// Check reads the whole journal and says what is wrong with it, in the file or
// between its figures and what was acknowledged.
func (j *Journal) Check(ctx context.Context) error {
	if err := j.named(); err != nil || !j.db.Exists() {
		return err
	}
	return j.db.Check(ctx)
}

// Lost is how many records were acknowledged for the project and are gone.
func (j *Journal) Lost(ctx context.Context) (n int64, err error) {
	err = j.ReadAny(ctx, func(q sqldb.Q) error {
		p, _, err := j.readProject(ctx, q)
		n = p.lost
		return err
	})
	return n, err
}

// Writable reports whether an outcome could be recorded now, by a real write that
// changes nothing. The error says why not and what fixes it.
func (j *Journal) Writable(ctx context.Context) error {
	return j.WriteOnce(ctx, "", func(ctx context.Context, tx sqldb.Q) error {
		return tx.Exec(ctx, `UPDATE meta SET value = value WHERE name = 'schema'`)
	})
}
