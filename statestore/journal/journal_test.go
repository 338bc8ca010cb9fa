package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// openAt opens the journal of a test at a time, which closes with the test.
func openAt(t *testing.T, dir string, at func() time.Time, wait time.Duration) *Journal {
	t.Helper()
	j := New(Options{State: filepath.Join(dir, "journal.db"), Project: "p", Now: at, BusyTimeout: wait})
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// decide writes a row that grows old.
func decide(t *testing.T, j *Journal, ticket string) {
	t.Helper()
	if err := j.Write(t.Context(), func(ctx context.Context, tx sqldb.Q, p *Project) error {
		return tx.Exec(ctx, `INSERT INTO guard_memo (project, ticket, cell, memo, at) VALUES (?, ?, '', '', ?)`, p.ID, ticket, j.Now().UnixMilli())
	}); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, j *Journal) (n int) {
	t.Helper()
	if err := j.Read(t.Context(), func(q sqldb.Q, project int64) error {
		return q.Row(t.Context(), `SELECT COUNT(*) FROM guard_memo WHERE project = ?`, project).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Old rows go by themselves while a process lives.
func TestRetain_InBackground(t *testing.T) {
	dir := t.TempDir()
	var days atomic.Int64 // since then; the background reads it too
	now := func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Load())) }
	j := openAt(t, dir, now, 0)
	decide(t, j, "A")
	days.Store(retainDays - 1)
	decide(t, j, "B")
	j.keeping.Stop()
	j.retainLater() // what the timer does after retainDelay
	if n := rows(t, j); n != 2 {
		t.Errorf("%d rows before their time, want 2", n)
	}
	days.Add(2)
	j.keeping.Stop()
	j.retainLater()
	if n := rows(t, j); n != 1 {
		t.Errorf("%d rows, want that which is not old", n)
	}
	if !j.keeping.Waiting() {
		t.Error("nothing will be deleted any more")
	}
}

// Close does not wait for what waits in the background.
func TestClose_DoesNotWait(t *testing.T) {
	dir := t.TempDir()
	var years atomic.Int64
	now := func() time.Time { return time.Date(2026+int(years.Load()), 6, 1, 12, 0, 0, 0, time.UTC) }
	j := openAt(t, dir, now, time.Hour)
	decide(t, j, "A")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "journal.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // the lock goes with it
	years.Store(2)
	begun := make(chan struct{})
	j.keeping.After(0, func() {
		close(begun)
		j.retainLater()
	})
	<-begun
	closed := make(chan error, 1)
	go func() { closed <- j.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(retainTimeout / 2):
		t.Fatal("it waits")
	}
}

// Readers and warnings need the sequence's lock and heed no context while they
// wait for it, so it is free while a database answers.
func TestRestartSequence_LocksNothingWhileItReads(t *testing.T) {
	j := openAt(t, t.TempDir(), time.Now, 0)
	free, name := false, "name_"+rand.Text() // it stays registered: a repeated test needs another
	sqlite.MustRegisterScalarFunction(name, 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		if free = j.seq.mu.TryLock(); free {
			j.seq.mu.Unlock()
		}
		return "p", nil
	})
	decide(t, j, "A")
	j.seq.size = maxEntries * entryBytes
	err := j.WriteOnce(t.Context(), "", func(ctx context.Context, tx sqldb.Q) error {
		if err := tx.Exec(ctx, `CREATE TEMP VIEW projects AS SELECT `+name+`() AS name, 1 AS seq`); err != nil {
			return err
		}
		return j.RestartSequence(ctx, tx)
	})
	if err != nil || !free {
		t.Errorf("error %v, the lock is free during the query: %t, want true", err, free)
	}
}
