package sqldb

import (
	"context"
	"database/sql"
	"sync"
)

// runner runs statements: a database, a connection of it, or a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// preparer is a runner that prepares statements.
type preparer interface {
	runner
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// keptStatements bounds how many statements stay prepared; there are fewer.
const keptStatements = 100

// prepared runs SQLite's statements and keeps them prepared: to parse one costs
// as much as to run it, and a record runs a dozen.
//
// Of a statement for one row or none the context is looked at before it and not
// while it runs: one that may end costs two goroutines, more than the statement
// does, and none takes long.
type prepared struct {
	on preparer

	mu     sync.Mutex
	byText map[string]*sql.Stmt
}

func newPrepared(on preparer) *prepared { return &prepared{on: on, byText: map[string]*sql.Stmt{}} }

// find prepares a statement, or finds it; nil where that is not possible.
func (p *prepared) find(ctx context.Context, query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	st, ok := p.byText[query]
	if ok || len(p.byText) >= keptStatements {
		return st
	}
	st, err := p.on.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return nil // running it will say why
	}
	p.byText[query] = st
	return st
}

// close closes what is prepared. database/sql does that by itself for a database,
// and not for a connection, which SQLite keeps open until it is done.
func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, st := range p.byText {
		_ = st.Close() // nothing is lost with it
	}
	clear(p.byText)
}

// detachContext returns ctx without its end, or ctx where it has ended: then nothing runs.
func detachContext(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx = detachContext(ctx)
	if st := p.find(ctx, query); st != nil { //nolint:sqlclosecheck // stays prepared
		return st.ExecContext(ctx, args...)
	}
	return p.on.ExecContext(ctx, query, args...)
}

// QueryContext ends with ctx: what reads many rows may take its time.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := p.find(ctx, query); st != nil { //nolint:sqlclosecheck // stays prepared
		return st.QueryContext(ctx, args...)
	}
	return p.on.QueryContext(ctx, query, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = detachContext(ctx)
	if st := p.find(ctx, query); st != nil { //nolint:sqlclosecheck // stays prepared
		return st.QueryRowContext(ctx, args...)
	}
	return p.on.QueryRowContext(ctx, query, args...)
}
