package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// file is an open SQLite file: its readers, and the one connection that all
// transactions run on.
type file struct {
	db      *sql.DB
	readers *prepared
	writer  *sql.Conn // nil = none yet; belongs to whom DB.writing lets in
	writes  *prepared
}

func newFile(db *sql.DB) *file { return &file{db: db, readers: newPrepared(db)} }

// transaction runs fn once. committing says that a failure came from the
// commit itself, whose effect is then unknown.
func (f *file) transaction(ctx context.Context, fn func(context.Context, Q) error) (committing bool, err error) {
	if f.writer == nil {
		if f.writer, err = f.db.Conn(ctx); err != nil {
			return false, err
		}
		f.writes = newPrepared(f.writer)
	}
	q := Q{run: f.writes}
	if err := q.Exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		if errors.Is(err, sql.ErrConnDone) {
			f.writer = nil // the next one begins anew
		}
		return false, err
	}
	ended := false
	defer func() {
		if !ended { // fn's panic included
			f.rollback(q)
		}
	}()
	if err := fn(ctx, q); err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	// From here on the caller cannot cancel: what is committed must not be
	// called canceled.
	err = q.Exec(context.WithoutCancel(ctx), `COMMIT`)
	ended = err == nil
	return true, err
}

// rollback ends a transaction that is not committed. After some failures SQLite
// has ended it by itself; then, or where it cannot be ended, another connection
// is begun with.
func (f *file) rollback(q Q) {
	if q.Exec(context.Background(), `ROLLBACK`) != nil {
		f.closeWriter(driver.ErrBadConn)
	}
}

// close closes the file. A transaction that is at work has a moment to end; one
// that takes longer keeps its connection, and with it the file, until it has.
func (f *file) close(writing chan struct{}) error {
	ended := make(chan struct{})
	go func() {
		writing <- struct{}{}
		if f.writer != nil {
			f.closeWriter(nil)
		}
		<-writing
		close(ended)
	}()
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	}
	return f.db.Close()
}

// closeWriter gives the connection back to the pool, which with
// driver.ErrBadConn closes it. Its statements go first: the driver cannot close
// them later.
func (f *file) closeWriter(verdict error) {
	f.writes.close()
	_ = errors.Join(f.writer.Raw(func(any) error { return verdict }), f.writer.Close()) // nothing is lost with it
	f.writer, f.writes = nil, nil
}
