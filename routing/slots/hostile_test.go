package slots

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// Spellings of one server share its slots; two servers have slots of their own.
func TestServerName(t *testing.T) {
	ctx := within(t, time.Minute)
	name := func(address string) string { return serverName(ctx, address) }
	want := name("http://127.0.0.1:11434")
	for _, same := range []string{"http://localhost:11434", "http://LocalHost.:11434/", "http://[::1]:11434", "http://127.0.1.1:11434",
		"http://ollama.localhost:11434", "http://0.0.0.0:11434", "https://localhost:11434/base"} {
		if name(same) != want {
			t.Errorf("%s has slots of its own", same)
		}
	}
	for _, other := range []string{"http://127.0.0.1:11435", "http://192.0.2.7:11434", "http://[2001:db8::1]:11434"} {
		if name(other) == want {
			t.Errorf("%s shares the slots of this machine", other)
		}
	}
	if name("http://192.0.2.7") != name("http://192.0.2.7:80") || name("https://192.0.2.7") == name("http://192.0.2.7") {
		t.Error("the scheme's own port is not what is left out")
	}
}

// What is in the way of the lock files is reported, holds nobody up, and
// stays what it is.
func TestFilesInTheWay(t *testing.T) {
	for name, put := range map[string]func(dir string) error{
		"the directory is a file": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"its parent is a file":    func(dir string) error { return os.WriteFile(filepath.Dir(dir), nil, 0o600) },
		"the server is a file":    func(dir string) error { return inServer(dir, "", asFile) },
		"the server is a link":    func(dir string) error { return inServer(dir, "", asLink) },
		"the server is a pipe":    func(dir string) error { return inServer(dir, "", asPipe) },
		"the queue is a pipe":     func(dir string) error { return inServer(dir, queueDir, asPipe) },
		"the queue is a link":     func(dir string) error { return inServer(dir, queueDir, asLink) },
		"a slot is a pipe":        func(dir string) error { return inServer(dir, slotName(0), asPipe) },
		"a slot is a directory":   func(dir string) error { return inServer(dir, slotName(0), asDir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state", "slots")
			if !strings.HasPrefix(name, "its parent") {
				if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := put(dir); err != nil {
				parts.Absent(t, "special-file", err.Error())
			}
			s := New(dir, "http://127.0.0.1", 1)
			var files *FilesError
			for range 2 {
				release, err := s.Acquire(within(t, time.Minute), nil)
				if release == nil || !errors.As(err, &files) {
					t.Fatalf("got %v", err)
				}
				release()
			}
			if err := s.Check(within(t, time.Minute)); !errors.As(err, &files) {
				t.Errorf("Check says %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(dir)), "victim*")); len(left) > 0 {
				t.Errorf("created through a link: %q", left)
			}
		})
	}
}

func asFile(path string) error { return os.WriteFile(path, nil, 0o600) }
func asDir(path string) error  { return os.Mkdir(path, 0o700) }
func asLink(path string) error {
	return os.Symlink(filepath.Join(filepath.Dir(path), "..", "..", "victim"), path)
}

// inServer puts something under a name in the directory of the server.
func inServer(dir, name string, put func(string) error) error {
	server := filepath.Join(dir, serverName(context.Background(), "http://127.0.0.1"))
	if err := os.MkdirAll(filepath.Dir(filepath.Join(server, name)), 0o700); err != nil {
		return err
	}
	return put(filepath.Join(server, name))
}

// A directory or a pipe that is named like a place is nobody's place.
func TestQueue_ForeignEntriesBlockNobody(t *testing.T) {
	s := New(t.TempDir(), "http://127.0.0.1", 1)
	release, err := s.Acquire(within(t, time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	queue := filepath.Dir(queueOf(s))
	early := "00000000000000000001-1-1"
	if err := errors.Join(asDir(filepath.Join(queue, early)), asPipe(filepath.Join(queue, "00000000000000000002-1-1")),
		asFile(filepath.Join(queue, "0-x"))); err != nil {
		parts.Absent(t, "special-file", err.Error())
	}
	release()
	release, err = s.Acquire(within(t, time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// Without a directory of the user's own there is no limit, and it is said.
func TestNoDirectory(t *testing.T) {
	release, err := New("", "http://127.0.0.1", 1).Acquire(within(t, time.Minute), nil)
	var files *FilesError
	if release == nil || !errors.As(err, &files) {
		t.Errorf("got %v", err)
	}
}
