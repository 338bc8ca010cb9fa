package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"
)

// turn is how long SQLite itself waits for a lock. Its pauses grow, so that one
// that has waited for long would hardly ever find the moment; a fresh wait looks
// often, and all that wait have the same chance.
const turn = 20 * time.Millisecond

// connections is how many statements run side by side: readers, and one writer.
const connections = 4

// open opens and migrates the database once; a failure is tried again by the
// next call, since its cause may be mended meanwhile.
func (d *DB) open(ctx context.Context) (*opened, error) {
	d.mu.Lock()
	if d.down != nil && time.Now().Before(d.downTill) {
		defer d.mu.Unlock()
		return nil, d.down
	}
	d.down = nil
	if d.opened != nil {
		defer d.mu.Unlock()
		return d.opened, nil
	}
	start := time.Now()
	db, readOnly, err := d.openAndMigrate(ctx)
	var at *opened
	if err == nil {
		at = &opened{db: db, readOnly: readOnly}
		if !d.Postgres() {
			at.file = newFile(db)
		}
		d.opened = at
	}
	d.mu.Unlock()
	if err != nil {
		return nil, d.unavailable(err, start)
	}
	return at, nil
}

func (d *DB) openAndMigrate(ctx context.Context) (*sql.DB, string, error) {
	db, err := d.dial()
	if err != nil {
		return nil, "", err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), d.o.Wait)
	defer stop()
	for {
		readOnly, err := d.migrate(ctx, db)
		if err == nil {
			return db, readOnly, nil
		}
		// Several processes that make a new file at once shut each other out for
		// moments that SQLite's own waiting does not cover.
		if !busy(err) || ctx.Err() != nil {
			return nil, "", errors.Join(err, db.Close())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *DB) dial() (*sql.DB, error) {
	if d.Postgres() {
		config, err := pgx.ParseConfig(d.o.State)
		if err != nil {
			return nil, err
		}
		if config.ConnectTimeout == 0 {
			config.ConnectTimeout = min(3*time.Second, d.o.Wait)
		}
		config.RuntimeParams["application_name"] = "localmodel"
		return stdlib.OpenDB(*config), nil
	}
	if err := makePrivate(filepath.Dir(d.o.State)); err != nil {
		return nil, err
	}
	// The file is created first so that SQLite's own files take its mode.
	f, err := os.OpenFile(d.o.State, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return sql.Open("sqlite", "file:"+urlPath(d.o.State)+"?_txlock=immediate&_pragma=busy_timeout("+
		strconv.FormatInt(turn.Milliseconds(), 10)+")&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
}

// urlPath escapes what a path may hold and a SQLite URI may not.
func urlPath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path))
}

// makePrivate makes the journal's directory, closed to others and ignored by
// git. A directory that was there is somebody's: it stays as it is, but for the
// usual one, whose making may have been cut short.
func makePrivate(dir string) error {
	ours := filepath.Base(dir) == "localmodel"
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // .claude is the project's, not ours
		return err
	}
	if err := os.Mkdir(dir, 0o700); err == nil {
		ours = true
		syncDirs(filepath.Dir(dir))
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); err == nil || !ours {
		return nil
	}
	err := os.WriteFile(ignore, []byte("*\n"), 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil // the journal itself will say what is wrong
	}
	return err
}

// syncDirs makes a new directory durable, as far as the system can (Windows has
// nothing to flush).
func syncDirs(dir string) {
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if f, err := os.Open(d); err == nil { //nolint:gosec // the project's own directories
			_ = f.Sync()
			_ = f.Close()
		}
	}
}

// migrate brings the database to the newest schema. One that a newer version
// wrote is left alone: readOnly says so.
func (d *DB) migrate(ctx context.Context, db *sql.DB) (readOnly string, err error) {
	known := len(d.o.Migrations)
	version, err := schemaVersion(ctx, Q{run: db, pg: d.Postgres()})
	switch {
	case err != nil:
		return "", err
	case version == known:
		return "", nil
	case version > known:
		return fmt.Sprintf("it was written by a newer localmodel (schema %d, this one knows %d): update localmodel", version, known), nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	q := Q{run: tx, pg: d.Postgres()}
	if err := lockSchema(ctx, q); err != nil {
		return "", err
	}
	// Another process may have migrated meanwhile: look again inside.
	if version, err = schemaVersion(ctx, q); err != nil {
		return "", err
	}
	if version >= known {
		return "", nil
	}
	for ; version < known; version++ {
		for statement := range strings.SplitSeq(d.definitions(d.o.Migrations[version]), ";") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if err := q.Exec(ctx, statement); err != nil {
				return "", fmt.Errorf("schema %d: %w", version+1, err)
			}
		}
	}
	if err := q.Exec(ctx, `UPDATE meta SET value = ? WHERE name = 'schema'`, strconv.Itoa(known)); err != nil {
		return "", err
	}
	return "", tx.Commit()
}

func schemaVersion(ctx context.Context, q Q) (int, error) {
	var value string
	err := q.Row(ctx, `SELECT value FROM meta WHERE name = 'schema'`).Scan(&value)
	switch {
	case err == nil:
		return strconv.Atoi(value)
	case missingTable(err), errors.Is(err, sql.ErrNoRows):
		return 0, nil
	}
	return 0, err
}

// lockSchema keeps other processes from migrating at the same time and makes
// the table that holds the version.
func lockSchema(ctx context.Context, q Q) error {
	if q.pg {
		if err := q.Exec(ctx, `SELECT pg_advisory_xact_lock(7310583)`); err != nil {
			return err
		}
	}
	if err := q.Exec(ctx, `CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)`); err != nil {
		return err
	}
	return q.Exec(ctx, `INSERT INTO meta VALUES ('schema', '0') ON CONFLICT (name) DO NOTHING`)
}
