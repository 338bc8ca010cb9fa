package sqldb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// However a transaction ends that is not committed, it leaves nothing, and the
// next one is committed.
func TestTransactionEnds(t *testing.T) {
	stop := errors.New("stop")
	for name, end := range map[string]func(ctx context.Context, cancel func(), tx Q) error{
		"an error":       func(context.Context, func(), Q) error { return stop },
		"a panic":        func(context.Context, func(), Q) error { panic(stop) },
		"a cancellation": func(_ context.Context, cancel func(), _ Q) error { cancel(); return nil },
		"a statement after the cancellation": func(ctx context.Context, cancel func(), tx Q) error {
			cancel()
			return tx.Exec(ctx, `INSERT INTO t VALUES ('too late')`)
		},
		// As SQLite does by itself where the disk is full.
		"ended by the database": func(ctx context.Context, _ func(), tx Q) error {
			return errors.Join(tx.Exec(ctx, `ROLLBACK`), stop)
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "localmodel", "t.db")
			d := New(Options{State: file, Schema: `CREATE TABLE t (x TEXT)`, Version: 1})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = stop
					}
				}()
				return d.Write(ctx, func(ctx context.Context, tx Q) error {
					if err := tx.Exec(ctx, `INSERT INTO t VALUES ('lost')`); err != nil {
						return err
					}
					return end(ctx, cancel, tx)
				})
			}()
			if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			ctx = context.Background()
			if err := d.Write(ctx, func(ctx context.Context, tx Q) error { return tx.Exec(ctx, `INSERT INTO t VALUES ('kept')`) }); err != nil {
				t.Fatalf("the next transaction: %v", err)
			}
			var got string
			if err := d.Read(ctx, func(q Q) error { return q.Row(ctx, `SELECT group_concat(x) FROM t`).Scan(&got) }); err != nil || got != "kept" {
				t.Errorf("rows %q, %v", got, err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			// What is prepared would keep the file open, and its log beside it.
			if left, _ := filepath.Glob(file + "-*"); len(left) > 0 {
				t.Errorf("after closing there is still %v", left)
			}
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
		})
	}
}

// A transaction that outlives Close is committed, and closes the file when it
// ends.
func TestCloseDoesNotWaitForLong(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "localmodel", "t.db")
	o := Options{State: file, Schema: `CREATE TABLE t (x TEXT)`, Version: 1}
	d := New(o)
	inside, goOn, done := make(chan bool), make(chan bool), make(chan error)
	go func() {
		done <- d.Write(ctx, func(ctx context.Context, tx Q) error {
			close(inside)
			<-goOn
			return tx.Exec(ctx, `INSERT INTO t VALUES ('kept')`)
		})
	}()
	<-inside
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the transaction: %v", err)
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if left, _ := filepath.Glob(file + "-*"); len(left) == 0 {
			break
		} else if time.Now().After(limit) {
			t.Fatalf("there is still %v", left)
		}
	}
	var got string
	d = New(o)
	defer d.Close() //nolint:errcheck // only read
	if err := d.Read(ctx, func(q Q) error { return q.Row(ctx, `SELECT x FROM t`).Scan(&got) }); err != nil || got != "kept" {
		t.Errorf("rows %q, %v", got, err)
	}
}
