package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree lists what is in a directory, but for the directory itself.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			all = append(all, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// Whoever looks leaves nothing behind, neither in the project nor elsewhere.
func TestLookingCreatesNothing(t *testing.T) {
	for _, args := range [][]string{{"stats"}, {"stats", "--json"}, {"doctor"}, {"doctor", "--json"}, {"export"}} {
		y, tmp := newTryout(t), t.TempDir()
		for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
			t.Setenv(name, tmp)
		}
		before := tree(t, y.root)
		code, out, said := y.run(t, args...)
		if code != 0 && args[0] != "doctor" || code == 2 {
			t.Errorf("%v: exit %d\n%s%s", args, code, out, said)
		}
		if strings.Contains(out+said, tmp) {
			t.Errorf("%v shows the journal that is only a substitute:\n%s", args, out)
		}
		if after := tree(t, y.root); after != before {
			t.Errorf("%v made %s", args, after)
		}
		if left := tree(t, tmp); left != "" {
			t.Errorf("%v left %s in the temporary directory", args, left)
		}
	}
}

// The counters of before the journal are shown all the same, and the file that
// holds them stays as it is.
func TestStatsBeforeTheJournal(t *testing.T) {
	y := newTryout(t)
	file := filepath.Join(y.root, ".claude", "implementer-state.json")
	const text = `{"version":"6.1","stats":{"localModelStats":{"totalAttempts":7,"successCount":5,"escalatedToCloud":2}}}`
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, _ := y.run(t, "doctor", "--json")
	_, by := doctorReport(t, out)
	if got := by["journal"].Text; !strings.Contains(got, "5 local tickets done, 2 escalated") {
		t.Errorf("journal: %q", got)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != text {
		t.Errorf("the state file is now %s, %v", data, err)
	}
	if after := tree(t, y.root); strings.Contains(after, "localmodel") {
		t.Errorf("made %s", after)
	}
}

// A place where no journal can be made is reported before the first outcome is lost.
func TestDoctorWhereNoJournalCanBe(t *testing.T) {
	y := newTryout(t)
	if err := os.WriteFile(filepath.Join(y.root, "state"), nil, 0o600); err != nil { // where the directory should be
		t.Fatal(err)
	}
	code, out, _ := y.run(t, "doctor", "--json")
	_, by := doctorReport(t, out)
	if code != 2 || !strings.Contains(by["journal"].Text, "nothing can be recorded: the journal cannot be used: ") || !strings.Contains(by["journal"].Text, "state") {
		t.Errorf("exit %d: %q", code, by["journal"].Text)
	}
}
