package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
)

// busyTimeout is how long SQLite itself waits for a lock. Its pauses grow, so
// that one that has waited for long would hardly ever find the moment; a fresh
// wait looks often, and all that wait have the same chance.
const busyTimeout = 20 * time.Millisecond

// file is an open SQLite file: its readers, and the one writing connection.
type file struct {
	path    string
	db      *sql.DB
	readers *prepared
	writer  *sql.Conn // nil = none yet; belongs to whom DB.writing lets in
	writes  *prepared
	users   *flock.Flock // held shared while the file is open, where it could be taken

	self, wal *fileID // what was opened
}

const walSuffix = "-wal"

// SequenceSuffix names a file beside the database's that is set aside with it.
const SequenceSuffix = ".seq"

// inPlace reports whether the open files are still those at their paths.
func (f *file) inPlace() bool { return f.same(f.path, f.self) && f.same(f.path+walSuffix, f.wal) }

func (f *file) same(path string, opened *fileID) bool {
	now, err := readFileID(path)
	return err == nil && opened.same(now)
}

// rescue brings what is only in a WAL that is no longer at its path into the
// file, which is. The caller holds DB.writing.
func (f *file) rescue(ctx context.Context) bool {
	if f.writer == nil || !f.same(f.path, f.self) {
		return false
	}
	var busy, frames, moved int
	err := Q{run: f.writes}.Row(context.WithoutCancel(ctx), `PRAGMA wal_checkpoint(FULL)`).Scan(&busy, &frames, &moved)
	return err == nil && busy == 0 && frames == moved
}

// transaction runs fn once. committing says that a failure came from the
// commit itself, whose effect is then unknown.
func (f *file) transaction(ctx context.Context, id string, fn func(context.Context, Q) error) (committing bool, err error) {
	if f.writer == nil {
		if f.writer, err = f.db.Conn(ctx); err != nil {
			return false, err
		}
		f.writes = newPrepared(f.writer)
	}
	q := Q{run: f.writes, id: id}
	if err := q.Exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		if errors.Is(err, sql.ErrConnDone) {
			f.writer = nil // the next one begins anew
		}
		return false, err
	}
	ended := false
	defer func() {
		// After some failures SQLite has ended the transaction by itself; then, or
		// where it cannot be ended, another connection is begun with.
		if !ended && q.Exec(context.Background(), `ROLLBACK`) != nil { // fn's panic included
			f.closeWriter(driver.ErrBadConn)
		}
	}()
	if err := fn(ctx, q); err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	// What is committed must not be called canceled.
	err = q.Exec(context.WithoutCancel(ctx), `COMMIT`)
	ended = err == nil
	return true, err
}

// close closes the file. A transaction that is at work has a moment to end; one
// that takes longer keeps its connection, and with it the file, until it has.
func (f *file) close(writing chan struct{}) error {
	ended := make(chan struct{})
	go func() {
		writing <- struct{}{}
		f.release()
		<-writing
		close(ended)
	}()
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	}
	return f.shut()
}

// release gives the writer back. The caller holds DB.writing.
func (f *file) release() {
	if f.writer == nil {
		return
	}
	if f.self != nil && !f.inPlace() {
		// Closing the last connection deletes the WAL at its path: another's now.
		_ = f.writer.Raw(func(c any) error {
			if control, ok := c.(sqlite.FileControl); ok {
				_, err := control.FileControlPersistWAL("main", 1)
				return err
			}
			return nil
		})
	}
	f.closeWriter(nil)
}

// discard closes a file that is nobody's any more. The caller holds DB.writing.
func (f *file) discard() {
	f.release()
	_ = f.shut()
}

func (f *file) shut() error {
	return errors.Join(f.db.Close(), f.users.Close())
}

// closeWriter gives the connection back to the pool, which with
// driver.ErrBadConn closes it. Its statements go first: the driver cannot close
// them later.
func (f *file) closeWriter(verdict error) {
	f.writes.close()
	_ = errors.Join(f.writer.Raw(func(any) error { return verdict }), f.writer.Close()) // nothing is lost with it
	f.writer, f.writes = nil, nil
}
