package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// openFile opens the file, or makes it. After an unclean end, which only the
// first process to open it can see, it is checked; where it is damaged it is set
// aside and a new one begins.
func (d *DB) openFile(ctx context.Context) (*opened, error) {
	if err := makePrivate(d.o.State); err != nil {
		return nil, err
	}
	users := flock.New(d.o.State+".lock", flock.SetPermissions(0o600))
	alone, lockErr := users.TryLock()
	at, err := d.openChecked(ctx, alone)
	if err != nil && alone && d.damaged(err) {
		at, err = d.beginNew(ctx, err)
	}
	if err != nil {
		return nil, errors.Join(err, users.Close())
	}
	at.file.users = users
	if lockErr != nil { // the directory is read-only: the file may still be read
		return at, nil
	}
	// flock cannot turn one lock into the other in one step. Whoever comes
	// between checks the file again, and finds it whole.
	if err = users.Unlock(); err == nil {
		_, err = users.TryRLockContext(ctx, time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(err, at.file.shut())
	}
	return at, nil
}

// openChecked opens the file. alone says that no other process has it open: a
// WAL with something in it was then left by one that was killed.
func (d *DB) openChecked(ctx context.Context, alone bool) (*opened, error) {
	unclean := alone && d.endedUncleanly()
	for {
		at, err := d.openWhole(ctx, unclean)
		if err == nil {
			if unclean {
				_ = os.Remove(d.o.State + checkSuffix)
			}
			return at, nil
		}
		// Several processes that make a new file at once shut each other out for
		// moments that SQLite's own waiting does not cover.
		if !busy(err) || ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *DB) endedUncleanly() bool {
	if _, err := os.Stat(d.o.State + checkSuffix); err == nil {
		return true
	}
	info, err := os.Stat(d.o.State + walSuffix)
	return err == nil && info.Size() > 0
}

func (d *DB) openWhole(ctx context.Context, check bool) (*opened, error) {
	path := d.o.State
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_txlock=immediate&_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)",
		urlPath(path), busyTimeout.Milliseconds()))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	f := &file{path: path, db: db, readers: newPrepared(db)}
	at := &opened{file: f}
	err = d.prepare(ctx, at, db)
	if err == nil {
		f.self, err = readFileID(path)
	}
	if err == nil { // there is a WAL once something was read
		f.wal, err = readFileID(path + walSuffix)
	}
	if err == nil && check {
		err = quickCheck(ctx, f)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return at, nil
}

// errDamaged says that a check found the file damaged.
var errDamaged = errors.New("is damaged")

// journalName is the file's name where the user has not chosen another.
const journalName = "journal.db"

// damaged says that the file is a journal and broken. What is no database at all
// is one only under our own name.
func (d *DB) damaged(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT:
		return true
	case sqlite3.SQLITE_NOTADB:
		return filepath.Base(d.o.State) == journalName
	}
	return errors.Is(err, errDamaged)
}

// suspect has the file checked when it is opened next by a process alone, and
// closes it. The caller holds writing.
func (d *DB) suspect(at *opened) {
	if d.forget(at) {
		_ = os.WriteFile(d.o.State+checkSuffix, nil, 0o600) // without it the next unclean end has it checked
		at.file.discard()
	}
}

const checkSuffix = ".check"

// quickCheck reads the whole file and reports the first thing wrong with it.
// A file that is too large for the time is left to Check.
func quickCheck(ctx context.Context, f *file) error {
	limited, stop := context.WithTimeout(ctx, checkWithin)
	defer stop()
	err := check(limited, Q{run: f.db}, `PRAGMA quick_check(1)`)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// checkWithin bounds what a check adds to an opening: about a gigabyte of file.
const checkWithin = 3 * time.Second

// check ends with ctx.
func check(ctx context.Context, q Q, pragma string) error {
	return q.Each(ctx, pragma, nil, func(r Row) error {
		var verdict string
		if err := r.Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w (%s)", errDamaged, strings.Join(strings.Fields(verdict), " "))
		}
		return nil
	})
}

// Check reads the whole file, its indexes too, and says what is wrong with it.
func (d *DB) Check(ctx context.Context) error {
	if d.Postgres() {
		return nil
	}
	start := time.Now()
	err := d.Read(ctx, func(q Q) error { return check(ctx, q, `PRAGMA integrity_check(1)`) })
	if errors.Is(err, errDamaged) {
		return d.unavailable(err, start)
	}
	return err
}

// beginNew sets a damaged file aside and opens a new one in its place.
func (d *DB) beginNew(ctx context.Context, cause error) (*opened, error) {
	aside, err := setAside(d.o.State)
	if err != nil {
		return nil, errors.Join(cause, err)
	}
	at, err := d.openChecked(ctx, true)
	if err == nil {
		d.notice(fmt.Sprintf("the journal %s was damaged (%v); it was set aside as %s and a new one begun: earlier records are only there",
			d.o.State, cause, aside))
	}
	return at, err
}

// setAside renames a journal with what belongs to it, under a name that is free.
func setAside(path string) (name string, err error) {
	stamp := time.Now().UTC().Format("20060102T150405Z")
	for n := 0; ; n++ {
		name = fmt.Sprintf("%s.damaged-%s", path, stamp)
		if n > 0 {
			name += fmt.Sprintf("-%d", n)
		}
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	// The WAL first: a file without its WAL is only older, a WAL beside another
	// file would be damage.
	for _, suffix := range []string{walSuffix, "-shm", "", SequenceSuffix} {
		if err := os.Rename(path+suffix, name+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	rootfs.SyncDir(filepath.Dir(path))
	return name, nil
}

// urlPath escapes what a path may hold and a SQLite URI may not. A path of a
// share or of a device on Windows gets an empty host before it.
func urlPath(path string) string {
	path = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path))
	if strings.HasPrefix(path, "//") {
		path = "//" + path
	}
	return path
}

// makePrivate makes the journal's directories, closed to others, and the file
// itself, so that what SQLite puts beside it takes its mode. Whatever is there
// stays as it is.
func makePrivate(path string) error {
	if err := rootfs.MakePrivate(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the user's own path
	if errors.Is(err, os.ErrExist) {
		// Why it cannot be used is said before SQLite has other words for it.
		info, stat := os.Stat(path)
		if stat == nil && info.Mode()&(os.ModeNamedPipe|os.ModeDevice|os.ModeSocket) != 0 { // opening a pipe could take for ever
			return errNoFile
		}
		if f, err = os.OpenFile(path, os.O_RDWR, 0); err == nil { //nolint:gosec // likewise
			return f.Close()
		}
		if stat == nil && info.Mode().IsRegular() && errors.Is(err, os.ErrPermission) {
			return nil // it may still be read
		}
		return err
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close()) // whatever the umask
}
