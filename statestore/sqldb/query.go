package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
)

// Q runs statements, which are written with ? for their parameters.
type Q struct {
	run runner
	pg  bool
	id  string
}

// Database is the id of the database; another one in its place has another.
func (q Q) Database() string { return q.id }

// Exec runs a statement.
func (q Q) Exec(ctx context.Context, query string, args ...any) error {
	_, err := q.run.ExecContext(ctx, q.dialect(query), clean(args)...)
	return err
}

// Changed runs a statement and says how many rows it changed.
func (q Q) Changed(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.run.ExecContext(ctx, q.dialect(query), clean(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row reads one row; sql.ErrNoRows where there is none.
func (q Q) Row(ctx context.Context, query string, args ...any) *sql.Row {
	return q.run.QueryRowContext(ctx, q.dialect(query), clean(args)...)
}

// Text reads one text; nil where there is no row.
func (q Q) Text(ctx context.Context, query string, args ...any) (text []byte, err error) {
	err = q.Row(ctx, query, args...).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return text, err
}

// Rows reads rows. The caller closes them, come what may: while they are open
// the connection cannot be closed.
func (q Q) Rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q.run.QueryContext(ctx, q.dialect(query), clean(args)...)
}

// Row is one row of a result.
type Row interface{ Scan(dest ...any) error }

// Each gives fn one row after another. It stops at fn's first error.
func (q Q) Each(ctx context.Context, query string, args []any, fn func(r Row) error) error {
	rows, err := q.Rows(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Insert runs an INSERT into a table with an id and returns the new one.
func (q Q) Insert(ctx context.Context, query string, args ...any) (id int64, err error) {
	if q.pg {
		err = q.Row(ctx, query+" RETURNING id", args...).Scan(&id)
		return id, err
	}
	result, err := q.run.ExecContext(ctx, query, clean(args)...) // cheaper than a row
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// Flag is a truth as both databases store it.
func Flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dialect writes a statement's ?, none of which is in a string, as the database wants.
func (q Q) dialect(statement string) string {
	if !q.pg || !strings.Contains(statement, "?") {
		return statement
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(statement, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		statement = after
	}
}

// definitions fills in what differs where tables are made.
func definitions(schema string, pg bool) string {
	words := []string{"{id}", "INTEGER PRIMARY KEY", "{int}", "INTEGER", "{real}", "REAL", "{table}", "STRICT", "{keyed}", "STRICT, WITHOUT ROWID"}
	if pg {
		words = []string{"{id}", "BIGSERIAL PRIMARY KEY", "{int}", "BIGINT", "{real}", "DOUBLE PRECISION", "{table}", "", "{keyed}", ""}
	}
	return strings.NewReplacer(words...).Replace(schema)
}

// clean makes texts storable in both databases: Postgres takes no NUL and no
// broken UTF-8, and the same outcome must be the same in both.
func clean(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}
