package commands

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

func TestMain(m *testing.M) { os.Exit(litellmtest.Main(m)) }

// backlog writes n of the sixty tickets into a project. Of every other one the
// complexity is in the labels file alone.
func backlog(t *testing.T, root string, n int) (dir, labels string) {
	t.Helper()
	f, err := os.Open("testdata/backlog.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 61 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	dir, labels = filepath.Join(root, "backlog"), filepath.Join(root, "labels.csv")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	list := "id,complexity\n"
	for i := range n {
		row := rows[1+i*60/n]
		text := "---\nid: " + row[0] + "\ntitle: " + row[3] + "\n"
		if i%2 == 0 {
			text += "complexity: " + row[2] + "\n"
		} else {
			list += row[0] + "," + row[2] + "\n"
		}
		text += "---\n# " + row[0] + ": " + row[3] + "\n\n## Context\n\n" + row[4] + "\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n"
		for file := range strings.SplitSeq(row[5], ";") {
			if file != "" {
				text += "| " + file + " | modify | as the context says |\n"
			}
		}
		text += "\n## Acceptance Criteria\n\n- [ ] AC-1: it works as the title says\n"
		write(t, filepath.Join(dir, row[0]+".md"), text)
	}
	write(t, labels, list)
	return dir, labels
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// project is a user's directory and environment.
type project struct {
	root string
	env  []string
}

func newProject(t *testing.T, vars ...string) *project {
	t.Helper()
	p := &project{root: t.TempDir()}
	p.env = binary.Env(t, append([]string{"CLAUDE_PROJECT_DIR=" + p.root, "LOCALMODEL_STATE=" + filepath.Join(p.root, "state", "journal.db"), "LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_FALLBACK="},
		append(binary.Patient(), vars...)...)...)
	return p
}

func (p *project) command(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary.Path(t), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.root, p.env, &out, &errOut
	return cmd, &out, &errOut
}

func (p *project) run(t *testing.T, args ...string) (code int, out, said string) {
	t.Helper()
	cmd, o, e := p.command(t, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

func read(t *testing.T, text string) (r evaluate.Report, by map[string]evaluate.Score) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	by = map[string]evaluate.Score{}
	for _, s := range r.Models {
		by[s.Model] = s
	}
	return r, by
}

// The provider behind the paid tiers knows the right answers.
func knowing(t *testing.T, s *litellmtest.Stack) {
	t.Helper()
	f, err := os.Open("testdata/backlog.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	s.Provider.Answer(t, litellmtest.Haiku, func(a litellmtest.Asked) litellmtest.Said {
		for _, row := range rows[1:] {
			if strings.Contains(a.User, row[3]) {
				return litellmtest.Said{Text: fmt.Sprintf(`{"category":%q,"complexity":%q}`, row[1], row[2]), In: 700, Out: 14}
			}
		}
		return litellmtest.Said{Text: "which ticket?"}
	})
}

func TestEvalComparesModels(t *testing.T) {
	s := litellmtest.Shared(t)
	knowing(t, s)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL, "LITELLM_BASE_URL="+s.Proxy.URL, "LITELLM_MASTER_KEY="+s.Proxy.Key)
	dir, labels := backlog(t, p.root, 6)
	args := []string{"eval", dir, "--labels", labels, "--models", ollamatest.Steered + "," + ollamatest.Unsure + ",cheap", "--also-plan", "0"}

	// Nobody agreed to pay: nothing is asked of anybody.
	s.Provider.Forget()
	code, _, said := p.run(t, args...)
	if code != 2 || !strings.Contains(said, "Paid calls: 6 by cheap, at most $") || !strings.Contains(said, "--yes") || len(s.Provider.Asked("")) > 0 {
		t.Fatalf("exit %d, %d calls\n%s", code, len(s.Provider.Asked("")), said)
	}
	page := filepath.Join(p.root, "eval.html")
	code, out, said := p.run(t, append(args, "--yes", "--json", "--html", page)...)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	r, by := read(t, out)
	// The steered model says BUG and medium to all: right on what is.
	steered := by[ollamatest.Steered]
	if r.Tickets != 6 || r.Labelled.Complexity != 6 || steered.Category.All.N != 6 || steered.Category.All.K != 2 {
		t.Errorf("%+v of %d\n%s", steered.Category, r.Tickets, said)
	}
	for _, c := range steered.Complexity.Classes {
		if want := map[string]int{"medium": c.Right.N}[c.Name]; c.Right.K != want {
			t.Errorf("steered on %s: %+v", c.Name, c.Right)
		}
	}
	if c := steered.Calibration; c == nil || c.Answers != 6 || len(c.Bins) != 1 || c.Bins[0].From != .9 || c.Next != "cheap" || c.Threshold != nil {
		t.Errorf("calibration of steered: %+v", c)
	}
	// Unsure is one third sure of each. Six answers recommend no threshold.
	if c := by[ollamatest.Unsure].Calibration; c == nil || c.Bins[0].From != .3 || c.Threshold != nil {
		t.Errorf("calibration of unsure: %+v", c)
	}
	cheap := by["cheap"]
	if cheap.Category.All.K != 6 || cheap.Complexity.All.K != 6 || cheap.CostUSD <= 0 || cheap.Calibration != nil || cheap.Classify.P50 <= 0 {
		t.Errorf("cheap: %+v", cheap)
	}
	if _, err := os.Stat(filepath.Join(p.root, "state", "journal.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal was touched: %v", err)
	}
	for _, a := range s.Provider.Asked(litellmtest.Haiku) {
		if strings.Contains(a.User, "BUG-0") || strings.Contains(a.User, "complexity:") {
			t.Fatalf("the answer is in the question: %s", a.User)
		}
	}

	// A second time nobody is asked, and nothing is paid.
	s.Provider.Forget()
	code, again, said := p.run(t, append(args, "--json")...)
	if _, now := read(t, again); code != 0 || len(s.Provider.Asked("")) > 0 || now["cheap"].CostUSD != cheap.CostUSD {
		t.Errorf("exit %d, %d calls\n%s", code, len(s.Provider.Asked("")), said)
	}
	p.env = append(p.env, "LOCALMODEL_CLOUD=never")
	if code, _, said := p.run(t, args...); code != 1 || !strings.Contains(said, "LOCALMODEL_CLOUD=never") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestEvalPlans(t *testing.T) {
	s := litellmtest.Shared(t)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL)
	dir := filepath.Join(p.root, "backlog")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, title := range []string{"Fix it 0", "Fix it 1", ollamatest.SteeredWords} {
		write(t, filepath.Join(dir, fmt.Sprintf("T-%d.md", i)), fmt.Sprintf("# T-%d: %s\n\n## Affected Files\n\n| File | Action |\n|---|---|\n| main.go | modify |\n\n## Acceptance Criteria\n\n- [ ] AC-1: it works\n", i, title))
	}
	code, out, said := p.run(t, "eval", dir, "--models", ollamatest.Steered, "--json")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	_, by := read(t, out)
	// It says the same always, which of the third is only the title: refused twice.
	got := by[ollamatest.Steered].Plans
	if got == nil || got.Accepted.K != 2 || got.Accepted.N != 3 || got.Files.K != 3 || got.Files.N != 3 || got.Criteria.K != 3 || got.Repaired != 0 {
		t.Errorf("got %+v\n%s", got, said)
	}
}

// At a terminal the cost is asked for: a no pays nothing, a yes shows a bar.
func TestEvalAsksAtATerminal(t *testing.T) {
	if runtime.GOOS != "linux" {
		parts.Absent(t, "script", "only util-linux's takes a command this way")
	}
	script := parts.Program(t, "script")
	s := litellmtest.Shared(t)
	knowing(t, s)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL, "LITELLM_BASE_URL="+s.Proxy.URL, "LITELLM_MASTER_KEY="+s.Proxy.Key)
	dir, labels := backlog(t, p.root, 3)
	at := func(typed string) (code int, shown string) {
		cmd := exec.CommandContext(t.Context(), script, "-qec", strings.Join([]string{binary.Path(t), "eval", dir, "--labels", labels, "--models", "cheap", "--also-plan", "0"}, " "), os.DevNull)
		cmd.Dir, cmd.Env, cmd.Stdin = p.root, p.env, strings.NewReader(typed)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	s.Provider.Forget()
	if code, shown := at("n\n"); code != 1 || !strings.Contains(shown, "3 by cheap, at most $") || !strings.Contains(shown, "Go on? [y/N]") || !strings.Contains(shown, "nothing paid") || len(s.Provider.Asked("")) > 0 {
		t.Errorf("no: exit %d\n%s", code, shown)
	}
	if code, shown := at("y\n"); code != 0 || !strings.Contains(shown, "█") || !strings.Contains(shown, "\r") || len(s.Provider.Asked("")) != 3 {
		t.Errorf("yes: exit %d, %d calls\n%s", code, len(s.Provider.Asked("")), shown)
	}
}

// interrupt sends what Ctrl-C sends, once the results file has n lines.
func interrupt(t *testing.T, cmd *exec.Cmd, results string, n int) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d results", n), func() bool {
		data, _ := os.ReadFile(results) // not there yet
		return bytes.Count(data, []byte("\n")) >= n
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

func TestEvalGoesOnAfterAnInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		parts.Absent(t, "interrupt", "Windows delivers none to another process")
	}
	s := litellmtest.Shared(t)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL)
	dir, labels := backlog(t, p.root, 12)
	results := filepath.Join(p.root, "answers.jsonl")
	args := []string{"eval", dir, "--labels", labels, "--models", ollamatest.Steered, "--also-plan", "0", "--results", results}
	cmd, _, said := p.command(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	interrupt(t, cmd, results, 2)
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(said.String(), "the same command goes on from there") {
		t.Fatalf("exit %d, %v: %s", code, err, said)
	}
	data, err := os.ReadFile(results)
	first := bytes.Count(data, []byte("\n"))
	if err != nil || first < 2 || first >= 12 {
		t.Fatalf("%d results, %v", first, err)
	}
	// A kill in the middle of a line leaves a torn one, which costs one answer.
	write(t, results, string(data[:len(data)-20]))
	code, out, errText := p.run(t, append(args, "--json")...)
	if _, by := read(t, out); code != 0 || by[ollamatest.Steered].Complexity.All.N != 12 {
		t.Fatalf("exit %d: %s", code, errText)
	}
	data, err = os.ReadFile(results)
	if lines := bytes.Count(data, []byte("\n")); err != nil || lines != 13 { // 12 and the torn one
		t.Errorf("%d lines, %v", lines, err)
	}
}

