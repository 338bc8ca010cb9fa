package statestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

const nobody = 65534

// asNobody runs the child "once" as an unprivileged user.
func asNobody(t *testing.T, root string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user; root ignores modes")
	}
	// The test binary and the directory must be reachable for that user.
	copied := filepath.Join(root, "test-binary")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for dir := root; dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := child(t, "once", childArgs{Root: root, Wait: 10 * time.Second})
	cmd.Path = copied
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A pipe, or a device, in the journal's place is named, and no call waits for it.
func TestStateIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "journal.db")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{pipe, os.DevNull} {
		_, err := newStore(t, journal.Options{Root: t.TempDir(), State: state}).Record(context.Background(), out("T lint fail"), nil)
		wantFault(t, err, state+" is no regular file", "LOCALMODEL_STATE")
	}
}

func TestDirectoryOfAnother(t *testing.T) {
	t.Run("nothing can be made", func(t *testing.T) {
		root := t.TempDir()
		got := asNobody(t, root)
		if !strings.Contains(got, "cannot be written; make its directory and file writable, or set LOCALMODEL_STATE") {
			t.Errorf("said %q", got)
		}
	})
	t.Run("the journal is read-only", func(t *testing.T) {
		root := t.TempDir()
		s := makeStore(journal.Options{Root: root})
		record(t, s, out("T commit pass local"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{"user": 0o555, "user/journal.db": 0o444} {
			if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
				t.Fatal(err)
			}
		}
		if got := asNobody(t, root); !strings.Contains(got, "cannot be written") {
			t.Errorf("said %q", got)
		}
	})
	t.Run("the journal can be written, the state file cannot", func(t *testing.T) {
		root := t.TempDir()
		writeState(t, root, theirFile)
		dir := filepath.Dir(journaltest.Path(root))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Skip("needs root, to give a directory away")
		}
		got := asNobody(t, root)
		if !strings.Contains(got, "recorded: 1") || !strings.Contains(got, "recorded, but .claude/implementer-state.json could not be written") {
			t.Errorf("said %q", got)
		}
		if data, err := os.ReadFile(filepath.Join(root, ".claude", "implementer-state.json")); string(data) != theirFile || err != nil {
			t.Errorf("the file: %q, %v", data, err)
		}
	})
}

// Without a HOME nothing is missing.
func TestNoHome(t *testing.T) {
	root := t.TempDir()
	cmd := child(t, "once", childArgs{Root: root})
	env := cmd.Env
	cmd.Env = nil
	for _, v := range env {
		if !strings.HasPrefix(v, "HOME=") && !strings.HasPrefix(v, "XDG_") && !strings.HasPrefix(v, "USER") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	got, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(got), "recorded: 1, warnings [], closed <nil>") {
		t.Errorf("said %q, %v", got, err)
	}
}

// smallDisk is a directory on a file system of 1 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", root).CombinedOutput(); err != nil {
		parts.Absent(t, "mount", fmt.Sprintf("it is not allowed here: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", root).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return root
}

// A disk that fills up ends in a clear error; what was acknowledged before is
// there, and when there is room again the same process goes on.
func TestFullDisk(t *testing.T) {
	root := smallDisk(t)
	s := makeStore(journal.Options{Root: root})
	defer s.Close() //nolint:errcheck // the disk is full for the state file too
	acknowledged := 0
	var failed error
	for range 2000 {
		o := out("T plan pass")
		o.Evidence = strings.Repeat("x", 2000)
		if _, failed = s.Record(context.Background(), o, nil); failed != nil {
			break
		}
		acknowledged++
	}
	wantFault(t, failed, "full", "free some space")
	if acknowledged == 0 {
		t.Fatal("the disk was full from the start")
	}
	if out, err := exec.Command("mount", "-o", "remount,size=4m", root).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	record(t, s, out("T plan pass"))
	acknowledged++
	if n := countOutcomes(t, s, "T"); n != acknowledged {
		t.Errorf("%d outcomes, %d acknowledged", n, acknowledged)
	}
	if err := s.Flush(context.Background()); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// A disk that is full when a journal is opened again is named, and so are file
// descriptors that ran out.
func TestFullDiskOnReopening(t *testing.T) {
	root := smallDisk(t)
	s := makeStore(journal.Options{Root: root})
	record(t, s, out("T lint fail"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "filler"), make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	s = newStore(t, journal.Options{Root: root})
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	wantFault(t, err, "is full; free some space")
}

func TestNoFileDescriptors(t *testing.T) {
	root := t.TempDir()
	record(t, newStore(t, journal.Options{Root: root}), out("T lint fail"))
	cmd := child(t, "crowded", childArgs{Root: root, Wait: 10 * time.Second})
	got, err := cmd.Output()
	if err != nil || !strings.Contains(string(got), "too many files are open") {
		t.Errorf("said %q, %v", got, err)
	}
}

// crowded records where no more files can be opened.
func crowded() int {
	_, s := childStore()
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	for {
		if _, err := os.Open(os.DevNull); err != nil { //nolint:gosec // it stays open on purpose
			break
		}
	}
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	fmt.Println("error:", err)
	return 0
}

func init() { children["crowded"] = crowded } //nolint:gochecknoinits // only Linux has it

// A full disk for the state file alone is a success with a warning.
func TestFullDiskOfStateFile(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", root).CombinedOutput(); err != nil {
		parts.Absent(t, "mount", fmt.Sprintf("it is not allowed here: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", root).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	path := writeState(t, root, theirFile)
	if err := os.WriteFile(filepath.Join(root, "filler"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	s := newStore(t, journal.Options{Root: root, State: filepath.Join(elsewhere, "journal.db")})
	record(t, s, out("T commit pass local"))
	if err := s.Flush(context.Background()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("flush: %v", err)
	}
	if r := record(t, s, out("U commit pass local")); r.Stats.SuccessCount != 2 || !strings.Contains(strings.Join(r.Warnings, ";"), "recorded, but") {
		t.Errorf("%+v", r)
	}
	if data, err := os.ReadFile(path); string(data) != theirFile || err != nil {
		t.Errorf("the file: %q, %v", data, err)
	}
}
