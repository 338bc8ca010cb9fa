package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// connections is how many statements run side by side: readers, and one writer.
const connections = 4

// opening is one attempt to open the database, which callers wait for together.
type opening struct {
	done chan struct{}
	at   *opened
	err  error
}

// open opens the database once. A failure is tried again by the next call,
// since its cause may be fixed meanwhile. A caller whose ctx ends stops waiting;
// the attempt itself ends within Options.Wait.
func (d *DB) open(ctx context.Context) (*opened, error) {
	d.mu.Lock()
	if d.down != nil && time.Now().Before(d.downTill) {
		defer d.mu.Unlock()
		return nil, d.down
	}
	d.down = nil
	if at := d.opened; at != nil {
		d.mu.Unlock()
		return at, nil
	}
	if err := ctx.Err(); err != nil {
		d.mu.Unlock()
		return nil, err
	}
	o := d.opening
	if o == nil {
		o = &opening{done: make(chan struct{})}
		d.opening = o
		go d.openOnce(o) //nolint:gosec // several callers wait for it: it ends with none of them
	}
	d.mu.Unlock()
	select {
	case <-o.done:
		return o.at, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *DB) openOnce(o *opening) {
	start := time.Now()
	ctx, stop := context.WithTimeout(context.Background(), d.o.Wait)
	defer stop()
	var at *opened
	var err error
	if d.Postgres() {
		at, err = d.openServer(ctx)
	} else {
		at, err = d.openFile(ctx)
	}
	if err != nil && !errors.Is(err, ErrUnavailable) {
		err = d.unavailable(err, start)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.opened = at
	}
	o.at, o.err = at, err
	d.opening = nil
	close(o.done)
}

// forget has the next use open the database again; false = it has been done.
func (d *DB) forget(at *opened) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	current := d.opened == at
	if current {
		d.opened = nil
	}
	return current
}

// reopen closes a file that is no longer the one at its path; the next use
// opens what is there. The caller holds writing.
func (d *DB) reopen(at *opened) {
	if d.forget(at) {
		d.notice(fmt.Sprintf("%s: %v; it was opened again, records from before may be missing in it", d.o.State, errReplaced))
		at.file.discard()
	}
}

// prepare makes the tables of a new database and reads what it is.
func (d *DB) prepare(ctx context.Context, at *opened, db *sql.DB) error {
	q := Q{run: db, pg: d.Postgres()}
	version, err := d.identify(ctx, q, at)
	if err != nil || version == d.o.Version {
		return err
	}
	if version > 0 {
		at.readOnly = fmt.Sprintf("it has schema %d, this localmodel writes %d: update localmodel", version, d.o.Version)
		if version < d.o.Version {
			at.readOnly = fmt.Sprintf("it has the old schema %d: move it away", version)
		}
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := d.create(ctx, Q{run: tx, pg: d.Postgres()}, at); err != nil {
		return err
	}
	return tx.Commit()
}

// create makes the tables, unless another process has meanwhile.
func (d *DB) create(ctx context.Context, q Q, at *opened) error {
	if q.pg {
		if err := q.Exec(ctx, `SELECT pg_advisory_xact_lock(7310583)`); err != nil {
			return err
		}
	}
	if err := q.Exec(ctx, `CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)`); err != nil {
		return err
	}
	version, err := d.identify(ctx, q, at)
	if err != nil || version > 0 {
		return err
	}
	if !q.pg { // a schema of a server may hold others' tables
		// Only in this transaction: before it, another process may have made the
		// tables since identify looked.
		var tables int
		err := q.Row(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name NOT IN ('meta', 'sqlite_autoindex_meta_1')`).Scan(&tables)
		if err != nil {
			return err
		}
		if tables > 0 {
			return errForeign
		}
	}
	for statement := range strings.SplitSeq(definitions(d.o.Schema, q.pg), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := q.Exec(ctx, statement); err != nil {
			return fmt.Errorf("schema: %w", err)
		}
	}
	at.id = rand.Text()
	return q.Exec(ctx, `INSERT INTO meta (name, value) VALUES ('schema', ?), ('id', ?)`, strconv.Itoa(d.o.Version), at.id)
}

// identify reads the schema's version, 0 for a new database, and its id.
func (d *DB) identify(ctx context.Context, q Q, at *opened) (version int, err error) {
	var value string
	err = q.Row(ctx, `SELECT value FROM meta WHERE name = 'schema'`).Scan(&value)
	noTable := sqlState(err) == "42P01" || code(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such table")
	switch {
	case noTable, errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case code(err) == sqlite3.SQLITE_ERROR: // its meta has other columns
		return 0, errForeign
	case err != nil:
		return 0, err
	}
	if version, err = strconv.Atoi(value); err != nil || version < 1 {
		return 0, errForeign
	}
	return version, q.Row(ctx, `SELECT value FROM meta WHERE name = 'id'`).Scan(&at.id)
}

// errForeign says that the file is a database of another program.
var errForeign = errors.New("is a database of another program")

// errNoFile says that a pipe, a device or a socket is in the file's place.
var errNoFile = errors.New("is no regular file")
