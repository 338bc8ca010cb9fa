package statestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// A journal that is deleted or moved while it is open loses nothing that is
// acknowledged from then on, and says so.
func TestJournalReplacedWhileOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be moved there")
	}
	remove := func(paths ...string) error {
		var all error
		for _, p := range paths {
			all = errors.Join(all, os.RemoveAll(p))
		}
		return all
	}
	for name, replace := range map[string]func(path string) error{
		"the directory is deleted": func(path string) error { return remove(filepath.Dir(path)) },
		"all of it is deleted":     func(path string) error { return remove(path, path+"-wal", path+"-shm") },
		"the file alone":           func(path string) error { return remove(path) },
		"the WAL alone":            func(path string) error { return remove(path + "-wal") },
		"moved, as for a damaged one": func(path string) error {
			return os.Rename(path, path+".damaged")
		},
		"another journal in its place": func(path string) error {
			other := makeStore(journal.Options{Root: filepath.Dir(path), State: path + ".other", Project: "other"})
			if _, err := other.Record(context.Background(), out("X lint fail"), nil); err != nil {
				return err
			}
			if err := other.Close(); err != nil {
				return err
			}
			return errors.Join(remove(path, path+"-wal", path+"-shm"), os.Rename(path+".other", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			writeState(t, root, theirFile)
			s := newStore(t, journal.Options{Root: root})
			record(t, s, out("A commit pass local"))
			if err := s.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := replace(journaltest.Path(root)); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				r := record(t, s, out(fmt.Sprintf("B-%d commit pass local #%d", i, i)))
				if r.Stats.SuccessCount != i+2 {
					t.Errorf("record %d: counters were lowered: %+v", i, r.Stats)
				}
				if said := strings.Join(r.Warnings, ";"); !strings.Contains(said, "moved, deleted or replaced") {
					t.Errorf("record %d: warnings %q", i, said)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			again := newStore(t, journal.Options{Root: root})
			for i := range 3 {
				if r := record(t, again, out(fmt.Sprintf("B-%d commit pass local #%d", i, i))); !r.Repeated {
					t.Errorf("outcome %d was acknowledged and is gone", i)
				}
			}
			if st := mustStats(t, again); st.SuccessCount != 4 {
				t.Errorf("counters %+v, want 4 done", st)
			}
			if err := again.Check(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// killedJournal is a journal whose process was killed, and what it had
// acknowledged.
func killedJournal(t *testing.T, records int) (root string, acked map[string]bool) {
	t.Helper()
	root = t.TempDir()
	cmd := child(t, "recorder", childArgs{Root: root, Name: "k", Records: 1 << 30, Tickets: 10})
	from, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := events{sent: map[string]bool{}, acked: map[string]bool{}}
	lines := bufio.NewReader(from)
	for range 2 * records {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		e.read(t, strings.NewReader(line))
	}
	_ = cmd.Process.Kill()
	rest, _ := io.ReadAll(lines)
	e.read(t, strings.NewReader(string(rest)))
	_ = cmd.Wait() // killed
	return root, e.acked
}

// copyUser copies the user's directory of a test to another root.
func copyUser(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Dir(journaltest.Path(to)), os.DirFS(filepath.Dir(journaltest.Path(from)))); err != nil {
		t.Fatal(err)
	}
}

// flipped is one trial: what is left of the acknowledged outcomes, and what was
// said.
func flipped(t *testing.T, root, project string, acked map[string]bool) (missing int, said string) {
	t.Helper()
	ctx := context.Background()
	s := makeStore(journal.Options{Root: root, Project: project})
	defer s.Close() //nolint:errcheck // it may be damaged
	var words []string
	if _, err := s.Stats(ctx); err != nil {
		words = append(words, err.Error())
	}
	there := map[string]bool{}
	rows, err := readOutcomes(s)
	if err != nil {
		words = append(words, err.Error())
	}
	for _, o := range rows {
		there[o.EventID] = true
	}
	for id := range acked {
		if !there[id] {
			missing++
		}
	}
	if err := s.Check(ctx); err != nil {
		words = append(words, err.Error())
	}
	return missing, strings.Join(append(words, s.Warnings()...), "; ")
}

// flips is how many trials a test of flipped bits makes.
func flips() int {
	if full {
		return 200
	}
	return 25
}

// A bit flipped in the WAL that a killed process left cuts it there, in silence,
// by SQLite's design: what was acknowledged and is gone is said.
func TestFlippedWAL(t *testing.T) {
	root, acked := killedJournal(t, 30)
	wal, err := os.ReadFile(journaltest.Path(root) + "-wal")
	if err != nil || len(wal) == 0 {
		t.Fatalf("no WAL was left: %v", err)
	}
	if missing, said := flipped(t, copied(t, root), root, acked); missing > 0 || said != "" {
		t.Fatalf("without a flip %d of %d are missing: %s", missing, len(acked), said)
	}
	r := rand.New(rand.NewPCG(1, 2))
	lost := 0
	for i := range flips() {
		to := copied(t, root)
		at, bit := r.IntN(len(wal)), r.IntN(8)
		broken := append([]byte(nil), wal...)
		broken[at] ^= 1 << bit
		if err := os.WriteFile(journaltest.Path(to)+"-wal", broken, 0o600); err != nil {
			t.Fatal(err)
		}
		missing, said := flipped(t, to, root, acked)
		if missing > 0 {
			lost++
		}
		if missing > 0 && said == "" {
			t.Errorf("flip %d, bit %d of byte %d: %d of %d acknowledged outcomes are gone without a word", i, bit, at, missing, len(acked))
		}
	}
	t.Logf("%d flips, %d lost outcomes, each said", flips(), lost)
}

func copied(t *testing.T, root string) string {
	t.Helper()
	to := t.TempDir()
	copyUser(t, root, to)
	return to
}

// A byte flipped in the database itself: what is gone is said, and a damaged
// file is set aside with its name reported.
func TestFlippedPage(t *testing.T) {
	root := t.TempDir()
	s := newStore(t, journal.Options{Root: root})
	acked := map[string]bool{}
	for i := range 120 {
		id := fmt.Sprint("p-", i)
		o := out(fmt.Sprintf("T-%d lint fail #%s", i%40, id))
		o.Evidence = strings.Repeat("evidence ", i%20)
		record(t, s, o)
		acked[id] = true
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := os.ReadFile(journaltest.Path(root))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	spoken := 0
	for i := range flips() {
		to := copied(t, root)
		at, bit := r.IntN(len(db)), r.IntN(8)
		broken := append([]byte(nil), db...)
		broken[at] ^= 1 << bit
		if err := os.WriteFile(journaltest.Path(to), broken, 0o600); err != nil {
			t.Fatal(err)
		}
		missing, said := flipped(t, to, root, acked)
		if said != "" {
			spoken++
		}
		if missing > 0 && said == "" {
			t.Errorf("flip %d, bit %d of byte %d: %d of %d acknowledged outcomes are gone without a word", i, bit, at, missing, len(acked))
		}
	}
	t.Logf("%d flips, %d said", flips(), spoken)
}

// A damaged journal is set aside, under a name that is reported, and a new one
// begins with the counters of the state file.
func TestDamagedJournal(t *testing.T) {
	root := t.TempDir()
	writeState(t, root, theirFile)
	s := newStore(t, journal.Options{Root: root})
	for i := range 50 {
		record(t, s, out(fmt.Sprintf("T-%d commit pass local", i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := journaltest.Path(root)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = newStore(t, journal.Options{Root: root})
	r := record(t, s, out("T commit pass local"))
	if r.Stats.SuccessCount != 51 {
		t.Errorf("counters %+v, want 51 done", r.Stats)
	}
	said := strings.Join(r.Warnings, ";")
	aside, err := filepath.Glob(path + ".damaged-*Z")
	if err != nil || len(aside) != 1 || !strings.Contains(said, aside[0]) {
		t.Errorf("set aside as %q, %v; warnings %q", aside, err, said)
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || string(kept) != string(data) {
		t.Errorf("what was set aside is not what was there: %v", err)
	}
}

// What a call waits for ends with it, an opening included.
func TestOpeningEndsWithTheCall(t *testing.T) {
	root := t.TempDir()
	record(t, newStore(t, journal.Options{Root: root}), out("T lint fail"))
	holder := newStore(t, journal.Options{Root: root, BusyTimeout: time.Minute})
	release := make(chan struct{})
	held := make(chan struct{})
	go func() {
		step := func([]byte, Closed) ([]byte, error) {
			close(held)
			<-release
			return nil, errors.New("over")
		}
		_, _ = holder.Record(context.Background(), out("U commit pass local"), step)
	}()
	<-held
	s := makeStore(journal.Options{Root: root, BusyTimeout: time.Minute})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Record(ctx, out("V lint fail"), nil)
		ended <- err
	}()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits longer than its call")
	}
	close(release)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
