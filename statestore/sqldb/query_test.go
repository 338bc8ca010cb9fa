package sqldb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDialect(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT 1`:                          `SELECT 1`,
		`SELECT a FROM t WHERE b = ?`:       `SELECT a FROM t WHERE b = $1`,
		`? ? ?`:                             `$1 $2 $3`,
		`INSERT INTO t VALUES (?, 'x', ?);`: `INSERT INTO t VALUES ($1, 'x', $2);`,
	} {
		if got := (Q{pg: true}).dialect(text); got != want {
			t.Errorf("Postgres: %q, want %q", got, want)
		}
		if got := (Q{}).dialect(text); got != text {
			t.Errorf("SQLite: %q, want %q", got, text)
		}
	}
}

func TestClean(t *testing.T) {
	got := clean([]any{"a\x00b", "\xff", 7, nil, "é?"})
	if diff := cmp.Diff([]any{"a\uFFFDb", "\uFFFD", 7, nil, "é?"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHidePassword(t *testing.T) {
	for text, want := range map[string]string{
		"no address":                           "no address",
		"cannot parse `postgres://u:p@h/d`: x": "cannot parse `postgres://***@h/d`: x",
		"postgres://h/d":                       "postgres://h/d",
	} {
		if got := hidePassword(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
