//go:build unix

package draft

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProjectRun holds what comes of the project's commands, and that they run
// on a copy.
func TestProjectRun(t *testing.T) {
	t.Setenv("SOME_API_KEY", "hunter2")
	for name, row := range map[string]struct {
		commands []string
		want     State
		detail   string
	}{
		"none":               {nil, NotRun, "no commands"},
		"passes on the copy": {[]string{"grep -q after a.txt", "test ! -e .git", "test ! -e link"}, Passed, ""},
		"fails":              {[]string{"true", "echo why; exit 3"}, Failed, "exit status 3: why"},
		"too slow":           {[]string{"sleep 60"}, NotRun, "not finished within"},
		"sees no secret":     {[]string{`test -z "$SOME_API_KEY"`}, Passed, ""},
		"writes in the copy": {[]string{"echo gone > a.txt; mkdir -p ro/x; chmod 500 ro"}, Passed, ""},
		"endless output":     {[]string{"head -c 3000000 /dev/zero | tr '\\0' x; false"}, Failed, "xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			root, scratch := t.TempDir(), t.TempDir()
			write(t, filepath.Join(root, "a.txt"), "before")
			write(t, filepath.Join(root, ".git", "config"), "x")
			if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
				t.Fatal(err)
			}
			p := Project{Root: root, Scratch: scratch, Commands: row.commands, Env: os.Environ(), Timeout: time.Minute}
			if name == "too slow" {
				p.Timeout = 200 * time.Millisecond
			}
			got := p.Run(t.Context(), []Change{{File: File{Path: "a.txt"}, After: "after"}})
			if got.State != row.want || !strings.Contains(got.Detail, row.detail) || len(got.Detail) > 1000 {
				t.Errorf("got %+v, want %s (%s)", got, row.want, row.detail)
			}
			if data, _ := os.ReadFile(filepath.Join(root, "a.txt")); string(data) != "before" {
				t.Errorf("the working tree was changed: %q", data)
			}
			if left, _ := os.ReadDir(scratch); len(left) != 0 {
				t.Errorf("the scratch copy was left behind: %v", left)
			}
		})
	}
}

// TestProjectRun_HasNoNetwork lets a command connect to a port of this test.
func TestProjectRun_HasNoNetwork(t *testing.T) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test ends
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := Project{Root: t.TempDir(), Scratch: t.TempDir(), Env: os.Environ(),
		Commands: []string{"! bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "'"}}
	got := p.Run(t.Context(), nil)
	if strings.Contains(got.Detail, "could not take the network away") || strings.Contains(got.Detail, "bash") && got.State == NotRun {
		t.Skip("this system lets no program make a network namespace, and says so: " + got.Detail)
	}
	if got.State != Passed {
		t.Errorf("a command reached the network: %+v", got)
	}
}
