package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// server is an open Postgres database. Its connections keep their statements
// prepared by themselves.
type server struct{ db *sql.DB }

func (d *DB) dialServer() (*server, error) {
	config, err := pgx.ParseConfig(d.o.State)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = min(3*time.Second, d.o.Wait)
	}
	config.RuntimeParams["application_name"] = "localmodel"
	s := &server{stdlib.OpenDB(*config)}
	s.db.SetMaxOpenConns(connections)
	s.db.SetMaxIdleConns(connections)
	return s, nil
}

func (s *server) transaction(ctx context.Context, wait time.Duration, fn func(context.Context, Q) error) (committing bool, err error) {
	// The caller may cancel until the commit begins, and no longer: what is
	// committed must not be called canceled.
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	detach := context.AfterFunc(ctx, cancel)
	defer detach()
	tx, err := s.db.BeginTx(inner, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	q := Q{run: tx, pg: true}
	// One writer at a time, as SQLite has it. Idle transactions are terminated by
	// the server.
	if err := q.Exec(inner, `SELECT set_config('idle_in_transaction_session_timeout', ?, true), pg_advisory_xact_lock(7310584)`,
		fmt.Sprintf("%dms", wait.Milliseconds())); err != nil {
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
