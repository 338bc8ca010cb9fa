// Package demo proves `localmodel demo` as a new user meets it: with nothing on
// the machine, with a real Ollama, and with a real, small language model.
package demo

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }

// unused is a port where nobody listens.
const unused = "http://127.0.0.1:9"

func run(t *testing.T, dir string, env ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 9*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, binary.Path(t), "demo")
	cmd.Dir, cmd.Env = dir, binary.Env(t, env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v\n%s\n%s", err, out.String(), said.String())
	}
	if testing.Verbose() {
		t.Logf("%s", out.String())
	}
	return out.String()
}

// rows returns the table of decisions: ticket → kind, complexity, local, by.
func rows(t *testing.T, out string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^  ((?:BUG|FEAT|TASK)-\d+) +(\S+) +(\S+) +(\S+) +(\S+) `).FindAllStringSubmatch(out, -1) {
		if got[m[1]] == "" { // the table comes first; plans name tickets too
			got[m[1]] = strings.Join(m[2:], " ")
		}
	}
	return got
}

func TestDemoWithNothingOnTheMachine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := list(t, dir)
	out := run(t, dir, "OLLAMA_HOST="+unused, "LITELLM_BASE_URL="+unused)
	want := map[string]string{
		"BUG-001": "BUG low yes rules", "FEAT-002": "FEAT medium yes rules", "TASK-003": "TASK low no front_matter",
		"FEAT-004": "FEAT high no rules", "FEAT-005": "FEAT low no rules",
		"BUG-006": "E_TICKET_INVALID: BUG-006.md line 3:",
	}
	got := rows(t, out)
	if got["BUG-006"] == "" || !strings.HasPrefix(got["BUG-006"], "E_TICKET_INVALID") {
		t.Errorf("the malformed ticket: %q", got["BUG-006"])
	}
	delete(got, "BUG-006")
	delete(want, "BUG-006")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	start := "ollama serve"
	if _, err := exec.LookPath("ollama"); err != nil { // not installed, so that this would not run
		start = "localmodel setup"
	}
	for _, text := range []string{
		"Ollama is down", "by: rules", "  001-discount/T002 FEAT  low        yes", "  001-discount/T003 FEAT  low        no", "tag ARCH", "depends on FEAT-002 of this wave",
		"no model gave an acceptable plan", "Modify `main.go`",
		"The local model is out of this ticket", "escalated at lint", "main.go:12:40",
		"action: complete", "2 local tickets, 1 done, 1 escalated", start,
	} {
		if !strings.Contains(flat(out), flat(text)) {
			t.Errorf("the demo does not say %q", text)
		}
	}
	if diff := cmp.Diff(before, list(t, dir)); diff != "" {
		t.Errorf("the directory it was called from changed:\n%s", diff)
	}
}

func TestDemoWithOllama(t *testing.T) {
	server := ollamatest.Shared(t)
	out := run(t, t.TempDir(), "OLLAMA_HOST="+server.URL, "LOCALMODEL_MODEL="+ollamatest.Steered, "LOCALMODEL_NUM_CTX=8192", "LITELLM_BASE_URL="+unused)
	got := rows(t, out)
	for _, id := range []string{"BUG-001", "FEAT-002", "FEAT-005"} {
		if !strings.HasSuffix(got[id], " local") || !strings.Contains(got[id], "medium") {
			t.Errorf("%s: %q; the local model says medium", id, got[id])
		}
	}
	if got["TASK-003"] != "TASK low no front_matter" || got["FEAT-004"] != "FEAT high no rules" {
		t.Errorf("rules were not asked first: %v", got)
	}
	for _, text := range []string{"BUG-001: plan by local, 1 of 1 files and 1 of 1 criteria covered", "Modify `main.go` at `" + ollamatest.SteeredWords + "`", "Planned by " + ollamatest.Steered, "The local model is out of this ticket"} {
		if !strings.Contains(out, text) {
			t.Errorf("the demo does not say %q", text)
		}
	}
}

// A weak model: what it is asked, it may get wrong, but every row has an answer
// and every plan that is handed over is whole. LOCALMODEL_SMOL=all runs it: it
// takes half a minute.
func TestDemoWithARealSmallModel(t *testing.T) {
	if os.Getenv("LOCALMODEL_SMOL") != "all" {
		parts.Absent(t, "smol-demo", "LOCALMODEL_SMOL is not all: integration/e2e/smol has the same model in less time")
	}
	server := ollamatest.Shared(t)
	model := server.SmolLM(t)
	out := run(t, t.TempDir(), "OLLAMA_HOST="+server.URL, "LOCALMODEL_MODEL="+model, "LOCALMODEL_NUM_CTX=4096", "LITELLM_BASE_URL="+unused,
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT=2m", "LOCALMODEL_TOKEN_TIMEOUT=1m", "LOCALMODEL_DEADLINE=3m", "LOCALMODEL_MIN_CONFIDENCE=0")
	got := rows(t, out)
	for _, id := range []string{"BUG-001", "FEAT-002", "FEAT-005"} {
		if !strings.HasSuffix(got[id], " local") {
			t.Errorf("%s: %q; the small model was not asked", id, got[id])
		}
	}
	if !strings.Contains(out, "Modify `main.go`") {
		t.Error("the plan does not cover main.go")
	}
}

// flat is what a person reads, however its lines are broken.
func flat(out string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(out, "\n  | ", " ")), " ")
}

// TestDemo_FitsTheTerminal holds that the demo can be read in few columns. What
// the demo quotes may have words longer than a line.
func TestDemo_FitsTheTerminal(t *testing.T) {
	for _, columns := range []int{80, 40} {
		out := run(t, t.TempDir(), "OLLAMA_HOST="+unused, "LITELLM_BASE_URL="+unused, "COLUMNS="+strconv.Itoa(columns))
		for line := range strings.Lines(out) {
			line = strings.TrimSuffix(line, "\n")
			long := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) > columns-20 })
			if n := utf8.RuneCountInString(line); n > columns && !long {
				t.Errorf("%d columns, want at most %d: %q", n, columns, line)
			}
		}
		if _, next, found := strings.Cut(out, "== Next\n"); !found || !strings.HasPrefix(next, "localmodel setup: ") {
			t.Errorf("the demo does not end with the next command:\n%s", next)
		}
	}
}

// list is every file beneath a directory with its size and time.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		got[path] = info.ModTime().String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
