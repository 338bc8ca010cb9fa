package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// emptyCache makes a machine on which nothing has been made.
func emptyCache(t *testing.T) {
	t.Helper()
	for _, home := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(home, t.TempDir())
	}
	t.Setenv(parts.Dir, "")
	t.Setenv(parts.CacheDir, "")
	for _, p := range parts.All() {
		t.Setenv(p.Env, "")
	}
}

// What no test runs against is made only where it is named.
func TestMissingOf_OnDemand(t *testing.T) {
	emptyCache(t)
	for _, c := range []struct {
		names []string
		part  string
		want  bool
	}{
		{nil, parts.LiteLLM, true},
		{nil, parts.GoReleaser, false},
		{nil, parts.Linter, false},
		{[]string{parts.GoReleaser}, parts.GoReleaser, true},
		{[]string{parts.GoReleaser}, parts.LiteLLM, false},
	} {
		missing, err := missingOf(c.names)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(missing, func(p parts.Part) bool { return p.Name == c.part })
		if got != c.want {
			t.Errorf("setup %v makes %s: got %v, want %v", c.names, c.part, got, c.want)
		}
	}
}

func TestRecipeMake_WholeOrNothing(t *testing.T) {
	emptyCache(t)
	p, err := parts.Lookup(parts.CycloneDX)
	if err != nil {
		t.Fatal(err)
	}
	dir, file, err := p.Cached()
	if err != nil {
		t.Fatal(err)
	}
	fails := true
	r := recipe{part: p.Name, steps: func(at place) []step {
		write := func([]byte) error { return os.WriteFile(filepath.Join(at.dir, file), nil, 0o600) }
		last := func([]byte) error {
			if fails {
				return errors.New("broken off")
			}
			return nil
		}
		return []step{{name: "write", then: write}, {name: "last", then: last}}
	}}
	var doing string
	at := func(step string) { doing = step }
	if err := r.make(t.Context(), p, &bytes.Buffer{}, at); err == nil || doing != "last" || parts.Has(dir) {
		t.Errorf("failed step: err %v at %s, directory there %v", err, doing, parts.Has(dir))
	}
	fails = false
	if err := r.make(t.Context(), p, &bytes.Buffer{}, at); err != nil || !parts.Has(filepath.Join(dir, file)) {
		t.Errorf("second run: %v, file there %v", err, parts.Has(filepath.Join(dir, file)))
	}
}

func TestBoard_FailedPart(t *testing.T) {
	p, err := parts.Lookup(parts.LiteLLM)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "litellm.log")
	text := strings.Repeat("Collecting x\n", 100) + "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(parts.Dir, "/tmp/p")
	var out bytes.Buffer
	newBoard(&out).failed(p, "pip install", errors.New("exit status 1"), log)
	got := out.String()
	for _, want := range []string{"FAILED: LiteLLM proxy, at pip install: exit status 1\n", "DO NOT MATCH",
		log, "retry: PARTS_DIR=/tmp/p go run ./integration/parts/setup litellm\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("report lacks %q:\n%s", want, got)
		}
	}
	if lines := strings.Count(got, "\n"); lines > 20 {
		t.Errorf("report has %d lines, want at most 20", lines)
	}
}

func TestBoard_Progress(t *testing.T) {
	var out bytes.Buffer
	b := newBoard(&out)
	j := b.begin("ollama", "Ollama server", "4 minutes")
	j.step("go build")
	j.since = b.began
	b.show(b.began.Add(65 * time.Second))
	b.end(j)
	b.show(b.began.Add(80 * time.Second)) // nothing is at work
	want := "setup: making Ollama server (4 minutes)\nsetup: 1m5s  ollama: go build 1m5s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
