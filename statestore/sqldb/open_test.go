package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Processes that find no file make it at the same time. Each of them must find
// its tables, whoever made them.
func TestOpen_ManyMakeTheFileAtOnce(t *testing.T) {
	const rounds, openers = 15, 8
	schema := strings.Repeat("CREATE TABLE IF NOT EXISTS t (x TEXT);", 5)
	for range rounds {
		file := filepath.Join(t.TempDir(), "t.db")
		var group sync.WaitGroup
		begin := make(chan struct{})
		for range openers {
			group.Go(func() {
				d := New(Options{State: file, Schema: schema, Version: 1})
				<-begin
				err := d.Write(context.Background(), func(ctx context.Context, tx Q) error {
					return tx.Exec(ctx, `INSERT INTO t VALUES ('row')`)
				})
				if err := errors.Join(err, d.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		group.Wait()
		d := New(Options{State: file, Schema: schema, Version: 1})
		var rows int
		err := d.Read(context.Background(), func(q Q) error {
			return q.Row(context.Background(), `SELECT COUNT(*) FROM t`).Scan(&rows)
		})
		if err := errors.Join(err, d.Close()); err != nil || rows != openers {
			t.Fatalf("%d rows of %d, %v", rows, openers, err)
		}
	}
}

// Tables without a version of ours are those of another program only where no
// other process can be making ours: in the transaction that would make them.
func TestOpen_DatabaseOfAnotherProgram(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "t.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the test's own
	if _, err := db.ExecContext(ctx, `CREATE TABLE theirs (x TEXT); INSERT INTO theirs VALUES ('kept')`); err != nil {
		t.Fatal(err)
	}
	d := New(Options{State: file, Schema: `CREATE TABLE t (x TEXT)`, Version: 1})
	if version, err := d.identify(ctx, Q{run: db}, &opened{}); version != 0 || err != nil {
		t.Errorf("before the transaction: version %d, %v; want 0 and no verdict", version, err)
	}
	err = d.Write(ctx, func(context.Context, Q) error { return nil })
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "of another program") {
		t.Errorf("error %v", err)
	}
	var tables string
	if err := db.QueryRowContext(ctx, `SELECT group_concat(name) FROM sqlite_master`).Scan(&tables); err != nil || tables != "theirs" {
		t.Errorf("its tables are %q, %v", tables, err)
	}
}
