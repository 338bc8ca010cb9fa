// Package sqldb is one SQL database, SQLite in a file or a Postgres server,
// behind one dialect: opened at first use, written in transactions that exclude
// each other over all processes and are durable when they end.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that callers distinguish. They come wrapped, with the cause and the fix.
var (
	ErrUnavailable = errors.New("the journal cannot be used")
	ErrReadOnly    = errors.New("the journal is read-only here")
	// ErrLost comes with ErrUnavailable: the server was not reached, or went
	// away before it said whether the transaction was committed.
	ErrLost = errors.New("connection lost")
)

// Options say where the database is and what is in it.
type Options struct {
	State   string        // absolute path of the SQLite file, or postgres://…
	Schema  string        // statements that make a new database
	Version int           // of Schema; a database of another version is not written
	Wait    time.Duration // for other processes, and for a server's answer; 0 = 10 s
}

// DB is a database, safe for concurrent use by many goroutines and processes.
type DB struct {
	o       Options
	writing chan struct{} // one transaction at a time, as SQLite has it anyway

	mu       sync.Mutex // guards what follows; never held while waiting
	opened   *opened    // nil = not yet
	opening  *opening   // nil = nobody opens it now
	down     error      // what to say until the server is tried again
	downTill time.Time
	notices  []string
}

// opened is a database that is open.
type opened struct {
	id       string  // of this database; a new one in its place has another
	server   *sql.DB // nil = a file; its connections keep their statements prepared by themselves
	file     *file   // nil = a server
	readOnly string  // why nothing can be written here; "" = it can
}

// New names a database. It opens nothing: the first use does.
func New(o Options) *DB {
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	return &DB{o: o, writing: make(chan struct{}, 1)}
}

// IsPostgres reports whether a LOCALMODEL_STATE names a Postgres server.
func IsPostgres(state string) bool {
	return strings.HasPrefix(state, "postgres://") || strings.HasPrefix(state, "postgresql://")
}

// Postgres reports whether the database is on a Postgres server.
func (d *DB) Postgres() bool { return IsPostgres(d.o.State) }

// Exists reports whether there is a database to open. A server is assumed to be.
func (d *DB) Exists() bool {
	if d.Postgres() {
		return true
	}
	info, err := os.Stat(d.o.State)
	return err == nil && info.Size() > 0
}

// Notices reports what happened to the database in this process that a person
// should know: a damaged file set aside, a file replaced while it was open.
func (d *DB) Notices() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.notices)
}

func (d *DB) notice(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notices = append(d.notices, text)
}

// ReadOnly returns why nothing can be written here, as far as it is known; "" = it can.
func (d *DB) ReadOnly() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened == nil {
		return ""
	}
	return d.opened.readOnly
}

// maxReplaced is how often one call opens a file that was replaced under it.
const maxReplaced = 3

// errReplaced says that the open file is no longer the one at its path.
var errReplaced = errors.New("it was moved, deleted or replaced while it was open")

// Read runs fn to look at the database, outside a transaction.
func (d *DB) Read(ctx context.Context, fn func(q Q) error) error {
	start := time.Now()
	for try, replaced := 0, 0; ; try++ {
		at, err := d.open(ctx)
		if err != nil {
			return err
		}
		moved := at.file != nil && !at.file.inPlace() && replaced < maxReplaced
		if !moved && at.file != nil {
			err = fn(Q{run: at.file.readers, id: at.id})
		} else if !moved {
			err = fn(Q{run: at.server, pg: true, id: at.id})
		}
		if moved || try == 0 && code(err) == sqlite3.SQLITE_CORRUPT {
			if err := d.lock(ctx); err != nil {
				return err
			}
			if moved {
				replaced++
				d.reopen(at)
			} else {
				d.suspect(at)
			}
			d.unlock()
			continue
		}
		stale := try == 0 && d.lost(err) // a connection from before the server's restart
		locked := busy(err) && time.Since(start) < d.o.Wait
		if err == nil || ctx.Err() != nil || !stale && !locked {
			return d.failed(ctx, err, start)
		}
	}
}

// lock waits until no transaction of this process runs.
func (d *DB) lock(ctx context.Context) error {
	select {
	case d.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB) unlock() { <-d.writing }

// Write runs fn in one transaction that is durable when Write returns nil: the
// file written is then the one at its path. fn may run more than once; only its
// last run counts. A canceled ctx leaves either everything or nothing behind.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx Q) error) error {
	if err := d.lock(ctx); err != nil {
		return err
	}
	defer d.unlock()
	start := time.Now()
	for try, replaced := 0, 0; ; try++ {
		at, err := d.open(ctx)
		if err != nil {
			return err
		}
		if at.readOnly != "" {
			return fmt.Errorf("%w: %s", ErrReadOnly, at.readOnly)
		}
		committing, err := d.transaction(ctx, at, fn)
		if at.file != nil && (err == nil || committing) && !at.file.inPlace() {
			// Nobody finds there what was just written: it is written again, unless
			// it could be brought to where it is found.
			rescued := at.file.rescue(ctx)
			d.reopen(at)
			if rescued && err == nil {
				return nil
			}
			if replaced++; replaced > maxReplaced {
				return fmt.Errorf("%w: %s: %w again and again; leave it in its place", ErrUnavailable, d.o.State, errReplaced)
			}
			continue
		}
		if err == nil || ctx.Err() != nil {
			return d.failed(ctx, err, start)
		}
		if try == 0 && code(err) == sqlite3.SQLITE_CORRUPT {
			d.suspect(at)
			continue
		}
		// What was rolled back for another's sake, or never reached the server,
		// is tried again; what may have been committed is not.
		locked := busy(err) && !committing && time.Since(start) < d.o.Wait
		rolledBack := sqlState(err) == "40001" || sqlState(err) == "40P01"
		again := rolledBack && try < 5 || !committing && try == 0 && d.lost(err)
		if !locked && !again {
			return d.failed(ctx, err, start)
		}
	}
}

// transaction runs fn once. committing says that a failure came from the
// commit itself, whose effect is then unknown.
func (d *DB) transaction(ctx context.Context, at *opened, fn func(context.Context, Q) error) (committing bool, err error) {
	if at.file != nil {
		return at.file.transaction(ctx, at.id, fn)
	}
	return at.onServer(ctx, d.o.Wait, fn)
}

// failed describes the database's failures; errors of fn's own pass as they are.
func (d *DB) failed(ctx context.Context, err error, start time.Time) error {
	ours := code(err) != 0 || sqlState(err) != "" || d.lost(err) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case !ours, errors.Is(err, ErrUnavailable):
		return err
	}
	return d.unavailable(err, start)
}

// unavailable describes what the database said. A server that was lost is left
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
	o := d.opening
	d.mu.Unlock()
	if o != nil {
		<-o.done // bounded by Options.Wait
	}
	d.mu.Lock()
	at := d.opened
	d.opened = nil
	d.mu.Unlock()
	switch {
	case at == nil:
		return nil
	case at.file != nil:
		return at.file.close(d.writing)
	}
	return at.server.Close()
}
