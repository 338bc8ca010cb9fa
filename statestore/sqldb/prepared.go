package sqldb

import (
	"context"
	"database/sql"
	"sync"
)

// runner runs statements: a database, or a transaction of it.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// keptStatements bounds how many statements stay prepared; there are fewer.
const keptStatements = 100

// statements keeps SQLite's statements prepared: to parse one costs as much as
// to run it, and a record runs a dozen.
type statements struct {
	mu     sync.Mutex
	db     *sql.DB // they are this one's
	byText map[string]*sql.Stmt
}

// on gives what runs statements in tx, or where that is nil outside of any.
func (s *statements) on(db *sql.DB, tx *sql.Tx) runner { return prepared{s, db, tx} }

// get prepares a statement, or finds it; nil where that is not possible.
func (s *statements) get(ctx context.Context, db *sql.DB, query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != db { // closed and opened again: the old ones went with it
		s.db, s.byText = db, map[string]*sql.Stmt{}
	}
	st, ok := s.byText[query]
	if ok || len(s.byText) >= keptStatements {
		return st
	}
	st, err := db.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return nil // running it will say why
	}
	s.byText[query] = st
	return st
}

type prepared struct {
	kept *statements
	db   *sql.DB
	tx   *sql.Tx
}

// find gives the statement as it runs here, else what runs its text.
func (p prepared) find(ctx context.Context, query string) (*sql.Stmt, runner) {
	st := p.kept.get(ctx, p.db, query)
	switch {
	case p.tx == nil:
		return st, p.db
	case st == nil:
		return nil, p.tx
	}
	return p.tx.StmtContext(ctx, st), p.tx
}

func (p prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, plain := p.find(ctx, query) //nolint:sqlclosecheck // stays prepared
	if st == nil {
		return plain.ExecContext(ctx, query, args...)
	}
	return st.ExecContext(ctx, args...)
}

func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, plain := p.find(ctx, query) //nolint:sqlclosecheck // stays prepared
	if st == nil {
		return plain.QueryContext(ctx, query, args...)
	}
	return st.QueryContext(ctx, args...)
}

func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	st, plain := p.find(ctx, query) //nolint:sqlclosecheck // stays prepared
	if st == nil {
		return plain.QueryRowContext(ctx, query, args...)
	}
	return st.QueryRowContext(ctx, args...)
}
