package sqldb

import (
	"strconv"
	"strings"
)

// dialect writes a statement's ? as the database wants them. No statement has
// one inside a string.
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
func (d *DB) definitions(statement string) string {
	id, number := "INTEGER PRIMARY KEY", "REAL"
	if d.Postgres() {
		id, number = "BIGSERIAL PRIMARY KEY", "DOUBLE PRECISION"
	}
	return strings.NewReplacer("{id}", id, "{real}", number).Replace(statement)
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