// The whole set through a real, weak language model, beside another model and
// the proxy. EVAL_FULL=1 runs it: it takes minutes. EVAL_PAGE keeps its page.
func TestEvalOfARealModel(t *testing.T) {
	if os.Getenv("EVAL_FULL") == "" {
		t.Skip("EVAL_FULL: sixty tickets through a real model take minutes; set it to 1")
	}
	s := litellmtest.Shared(t)
	smol := s.Ollama.SmolLM(t)
	knowing(t, s)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL, "LITELLM_BASE_URL="+s.Proxy.URL, "LITELLM_MASTER_KEY="+s.Proxy.Key,
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT=2m", "LOCALMODEL_TOKEN_TIMEOUT=1m", "LOCALMODEL_DEADLINE=4m")
	dir, labels := backlog(t, p.root, 60)
	results, page := filepath.Join(p.root, "answers.jsonl"), filepath.Join(p.root, "eval.html")
	if keep := os.Getenv("EVAL_PAGE"); keep != "" {
		page = keep
	}
	args := []string{"eval", dir, "--labels", labels, "--models", smol + "," + ollamatest.Unsure + ",cheap", "--also-plan", "0", "--results", results, "--html", page, "--yes"}
	cmd, _, said := p.command(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	interrupt(t, cmd, results, 20)
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Fatalf("%v: %s", err, said)
	}
	code, out, errText := p.run(t, args...)
	t.Logf("%s\n%s", errText, out)
	if code != 0 {
		t.Fatalf("exit %d", code)
	}
	code, out, _ = p.run(t, append(args, "--json")...)
	_, by := read(t, out)
	got := by[smol]
	if code != 0 || got.Complexity.All.N < 55 || got.Calibration == nil || got.Calibration.Threshold == nil || by["cheap"].Complexity.All.K != 60 {
		t.Errorf("exit %d: %+v", code, got)
	}
}
