package sqldb

import (
	"strings"
	"testing"
	"time"

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

// A server's address is shown without user, password and parameters, whether it
// can be parsed or not, reached or not.
func TestServerErrors_ShowNoCredentials(t *testing.T) {
	for _, address := range []string{
		"postgres://app:s3cr3t@127.0.0.1:1/none", "postgres://app:p@s3cr3t@127.0.0.1:1/none", "postgres://127.0.0.1:1/none?password=s3cr3t&user=app",
		"postgres://app:s3cr3t@127.0.0.1:notaport/none", "postgres://app:p/s3cr3t@127.0.0.1:1/none", "postgres://app:p%s3cr3t@127.0.0.1:1/none",
		"postgres://app:p?s3cr3t@127.0.0.1:1/none", "postgres://app:p s3cr3t@127.0.0.1:1/none", "postgres://app:s3cr3t@[::1/none",
	} {
		d := New(Options{State: address, Wait: time.Second})
		err := d.Read(t.Context(), func(Q) error { return nil })
		if err == nil {
			t.Errorf("%s: no error", address)
			continue
		}
		if text := err.Error(); strings.Contains(text, "s3cr3t") || strings.Contains(text, "app:") || strings.Contains(text, "user=app") {
			t.Errorf("%s: %s", address, text)
		}
	}
}
