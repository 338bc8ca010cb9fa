package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// index serves one release of two files, as PyPI does in its JSON form, and
// counts what else it is asked for.
func index(t *testing.T, others *atomic.Int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/simple/some-part/" {
			others.Add(1)
			http.NotFound(w, r)
			return
		}
		file := func(name, sha string) map[string]any {
			return map[string]any{"filename": name, "hashes": map[string]string{"sha256": strings.Repeat(sha, 64)}}
		}
		w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"files": []any{
			file("some_part-1.0-py3-none-any.whl", "a"), file("some_part-1.0.tar.gz", "b"), file("some_part-1.0.1.tar.gz", "c")}})
	}))
	t.Cleanup(s.Close)
	return s.URL + "/simple"
}

func locked(hashes ...string) string {
	line := "Some_Part==1.0"
	for _, h := range hashes {
		line += " \\\n    --hash=sha256:" + strings.Repeat(h, 64)
	}
	return line + "\n"
}

func TestCheckHashes(t *testing.T) {
	var others atomic.Int64
	url := index(t, &others)
	for _, c := range []struct {
		name, lock, want string
	}{
		{"all files", locked("a", "b"), ""},
		{"a file was added to the release", locked("a"), ""},
		{"a file was taken from the release", locked("a", "b", "d"), ""},
		{"one hash is wrong", locked("a", "d"), "Some_Part==1.0: the lock's hash is not the index's"},
		{"all are wrong", locked("d", "e"), "some_part-1.0-py3-none-any.whl sha256:aaaa"},
		{"the hash of another release", locked("a", "c"), ""}, // the index has it: pip says more
		{"the index does not know it", "other==2.0 --hash=sha256:" + strings.Repeat("a", 64) + "\n", ""},
	} {
		err := checkHashes(url, "# a comment\n"+c.lock)
		if got := fmt.Sprint(err); (err != nil) != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if others.Load() != 1 {
		t.Errorf("%d requests for others, want 1", others.Load())
	}
}

// A wrong hash is reported before anything is downloaded, with what to do.
func TestRun_WrongHash(t *testing.T) {
	emptyCache(t)
	var others atomic.Int64
	t.Setenv("PIP_INDEX_URL", index(t, &others))
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "lock.txt"), []byte(locked("a", "d")), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := parts.Lookup(parts.LiteLLM)
	if err != nil {
		t.Fatal(err)
	}
	var log, out bytes.Buffer
	r := recipe{part: p.Name, steps: func(at place) []step {
		at.root = root
		return venvOf(filepath.Join(at.dir, "venv"), at, "lock.txt")
	}}
	var doing string
	err = r.make(t.Context(), p, &log, func(step string) { doing = step })
	if err == nil {
		t.Fatal("a wrong hash passed")
	}
	newBoard(&out).failed(p, doing, err, "")
	for _, want := range []string{"FAILED: LiteLLM proxy, at hashes: Some_Part==1.0: ", "lock:  sha256:dddd",
		"some_part-1.0.tar.gz sha256:bbbb", "retry: go run ./integration/parts/setup litellm\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, &out)
		}
	}
	if log.Len() > 0 || others.Load() > 0 {
		t.Errorf("pip was started: %s, %d requests", &log, others.Load())
	}
}
