// Package sqldb is one SQL database, SQLite in a file or a Postgres server,
// behind one dialect: opened at first use, migrated forward, written in
// transactions that exclude each other over all processes and are durable when
// they end.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// Errors that callers tell apart. They come wrapped, with the cause and what
// mends it in words.
var (
	ErrUnavailable = errors.New("the journal cannot be used")
	ErrReadOnly    = errors.New("the journal is read-only here")
	// ErrLost comes with ErrUnavailable: the server was not reached, or went
	// away before it said whether the transaction was committed.
	ErrLost = errors.New("connection lost")
)

// DefaultWait is how long a transaction waits for those of other processes.
const DefaultWait = 10 * time.Second

// Options say where the database is.
type Options struct {
	State      string // absolute path of the SQLite file, or postgres://…
	Migrations []string
	Wait       time.Duration // for other processes, and for an answer of a server; 0 = DefaultWait
}

// DB is a database. It is safe for concurrent use, by many goroutines and many
// processes.
type DB struct {
	o       Options
	writing chan struct{} // one transaction at a time, as SQLite has it anyway

	mu       sync.Mutex // guards what follows
	opened   *opened    // nil = not yet
	down     error      // what to say until the server is tried again
	downTill time.Time
}

// opened is a database that is open.
type opened struct {
	db       *sql.DB
	file     *file  // db, where it is a SQLite file; nil = a server's
	readOnly string // why nothing can be written here; "" = it can
}

// New names a database. It opens nothing: the first use does.
func New(o Options) *DB {
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	return &DB{o: o, writing: make(chan struct{}, 1)}
}

// IsPostgres says whether a LOCALMODEL_STATE names a Postgres server.
func IsPostgres(state string) bool {
	return strings.HasPrefix(state, "postgres://") || strings.HasPrefix(state, "postgresql://")
}

// Postgres says whether the database is on a Postgres server.
func (d *DB) Postgres() bool { return IsPostgres(d.o.State) }

// Exists says whether there is a database to open, without making one. Of a
// server it is always assumed.
func (d *DB) Exists() bool {
	if d.Postgres() {
		return true
	}
	info, err := os.Stat(d.o.State)
	return err == nil && info.Size() > 0
}

// Read runs fn to look at the database, outside a transaction.
func (d *DB) Read(ctx context.Context, fn func(q Q) error) error {
	at, err := d.open(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	q := Q{run: at.db, pg: true} // a Postgres connection keeps its statements prepared by itself
	if at.file != nil {
		q = Q{run: at.file.readers}
	}
	for try := 0; ; try++ {
		err := fn(q)
		stale := try == 0 && d.lost(err) // a connection from before the server's restart
		locked := busy(err) && time.Since(start) < d.o.Wait
		if err == nil || ctx.Err() != nil || !stale && !locked {
			return d.failed(ctx, err, start)
		}
	}
}

// ReadOnly says why nothing can be written here, "" where it can or where it is
// not known yet.
func (d *DB) ReadOnly() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened == nil {
		return ""
	}
	return d.opened.readOnly
}

// Write runs fn in one transaction that is durable when Write returns nil. fn
// may run more than once; only its last run counts. A canceled ctx leaves
// either everything or nothing behind.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx Q) error) error {
	at, err := d.open(ctx)
	if err != nil {
		return err
	}
	if at.readOnly != "" {
		return fmt.Errorf("%w: %s", ErrReadOnly, at.readOnly)
	}
	select {
	case d.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.writing }()
	start := time.Now()
	for try := 0; ; try++ {
		committing, err := d.transaction(ctx, at, fn)
		if err == nil || ctx.Err() != nil {
			return d.failed(ctx, err, start)
		}
		// What was rolled back for another's sake, or never reached the server,
		// is tried again; what may have been committed is not.
		locked := busy(err) && !committing && time.Since(start) < d.o.Wait
		again := rolledBack(err) && try < 5 || !committing && try == 0 && d.lost(err)
		if !locked && !again {
			return d.failed(ctx, err, start)
		}
	}
}

// transaction runs fn once. committing says that a failure came from the
// commit itself, whose effect is then unknown.
func (d *DB) transaction(ctx context.Context, at *opened, fn func(context.Context, Q) error) (committing bool, err error) {
	if at.file != nil {
		return at.file.transaction(ctx, fn)
	}
	// The caller may cancel until the commit begins, and no longer: what is
	// committed must not be called canceled.
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.o.Wait)
	defer cancel()
	detach := context.AfterFunc(ctx, cancel)
	defer detach()
	tx, err := at.db.BeginTx(inner, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	q := Q{run: tx, pg: true}
	// One writer at a time, as SQLite has it; one who falls asleep inside is
	// thrown out by the server.
	if err := q.Exec(inner, `SELECT set_config('idle_in_transaction_session_timeout', ?, true), pg_advisory_xact_lock(7310584)`,
		fmt.Sprintf("%dms", d.o.Wait.Milliseconds())); err != nil {
		return false, err
	}
	if err := fn(inner, q); err != nil {
		return false, err
	}
	if !detach() {
		return false, ctx.Err()
	}
	return true, tx.Commit()
}

// failed words the database's failures; errors of fn's own pass as they are.
func (d *DB) failed(ctx context.Context, err error, start time.Time) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !d.fromDatabase(err), errors.Is(err, ErrUnavailable):
		return err
	}
	return d.unavailable(err, start)
}

// unavailable words what the database said. A server that was lost is left
// alone for a while: ten times as long as the failure took to show.
func (d *DB) unavailable(err error, start time.Time) error {
	if !d.lost(err) {
		return fmt.Errorf("%w: %s", ErrUnavailable, d.words(err))
	}
	lost := fmt.Errorf("%w: %s (%w)", ErrUnavailable, d.words(err), ErrLost)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = lost
	d.downTill = time.Now().Add(min(max(10*time.Since(start), 500*time.Millisecond), 30*time.Second))
	return lost
}

// Close closes the database. A later use opens it again.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.opened
	d.opened = nil
	switch {
	case at == nil:
		return nil
	case at.file != nil:
		return at.file.close(d.writing)
	}
	return at.db.Close()
}

// Q runs statements, which are written with ? for their parameters.
type Q struct {
	run runner
	pg  bool
}

// Exec runs a statement.
func (q Q) Exec(ctx context.Context, query string, args ...any) error {
	_, err := q.Changed(ctx, query, args...)
	return err
}

// Changed runs a statement and says how many rows it changed.
func (q Q) Changed(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.run.ExecContext(ctx, q.dialect(query), clean(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row reads one row; sql.ErrNoRows where there is none.
func (q Q) Row(ctx context.Context, query string, args ...any) *sql.Row {
	return q.run.QueryRowContext(ctx, q.dialect(query), clean(args)...)
}

// Rows reads rows. The caller closes them, come what may: while they are open
// the connection cannot be closed.
func (q Q) Rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q.run.QueryContext(ctx, q.dialect(query), clean(args)...)
}

// Insert runs an INSERT into a table with an id and returns the new one.
func (q Q) Insert(ctx context.Context, query string, args ...any) (id int64, err error) {
	err = q.Row(ctx, query+" RETURNING id", args...).Scan(&id)
	return id, err
}
