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
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// code is SQLite's primary result code of an error, 0 where it is none of its.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func busy(err error) bool {
	return code(err) == sqlite3.SQLITE_BUSY || code(err) == sqlite3.SQLITE_LOCKED
}

func missingTable(err error) bool {
	return sqlState(err) == "42P01" || code(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such table")
}

// rolledBack says that the server undid the transaction for another's sake.
func rolledBack(err error) bool {
	return sqlState(err) == "40001" || sqlState(err) == "40P01"
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

// fromDatabase tells the database's errors from those of the code that runs in
// a transaction.
func (d *DB) fromDatabase(err error) bool {
	return code(err) != 0 || sqlState(err) != "" || d.lost(err) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone)
}

// words says what is wrong and what mends it.
func (d *DB) words(err error) string {
	where := d.o.State
	if d.Postgres() {
		text := "Postgres: " + hidePassword(strings.Join(strings.Fields(err.Error()), " "))
		if d.lost(err) {
			return text + "; start the server, or set LOCALMODEL_STATE to another one"
		}
		return text + "; look at the server's log, or set LOCALMODEL_STATE to another one"
	}
	switch c := code(err); {
	case c == sqlite3.SQLITE_NOTADB, c == sqlite3.SQLITE_CORRUPT:
		return where + " is not a journal or is damaged; move it away (mv " + where + " " + where + ".damaged), a new one is made"
	case c == sqlite3.SQLITE_FULL, errors.Is(err, syscall.ENOSPC):
		return "the disk of " + where + " is full; free some space"
	case c == sqlite3.SQLITE_BUSY, c == sqlite3.SQLITE_LOCKED:
		return fmt.Sprintf("%s is locked by another process for more than %s; end that process (fuser %s names it)", where, d.o.Wait, where)
	case c == sqlite3.SQLITE_READONLY, c == sqlite3.SQLITE_CANTOPEN, c == sqlite3.SQLITE_PERM, errors.Is(err, fs.ErrPermission),
		errors.Is(err, syscall.EROFS):
		return where + " cannot be written; make its directory and file writable, or set LOCALMODEL_STATE to another path"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return where + " cannot be a file there (" + err.Error() + "); set LOCALMODEL_STATE to another path"
	}
	return where + ": " + err.Error() + "; set LOCALMODEL_STATE to another path if that goes on"
}

// hidePassword masks the password of an address inside a text.
func hidePassword(text string) string {
	if i := strings.Index(text, "://"); i >= 0 {
		if at := strings.IndexByte(text[i:], '@'); at > 0 {
			return text[:i+3] + "***" + text[i+at:]
		}
	}
	return text
}
