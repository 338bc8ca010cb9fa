package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/fjbelchi/localmodel/internal/secrets"
)

// code is SQLite's primary result code of an error, 0 where it is none of its.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func busy(err error) bool {
	return code(err) == sqlite3.SQLITE_BUSY || code(err) == sqlite3.SQLITE_LOCKED
}

// lost says that the server was not reached or went away.
func (d *DB) lost(err error) bool {
	if !d.Postgres() {
		return false
	}
	if s := sqlState(err); s != "" {
		return strings.HasPrefix(s, "08") || strings.HasPrefix(s, "57") || strings.HasPrefix(s, "53") || s == "25P03"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, context.DeadlineExceeded)
}

// words says what is wrong and what fixes it.
func (d *DB) words(err error) string {
	where := d.o.State
	if d.Postgres() {
		var config *pgconn.ParseConfigError
		if errors.As(err, &config) { // its text quotes the address
			return "Postgres: the address in LOCALMODEL_STATE, " + secrets.Address(where) + ", cannot be read; write the special characters of its password as %XX"
		}
		text := "Postgres: " + secrets.WithoutAddress(err.Error(), where)
		if d.lost(err) {
			return text + "; start the server, or set LOCALMODEL_STATE to another one"
		}
		return text + "; look at the server's log, or set LOCALMODEL_STATE to another one"
	}
	c := code(err)
	switch {
	case errors.Is(err, errForeign), errors.Is(err, errNoFile):
		return where + " " + err.Error() + "; set LOCALMODEL_STATE to another path"
	case c == sqlite3.SQLITE_NOTADB:
		return where + " is no database; set LOCALMODEL_STATE to another path, or move it away (mv " + where + " " + where + ".old)"
	case c == sqlite3.SQLITE_CORRUPT, errors.Is(err, errDamaged):
		return where + " is damaged (" + err.Error() + "); end all localmodel processes: the next one sets it aside and begins a new one"
	case c == sqlite3.SQLITE_BUSY, c == sqlite3.SQLITE_LOCKED:
		return fmt.Sprintf("%s is locked by another process for more than %s; end that process (fuser %s names it)", where, d.o.Wait, where)
	}
	if c != 0 && c != sqlite3.SQLITE_FULL {
		// SQLite's code names the call that failed, not the reason.
		err = errors.Join(err, probe(where))
	}
	switch {
	case c == sqlite3.SQLITE_FULL, noSpace(err):
		return "the disk of " + where + " is full; free some space"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many files are open, so " + where + " cannot be; close some programs or raise the limit (ulimit -n)"
	case errors.Is(err, syscall.EROFS):
		return where + " is on a read-only file system; set LOCALMODEL_STATE to another path"
	case c == sqlite3.SQLITE_READONLY, c == sqlite3.SQLITE_CANTOPEN, c == sqlite3.SQLITE_PERM, errors.Is(err, fs.ErrPermission):
		return where + " cannot be written; make its directory and file writable, or set LOCALMODEL_STATE to another path"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return where + " cannot be a file there (" + err.Error() + "); set LOCALMODEL_STATE to another path"
	}
	return where + ": " + err.Error() + "; set LOCALMODEL_STATE to another path if that goes on"
}

// noSpace says that the disk or the user's share of it is used up.
func noSpace(err error) bool {
	codes := []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT}
	if runtime.GOOS == "windows" { // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED
		codes = []syscall.Errno{syscall.ENOSPC, 39, 112, 1295}
	}
	return slices.ContainsFunc(codes, func(c syscall.Errno) bool { return errors.Is(err, c) })
}

// probe finds out why a file cannot be used: it makes a file beside it and fills
// it with more than SQLite's smallest extension of a file.
func probe(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".localmodel-probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
