package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// A command gets a HOME of its own and Go's caches, and its failure is passed on.
func TestRun(t *testing.T) {
	sh := parts.Program(t, "sh")
	for _, name := range []string{"HOME", "USERPROFILE", "LocalAppData", "AppData", "GOCACHE", "GOMODCACHE", "GOPATH", "GOENV", parts.CacheDir} {
		t.Setenv(name, os.Getenv(name)) // put back at the end
	}
	t.Chdir(module(t))
	for _, c := range []struct{ script, want string }{
		{"test -d $HOME && test -d $GOCACHE", ""},
		{"case $HOME in */bin/home) ;; *) exit 4 ;; esac", ""},
		{"exit 3", "exit status 3"},
		{"go version && find $HOME -type f | grep -v /telemetry/mode; test $? = 1", ""},
		{"mkdir $HOME/localmodel && touch $HOME/localmodel/journal.db", "written into HOME: localmodel"},
		{"echo '[mcp_servers.localmodel]' > $HOME/config.toml", "written into HOME: config.toml"},
		{"echo 'version = 12' > $HOME/settings.toml", ""}, // a compiler's
	} {
		err := run([]string{sh, "-c", c.script})
		if got := fmt.Sprint(err); (err != nil) != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %v, want %q", c.script, err, c.want)
		}
	}
}

// module is a directory that looks like the checkout: its HOME is not the one
// that this test may run in.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module github.com/fjbelchi/localmodel\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFiles(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{".config/go/telemetry/mode", "state/journal.db"} {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left, err := files(home)
	if want := []string{filepath.Join("state", "journal.db")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("got %q, %v; want %q", left, err, want)
	}
}
