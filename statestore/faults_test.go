package statestore

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// wantFault wants an error that says the cause and the next step, and that
// nothing was recorded.
func wantFault(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("error %v, want unavailable", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

const oldStateFile = `{"version":"6.1","stats":{"localModelStats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}}`

func TestNotADatabase(t *testing.T) {
	root := t.TempDir()
	content := strings.Repeat("no database, but somebody's notes\n", 100)
	path := filepath.Join(root, "notes")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, journal.Options{Root: root, State: path})
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	wantFault(t, err, "is no database", "mv "+path)
	if data, err := os.ReadFile(path); string(data) != content || err != nil {
		t.Errorf("somebody's file was changed: %v", err)
	}
	// Once it is out of the way the same process goes on.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := record(t, s, out("T lint fail")); r.Action != "retry" {
		t.Errorf("afterwards: %+v", r)
	}
}

// Another program's database is left as it is.
func TestForeignDatabase(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "theirs.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tables := range []string{`CREATE TABLE meta (x)`, `CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)`, `DROP TABLE meta`} {
		if _, err := db.Exec(tables); err != nil {
			t.Fatal(err)
		}
		_, err = newStore(t, journal.Options{Root: root, State: path}).Record(context.Background(), out("T lint fail"), nil)
		wantFault(t, err, "another program", "LOCALMODEL_STATE")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockedJournal(t *testing.T) {
	root := t.TempDir()
	s := newStore(t, journal.Options{Root: root, BusyTimeout: 3 * time.Second})
	record(t, s, out("T lint fail local"))
	db, err := sql.Open("sqlite", "file:"+journaltest.Path(root)+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = s.Record(context.Background(), out("T lint fail"), nil)
	wantFault(t, err, "locked by another process for more than 3s", "end that process")
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("gave up after %s", took)
	}
	if st := mustStats(t, s); st.TotalAttempts != 0 { // reading goes on
		t.Errorf("%+v", st)
	}
	// A call that is canceled does not wait.
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if _, err := s.Record(ctx, out("T lint fail"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("canceled while waiting: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if r := record(t, s, out("T lint fail")); r.Action != "escalate" {
		t.Errorf("afterwards: %+v", r)
	}
}

// Something in the way of the directory or the file.
func TestInTheWay(t *testing.T) {
	for _, at := range []string{"user"} {
		root := t.TempDir()
		path := filepath.Join(root, at)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newStore(t, journal.Options{Root: root}).Record(context.Background(), out("T lint fail"), nil)
		wantFault(t, err, "set LOCALMODEL_STATE")
	}
	root := t.TempDir()
	if err := os.MkdirAll(journaltest.Path(root), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := newStore(t, journal.Options{Root: root}).Record(context.Background(), out("T lint fail"), nil)
	wantFault(t, err, "set LOCALMODEL_STATE")
}

// A wrong address of a server names itself, without its password.
func TestBadAddress(t *testing.T) {
	for _, state := range []string{"postgres://u:secret@127.0.0.1:1/none", "postgres://u:secret@127.0.0.1:notaport/none"} {
		s := newStore(t, journal.Options{Root: t.TempDir(), State: state})
		_, err := s.Stats(context.Background())
		wantFault(t, err, "Postgres", "LOCALMODEL_STATE")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %q", err)
		}
	}
}

// The journal's own directory is private; one that was there stays as it is.
func TestDirectory(t *testing.T) {
	root := t.TempDir()
	record(t, newStore(t, journal.Options{Root: root}), out("T lint fail"))
	dir := filepath.Dir(journaltest.Path(root))
	theirs := filepath.Join(root, "data")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(theirs, "odd ?#%41 name.db")
	record(t, newStore(t, journal.Options{Root: root, State: odd}), out("T lint fail"))
	if _, err := os.Stat(odd); err != nil {
		t.Errorf("an odd name: %v", err)
	}
	if runtime.GOOS == "windows" {
		return // no such modes
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, journaltest.Path(root): 0o600, journaltest.Path(root) + "-wal": 0o600,
		journaltest.Path(root) + ".seq": 0o600, odd: 0o600, theirs: 0o755} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// Counters found before the first row are taken over once; until then they are
// the truth, even where they go on moving.
func TestBaseline(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		path := writeState(t, o.Root, oldStateFile)
		s := newStore(t, o)
		if st := mustStats(t, s); st.TotalAttempts != 5 || st.AvgQualityScore != 70 {
			t.Errorf("before the first row: %+v", st)
		}
		if err := s.SaveDecision(ctx, decisions.Decision{Hash: "h", TicketID: "T"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); string(data) != oldStateFile || err != nil {
			t.Errorf("written before the first outcome: %s, %v", data, err)
		}
		// The old scripts count one more.
		writeState(t, o.Root, strings.NewReplacer(`"totalAttempts":5`, `"totalAttempts":6`, `"successCount":3`, `"successCount":4`).Replace(oldStateFile))
		other := newStore(t, o)
		for i, store := range []*Store{s, other, s} {
			if r := record(t, store, out("T commit pass local")); r.Stats.TotalAttempts != 7+i {
				t.Errorf("record %d: %+v", i, r.Stats)
			}
			if err := store.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A state file that is damaged when the first outcome comes is taken over when
// it is repaired.
func TestBaselineOfDamagedFile(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	torn := oldStateFile[:len(oldStateFile)-5]
	path := writeState(t, root, torn)
	s := newStore(t, journal.Options{Root: root})
	if r := record(t, s, out("T commit pass local")); r.Stats.TotalAttempts != 1 {
		t.Errorf("%+v", r.Stats)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); string(data) != torn || err != nil {
		t.Errorf("a damaged file was overwritten: %s, %v", data, err)
	}
	if said := strings.Join(s.Warnings(), ";"); !strings.Contains(said, "left as it is") {
		t.Errorf("warnings %q", said)
	}
	writeState(t, root, oldStateFile) // a person repairs it
	if r := record(t, s, out("T commit pass local")); r.Stats.TotalAttempts != 7 || len(r.Warnings) != 1 {
		t.Errorf("after the mending: %+v, warnings %q", r.Stats, r.Warnings)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if block, found := s.Written(context.Background()); !found || block.TotalAttempts != 7 {
		t.Errorf("the file has %+v", block)
	}
	if said := s.Warnings(); len(said) != 0 {
		t.Errorf("still said: %q", said)
	}
}

// The file follows by itself, several outcomes together, and again after it
// could not be written.
func TestFileFollows(t *testing.T) {
	root := t.TempDir()
	s := newStore(t, journal.Options{Root: root})
	for range 3 {
		record(t, s, out("T commit pass local"))
	}
	follows := func(n int) func() bool {
		return func() bool { b, _ := s.Written(context.Background()); return b.TotalAttempts == n }
	}
	wait(t, "three outcomes are in the file", follows(3))

	path := filepath.Join(root, ".claude", "implementer-state.json")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil { // a directory in its place
		t.Fatal(err)
	}
	record(t, s, out("T commit pass local"))
	wait(t, "a warning", func() bool { return strings.Contains(strings.Join(s.Warnings(), ";"), "recorded, but") })
	if r := record(t, s, out("T commit pass local")); r.Stats.TotalAttempts != 5 || len(r.Warnings) == 0 {
		t.Errorf("recorded, not projected: %+v", r)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wait(t, "the file is written when it can be", follows(5))
	wait(t, "nothing is said any more", func() bool { return len(s.Warnings()) == 0 })
}

// A start compares the file with the journal: a process killed before its file
// was written leaves it behind.
func TestReconcile(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		s := newStore(t, o)
		record(t, s, out("T commit pass local"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, written := range []string{filepath.Join(o.Root, projection.Name), filepath.Join(o.Dir, "state-files")} {
			if err := os.RemoveAll(written); err != nil {
				t.Fatal(err)
			}
		}
		next := newStore(t, o)
		if err := next.Reconcile(context.Background()); err != nil {
			t.Fatal(err)
		}
		wait(t, "the file follows", func() bool { b, _ := next.Written(context.Background()); return b.TotalAttempts == 1 })
	})
}

// Rows of local calls are written together within about a second, and go on
// waiting where they cannot be written.
func TestLocalCalls(t *testing.T) {
	root := t.TempDir()
	s := newStore(t, journal.Options{Root: root})
	ctx := context.Background()
	path := journaltest.Path(root)
	if err := os.MkdirAll(path, 0o700); err != nil { // a directory in its place
		t.Fatal(err)
	}
	if err := s.Calls.Add(ctx, calls.Call{At: time.Now(), Model: "m", Digest: "d"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("flush: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Calls.Add(ctx, calls.Call{At: time.Now(), Model: "m", Digest: "d2"}); err != nil {
		t.Fatal(err)
	}
	wait(t, "both rows", func() bool {
		n := 0
		err := s.Calls.Each(ctx, time.Time{}, func(calls.Call) error { n++; return nil })
		return err == nil && n == 2
	})
	if digest, err := s.KnownDigest(ctx, "m"); digest != "d2" || err != nil {
		t.Errorf("digest %q, %v", digest, err)
	}
	if digest, err := s.KnownDigest(ctx, "other"); digest != "" || err != nil {
		t.Errorf("of another model: %q, %v", digest, err)
	}
}

// A journal that a newer version wrote can be read, and says why it is not
// written.
func TestNewerJournal(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := newStore(t, o)
		record(t, s, out("T commit pass local"))
		if err := s.Admit(ctx, guard.Key{Class: "low", Digest: "d"}, "T", count); err != nil {
			t.Fatal(err)
		}
		change(t, s, `UPDATE meta SET value = '99' WHERE name = 'schema'`)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = newStore(t, o)
		if st := mustStats(t, s); st.SuccessCount != 1 {
			t.Errorf("counters: %+v", st)
		}
		if err := s.Admit(ctx, guard.Key{Class: "low", Digest: "d"}, "T", count); err != nil {
			t.Errorf("an answer of the guard that is there: %v", err)
		}
		_, err := s.Record(ctx, out("T lint fail"), nil)
		if !errors.Is(err, journal.ErrReadOnly) || !strings.Contains(err.Error(), "schema 99, this localmodel writes ") {
			t.Errorf("record: %v", err)
		}
		if said := strings.Join(s.Warnings(), ";"); !strings.Contains(said, "read-only here: it has schema 99") {
			t.Errorf("warnings %q", said)
		}
	})
}
