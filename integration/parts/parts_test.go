package parts

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder stands in for a test, to see whether it would skip or fail.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Skipf(f string, a ...any)  { r.skipped = sprint(f, a); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.failed = sprint(f, a); runtime.Goexit() }

func need(t *testing.T, name string) (path string, r *recorder) {
	t.Helper()
	r = &recorder{TB: t}
	done := make(chan struct{})
	go func() { // a skip ends the goroutine it is called on
		defer close(done)
		path = Need(r, name)
	}()
	<-done
	return path, r
}

// nothing makes a machine on which no part is to be found.
func nothing(t *testing.T) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("REQUIRE", "")
	t.Setenv(Dir, "")
	t.Setenv(CacheDir, "")
	for _, p := range All() {
		t.Setenv(p.Env, "")
	}
}

func TestAbsentPartSkipsByName(t *testing.T) {
	nothing(t)
	_, r := need(t, Ollama)
	if !strings.Contains(r.skipped, "ollama") || !strings.Contains(r.skipped, "make setup") || r.failed != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
}

func TestRequiredPartFails(t *testing.T) {
	nothing(t)
	t.Setenv("REQUIRE", "inspector, ollama")
	_, r := need(t, Ollama)
	if !strings.Contains(r.failed, "ollama") || r.skipped != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
	if _, r := need(t, SmolLM); r.failed != "" {
		t.Errorf("smollm is not required, but failed with %q", r.failed)
	}
}

func TestChosenPartWins(t *testing.T) {
	nothing(t)
	mine := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OLLAMA_BIN", mine)
	if got, _ := need(t, Ollama); got != mine {
		t.Errorf("got %q", got)
	}
	t.Setenv("OLLAMA_BIN", mine+"-not-there")
	if _, err := Find(Ollama); err == nil || !strings.Contains(err.Error(), "OLLAMA_BIN") {
		t.Errorf("a chosen file that is not there: %v", err)
	}
}

func TestCachedPartIsFound(t *testing.T) {
	nothing(t)
	for _, p := range All() {
		if p.Cached == nil {
			continue
		}
		dir, file, err := p.Cached()
		path := filepath.Join(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(p.Name); err != nil || got != path {
			t.Errorf("%s: %q, %v; want %q", p.Name, got, err, path)
		}
	}
}

func TestUnknownPartNamesTheKnown(t *testing.T) {
	if _, err := Find("olama"); err == nil || !strings.Contains(err.Error(), Ollama) {
		t.Errorf("got %v", err)
	}
}

func sprint(f string, a []any) string { return fmt.Sprintf(f, a...) }

func TestRegistryPart_PartsDir(t *testing.T) {
	nothing(t)
	fresh := t.TempDir()
	t.Setenv(Dir, fresh)
	for name, want := range map[string]bool{LiteLLM: true, SmolLM: true, Inspector: true, Ollama: false, Linter: false} {
		p, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		dir, _, err := p.Cached()
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Dir(dir) == fresh; got != want {
			t.Errorf("%s is made in %s; in PARTS_DIR: got %v, want %v", name, dir, got, want)
		}
	}
}
