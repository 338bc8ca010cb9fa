package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openServer opens a server's database.
func (d *DB) openServer(ctx context.Context) (*opened, error) {
	config, err := pgx.ParseConfig(d.o.State)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = min(3*time.Second, d.o.Wait)
	}
	config.RuntimeParams["application_name"] = "localmodel"
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	at := &opened{server: db}
	if err := d.prepare(ctx, at, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return at, nil
}

func (at *opened) onServer(ctx context.Context, wait time.Duration, fn func(context.Context, Q) error) (committing bool, err error) {
	// The caller may cancel until the commit begins, and no longer: what is
	// committed must not be called canceled.
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	detach := context.AfterFunc(ctx, cancel)
	defer detach()
	tx, err := at.server.BeginTx(inner, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	q := Q{run: tx, pg: true, id: at.id}
	// One writer at a time. The server terminates idle transactions.
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
