package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// Options say where the journal is.
type Options struct {
	State      string // path of the SQLite file, relative to Root, or postgres://…
	Root       string // project root; the state file is .claude/implementer-state.json in it
	Log        *slog.Logger
	Now        func() time.Time
	Version    string
	RetainDays int // closed attempts older than this are folded into daily figures; 0 = 90
}

// busyTimeout is how long a write waits for other processes.
const busyTimeout = 10 * time.Second

// Store is the journal and its projection. It is safe for concurrent use, by
// many goroutines and many processes.
type Store struct {
	o  Options
	mu sync.Mutex // guards opening
	db *sql.DB
	// readOnly says why nothing can be recorded here; "" = it can.
	readOnly string

	calls  callQueue
	mirror *mirror
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
	if o.State == "" {
		o.State = filepath.Join(".claude", "localmodel", "journal.db")
	}
	if !postgres(o.State) && !filepath.IsAbs(o.State) {
		o.State = filepath.Join(o.Root, o.State)
	}
	s := &Store{o: o}
	s.mirror = newMirror(s)
	return s
}

func postgres(state string) bool {
	return strings.HasPrefix(state, "postgres://") || strings.HasPrefix(state, "postgresql://")
}

// open opens and migrates the journal once; a failure is tried again by the
// next call, since its cause may be mended meanwhile.
func (s *Store) open(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return s.db, nil
	}
	db, err := s.dial()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), busyTimeout)
	defer stop()
	if s.readOnly, err = s.migrate(ctx, db); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, s.words(err))
	}
	s.db = db
	if s.mirror.file.Exists() {
		s.mirror.changed() // it is compared with the journal at the start
	}
	return db, nil
}

func (s *Store) dial() (*sql.DB, error) {
	if postgres(s.o.State) {
		db, err := sql.Open("pgx", s.o.State)
		if err == nil {
			db.SetMaxOpenConns(4)
		}
		return db, err
	}
	dir := filepath.Dir(s.o.State)
	if err := makePrivate(dir); err != nil {
		return nil, err
	}
	// The file is created first so that SQLite's own files take its mode.
	f, err := os.OpenFile(s.o.State, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		if !errors.Is(err, os.ErrPermission) {
			return nil, err
		}
		if f, err = os.Open(s.o.State); err != nil {
			return nil, err
		}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+urlPath(s.o.State)+"?_txlock=immediate&_pragma=busy_timeout("+
		strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err == nil {
		db.SetMaxOpenConns(1) // one writer; SQLite has no more
	}
	return db, err
}

// urlPath escapes what a path may hold and a SQLite URI may not.
func urlPath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path))
}

// makePrivate makes the journal's directory, closed to others and ignored by
// git.
func makePrivate(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // .claude is the project's, not ours
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil // the journal itself will say what is wrong
	}
	return err
}

// migrate brings the journal to the newest schema. A journal that a newer
// version wrote is left alone: readOnly says so.
func (s *Store) migrate(ctx context.Context, db *sql.DB) (readOnly string, err error) {
	version, err := s.schemaVersion(ctx, db)
	if err != nil {
		return "", err
	}
	switch {
	case version == len(migrations):
		return "", nil
	case version > len(migrations):
		return fmt.Sprintf("it was written by a newer localmodel (schema %d, this one knows %d): update localmodel", version, len(migrations)), nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := s.lockSchema(ctx, tx); err != nil {
		return "", err
	}
	// Another process may have migrated meanwhile: look again inside.
	if version, err = s.schemaVersion(ctx, tx); err != nil {
		return "", err
	}
	isNew := version == 0
	for ; version < len(migrations); version++ {
		for _, statement := range strings.Split(s.dialect(migrations[version]), ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return "", fmt.Errorf("schema %d: %w", version+1, err)
			}
		}
	}
	if isNew {
		if err := s.importBaseline(ctx, tx); err != nil {
			return "", err
		}
	}
	if _, err := tx.ExecContext(ctx, s.q(`UPDATE meta SET value = ? WHERE name = 'schema'`), strconv.Itoa(len(migrations))); err != nil {
		return "", err
	}
	return "", tx.Commit()
}

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) schemaVersion(ctx context.Context, db querier) (int, error) {
	var value string
	err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'schema'`).Scan(&value)
	if err == nil {
		return strconv.Atoi(value)
	}
	if !missingTable(err) && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	return 0, nil
}

func missingTable(err error) bool {
	return strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "SQLSTATE 42P01")
}

// lockSchema keeps other processes from migrating at the same time and makes
// the table that holds the version.
func (s *Store) lockSchema(ctx context.Context, tx *sql.Tx) error {
	if postgres(s.o.State) {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7310583)`); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES ('schema', '0') ON CONFLICT (name) DO NOTHING`)
	return err
}

// dialect fills in what differs between the stores.
func (s *Store) dialect(statement string) string {
	id, number := "INTEGER PRIMARY KEY", "REAL"
	if postgres(s.o.State) {
		id, number = "BIGSERIAL PRIMARY KEY", "DOUBLE PRECISION"
	}
	return strings.NewReplacer("{id}", id, "{real}", number).Replace(statement)
}

// q writes a statement's ? as the store wants them.
func (s *Store) q(statement string) string {
	if !postgres(s.o.State) {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, part := range strings.SplitAfter(statement, "?") {
		if strings.HasSuffix(part, "?") {
			n++
			part = strings.TrimSuffix(part, "?") + "$" + strconv.Itoa(n)
		}
		b.WriteString(part)
	}
	return b.String()
}

// write runs fn in one transaction that is durable when write returns.
func (s *Store) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	if s.readOnly != "" {
		return fmt.Errorf("%w: %s", ErrReadOnly, s.readOnly)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := fn(tx); err != nil {
		return s.failed(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return s.failed(ctx, err)
	}
	return nil
}

// failed words a write's failure; our own errors pass as they are.
func (s *Store) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrBudget), errors.Is(err, ErrReadOnly):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, s.words(err))
}

// words says what is wrong and what mends it.
func (s *Store) words(err error) string {
	text, where := err.Error(), s.o.State
	if postgres(where) {
		return "Postgres: " + clipPassword(text)
	}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("not a database", "malformed"):
		return where + " is not a journal or is damaged; move it away, a new one is made"
	case has("readonly", "read-only", "unable to open", "permission denied"):
		return where + " cannot be written; make its directory writable, or set LOCALMODEL_STATE to another path"
	case has("full", "no space"):
		return "the disk of " + where + " is full; free some space"
	case has("locked", "SQLITE_BUSY"):
		return fmt.Sprintf("%s is locked by another process for more than %s; end that process", where, busyTimeout)
	}
	return where + ": " + text
}

func clipPassword(text string) string {
	if i := strings.Index(text, "://"); i >= 0 {
		if at := strings.IndexByte(text[i:], '@'); at > 0 {
			return text[:i+3] + "***" + text[i+at:]
		}
	}
	return text
}

// Flush writes what is waiting: rows of local calls, and the state file.
func (s *Store) Flush(ctx context.Context) error {
	return errors.Join(s.flushCalls(ctx), s.mirror.flush(ctx))
}

// Close flushes and closes. A store never used closes at no cost.
func (s *Store) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	err := s.Flush(ctx)
	s.mirror.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return err
	}
	err = errors.Join(err, s.db.Close())
	s.db = nil
	return err
}

// Warnings tells what is wrong with the state file, for every result.
func (s *Store) Warnings() []string { return s.mirror.warnings() }
