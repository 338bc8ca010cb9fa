package evaluate

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// backlog makes five tickets: three stated whole, one by its id alone, one that
// states nothing.
func backlog(t *testing.T) (dir string, s *labelled.Set) {
	t.Helper()
	dir = t.TempDir()
	const table = "\n## Affected Files\n\n| File | Action |\n|---|---|\n| a.go | modify |\n"
	write(t, dir, "BUG-1.md", "---\nid: BUG-1\ncomplexity: trivial\n---\n# BUG-1: Fix the crash\n"+table)
	write(t, dir, "done/FEAT-2.md", "---\nid: FEAT-2\ncomplexity: medium\n---\n# FEAT-2: Add a page\n"+table)
	write(t, dir, "TASK-3.md", "---\nid: TASK-3\ntype: chore\ncomplexity: high\n---\n# TASK-3: Move the data, as BUG-1 says\n"+table)
	write(t, dir, "BUG-4.md", "# BUG-4: Wrong sum\n"+table)
	write(t, dir, "note.md", "# Something\n"+table)
	write(t, dir, "broken.md", "\x00")
	write(t, dir, ".git/BUG-9.md", "# BUG-9: not a ticket")
	write(t, dir, "picture.png", "")
	s, err := labelled.Read(t.Context(), dir, ".", []string{"SEC"})
	if err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func TestReadSetAndLabels(t *testing.T) {
	dir, s := backlog(t)
	labels := func() map[string]labelled.Label {
		out := map[string]labelled.Label{}
		for _, ticket := range s.Tickets {
			out[ticket.ID] = ticket.Label
		}
		return out
	}
	want := map[string]labelled.Label{"BUG-1": {Category: "BUG", Complexity: "low"}, "FEAT-2": {Category: "FEAT", Complexity: "medium"}, "TASK-3": {Category: "TASK", Complexity: "high"}, "BUG-4": {Category: "BUG"}, "note": {}}
	if d := cmp.Diff(want, labels()); d != "" {
		t.Error(d)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "broken.md") {
		t.Errorf("warnings %q", s.Warnings)
	}
	file := write(t, dir, "labels.csv", "\ufeffid, complexity, category\nBUG-4, simple,\nnote,complex,sec\nBUG-77,low,\n")
	if err := s.ReadLabels(file); err != nil {
		t.Fatal(err)
	}
	want["BUG-4"], want["note"] = labelled.Label{Category: "BUG", Complexity: "medium"}, labelled.Label{Category: "SEC", Complexity: "high"}
	if d := cmp.Diff(want, labels()); d != "" {
		t.Error(d)
	}
	if last := s.Warnings[len(s.Warnings)-1]; !strings.Contains(last, "BUG-77") {
		t.Errorf("a label of no ticket: %q", last)
	}
	if err := s.ReadLabels(write(t, dir, "labels.json", `{"BUG-1":{"complexity":"high"}}`)); err != nil {
		t.Fatal(err)
	}
	if got := labels()["BUG-1"]; got != (labelled.Label{Category: "BUG", Complexity: "high"}) {
		t.Errorf("JSON labels: %+v", got)
	}
	for name, text := range map[string]string{"a.csv": "id\nBUG-1\n", "b.csv": "id,complexity\nBUG-1,huge\n", "c.json": "[]", "d.csv": "", "e.csv": "id,category\nBUG-1,EPIC\n"} {
		if err := s.ReadLabels(write(t, dir, name, text)); err == nil {
			t.Errorf("%s %q is taken", name, text)
		}
	}
	if _, err := labelled.Read(t.Context(), t.TempDir(), ".", nil); err == nil {
		t.Error("an empty directory is a set")
	}
}

func TestSpreadKeepsEveryKind(t *testing.T) {
	got := labelled.Spread([]string{"B1", "B2", "B3", "F1", "F2", "F3"}, 2)
	if diff := cmp.Diff([]string{"B1", "F1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheAnswerIsNotInTheQuestion(t *testing.T) {
	_, s := backlog(t)
	p := Plan{Set: s, Models: []*Model{{Name: "m"}}}
	for _, task := range p.tasks() {
		req, err := p.request(t.Context(), task, &Result{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(req.User, task.ticket.ID) && task.ticket.ID != "note" || strings.Contains(req.User, "complexity:") || strings.Contains(req.User, "chore") {
			t.Errorf("%s: %s", task.ticket.ID, req.User)
		}
	}
}

func answer(s *labelled.Set, model, id, category, complexity string, confidence float64, ms int64) Result {
	for _, ticket := range s.Tickets {
		if ticket.ID == id {
			r := Result{Task: "classify", Model: model, Hash: ticket.Hash, Category: category, Complexity: complexity, MS: ms, TokensIn: 100, TokensOut: 10}
			if confidence > 0 {
				r.Confidence = &confidence
			}
			return r
		}
	}
	panic(id)
}

// screen is a stream that knows its columns.
type screen struct {
	bytes.Buffer
	columns int
}

func (s *screen) Width() int { return s.columns }

func TestScoreByHand(t *testing.T) {
	_, s := backlog(t)
	p := Plan{Set: s, Models: []*Model{{Name: "small", Tier: policy.Local}, {Name: "cheap", Tier: policy.Cheap}}}
	coverage := func(files, of int) *prompts.Coverage {
		return &prompts.Coverage{Files: files, FilesTotal: of, Criteria: 1, CriteriaTotal: 2}
	}
	results := []Result{
		answer(s, "small", "BUG-1", "BUG", "low", .9, 100),
		answer(s, "small", "FEAT-2", "TASK", "low", .5, 300),
		answer(s, "small", "TASK-3", "TASK", "medium", .6, 200),
		answer(s, "small", "BUG-4", "FEAT", "low", .8, 400), // its complexity is not known
		{Task: "classify", Model: "small", Hash: "x", Failed: routing.Timeout, MS: 9000, TokensIn: 5},
		{Task: "plan", Model: "small", Coverage: coverage(2, 2), MS: 5000},
		{Task: "plan", Model: "small", Coverage: coverage(1, 2), Failed: routing.InvalidOutput, MS: 7000},
		answer(s, "cheap", "BUG-1", "BUG", "low", 0, 50),
		answer(s, "cheap", "FEAT-2", "FEAT", "medium", 0, 50),
		answer(s, "cheap", "TASK-3", "TASK", "low", 0, 50),
	}
	results[7].CostUSD = .002
	r := p.Score(results, time.Now())
	if r.Labelled != (Labelled{4, 3}) || len(r.Models) != 3 {
		t.Fatalf("%+v", r)
	}
	small := r.Models[1]
	// Category: BUG-1 and TASK-3 of four; complexity: BUG-1 of three.
	if small.Category.All.K != 2 || small.Category.All.N != 4 || small.Complexity.All.K != 1 || small.Complexity.All.N != 3 {
		t.Errorf("category %+v, complexity %+v", small.Category.All, small.Complexity.All)
	}
	var classes []string
	for _, c := range small.Category.Classes {
		classes = append(classes, c.Name+" "+c.Right.Brief())
	}
	if d := cmp.Diff([]string{"BUG 50 % (9-91)", "FEAT 0 % (0-79)", "TASK 100 % (21-100)"}, classes); d != "" {
		t.Error(d)
	}
	if small.Category.Said["FEAT"]["TASK"] != 1 {
		t.Errorf("said %v", small.Category.Said)
	}
	if small.Classify != (figures.Time{P50: 200, P95: 400}) || small.Plan != (figures.Time{P50: 5000, P95: 7000}) || small.Failed["timeout"] != 1 || small.TokensIn != 405 {
		t.Errorf("%+v", small)
	}
	if pl := small.Plans; pl.Accepted.K != 1 || pl.Accepted.N != 2 || pl.Files.K != 3 || pl.Files.N != 4 || pl.Criteria.K != 2 {
		t.Errorf("plans %+v", pl)
	}
	// (.1² + .5² + .6²) / 3: right at .9, wrong at .5 and .6.
	c := small.Calibration
	if c.Answers != 3 || math.Abs(c.Brier-.62/3) > 1e-9 || c.Next != "cheap" {
		t.Errorf("%+v", c)
	}
	// At .55 cheap answers FEAT-2, rightly: two of three are right in the end.
	// One standard error of 2/3 in three is .27, so that 1/3 is outside it.
	at, ok := figures.Recommend(c.Cuts)
	if !ok || at != .55 || c.Threshold != nil {
		t.Errorf("threshold %v; of three answers none is recommended: %v", at, c.Threshold)
	}
	c.Threshold = &at
	if cut, _ := c.At(); cut.Kept.K != 2 || cut.Right.K != 1 || math.Abs(cut.Whole-2./3) > 1e-9 {
		t.Errorf("%+v", cut)
	}
	var agree *Agreement
	for i, a := range r.Agreement {
		if a.A == "small" && a.B == "cheap" {
			agree = &r.Agreement[i]
		}
	}
	// low low medium beside low medium low: they agree in 1 of 3, by chance in
	// (2*2 + 1*1)/9, so that kappa is (3/9 - 5/9) / (4/9).
	if agree == nil || agree.Same.K != 1 || agree.Same.N != 3 || math.Abs(*agree.Kappa+.5) > 1e-9 {
		t.Errorf("%+v", agree)
	}
	if cheap := r.Models[2]; cheap.CostUSD != .002 || cheap.Calibration != nil {
		t.Errorf("%+v", cheap)
	}
	for _, columns := range []int{term.DefaultWidth, 40} {
		out := &screen{columns: columns}
		r.Print(out)
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > columns {
				t.Errorf("wider than %d: %q", columns, line)
			}
		}
		if !strings.Contains(out.String(), "LOCALMODEL_MIN_CONFIDENCE=0.55") {
			t.Errorf("got\n%s", out.String())
		}
	}
	c.Threshold = nil
	if got := c.words(); got != "none recommended from 3 answers, at least 30 are needed" {
		t.Errorf("got %q", got)
	}
}

func TestResultsSurviveATornLineAndRefuseTwoWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "answers.jsonl")
	r, err := openResults(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openResults(t, path); err == nil || !strings.Contains(err.Error(), "another eval") {
		t.Errorf("two writers: %v", err)
	}
	kept, passed := Result{Task: "classify", Model: "m", Hash: "a", Failed: routing.InvalidOutput}, Result{Task: "classify", Model: "m", Hash: "b", Failed: routing.Busy}
	for _, one := range []Result{kept, passed} {
		if err := r.add(one); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, []byte(`{"task":"classify","model":"m","ha`)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = openResults(t, path); err != nil {
		t.Fatal(err)
	}
	third := Result{Task: "plan", Model: "m", Hash: "a"}
	if err := r.add(third); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if r, err = openResults(t, path); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for one, want := range map[*Result]bool{&kept: true, &passed: false, &third: true} {
		if _, found := r.find(*one); found != want {
			t.Errorf("%s %s: found %v", one.Task, one.Hash, found)
		}
	}
	other := kept
	other.Prompt = "2"
	if _, found := r.find(other); found {
		t.Error("another prompt is the same task")
	}
}

func TestQuoteIsAnUpperBound(t *testing.T) {
	_, s := backlog(t)
	p := Plan{Set: s, Models: []*Model{{Name: "small", Tier: policy.Local}, {Name: "balanced", Tier: policy.Balanced}}, Plans: 1}
	results, err := openResults(t, filepath.Join(t.TempDir(), "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	before, err := p.Quote(t.Context(), results)
	if err != nil || before.Calls["balanced"] != 6 || before.Calls["small"] != 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	// Six replies at their limits alone: 5*60 and 2*1600 tokens at $15.
	if least := (5*60 + 2*1600) * 15 / 1e6; before.MostUSD < least || before.MostUSD > 4*least {
		t.Errorf("at most $%.4f, the replies alone are $%.4f", before.MostUSD, least)
	}
	if err := results.add(Result{Task: "classify", Model: "balanced", Prompt: prompts.Version, Hash: s.Tickets[0].Hash}); err != nil {
		t.Fatal(err)
	}
	if after, err := p.Quote(t.Context(), results); err != nil || after.Calls["balanced"] != 5 || after.MostUSD >= before.MostUSD {
		t.Errorf("%+v, %v", after, err)
	}
}

func TestWalletKeepsToWhatWasAgreed(t *testing.T) {
	w := &ledger.Wallet{}
	w.Fill(.10)
	settle, err := w.Reserve(context.Background(), policy.Cheap, .08)
	if err != nil {
		t.Fatal(err)
	}
	var spent *routing.Error
	if _, err := w.Reserve(context.Background(), policy.Cheap, .08); !errors.As(err, &spent) || spent.Kind != routing.BudgetSpent {
		t.Errorf("over the amount: %v", err)
	}
	if err := settle(context.Background(), .01); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reserve(context.Background(), policy.Cheap, .08); err != nil {
		t.Errorf("what was not spent is back: %v", err)
	}
}

// A server that is down stops the run after three tries, and nothing it failed
// at counts as done.
func TestAServerThatIsDownStopsTheRun(t *testing.T) {
	_, s := backlog(t)
	m := &Model{Name: "m", Tier: policy.Local, Route: policy.OnlyLocal, Asker: tiers.New(t, tiers.Config{OllamaURL: "http://127.0.0.1:1", Model: "m", NumCtx: 2048,
		ConnectTimeout: time.Second, LoadTimeout: time.Second, FirstTokenTimeout: time.Second, TokenTimeout: time.Second, KeepAlive: time.Second, SlotDir: t.TempDir()}, ledger.Unrecorded{}, &ledger.Wallet{})}
	if err := m.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "not reachable") {
		t.Errorf("ready: %v", err)
	}
	path := filepath.Join(t.TempDir(), "a.jsonl")
	results, err := openResults(t, path)
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Set: s, Models: []*Model{m}, Deadline: 5 * time.Second}
	got, err := p.Run(t.Context(), results, func(float64, float64, string) {})
	results.Close()
	if err == nil || !strings.HasPrefix(err.Error(), "m: ") || len(got) > 3 {
		t.Errorf("%d results, %v", len(got), err)
	}
	if results, err = openResults(t, path); err != nil || len(results.done) != 0 {
		t.Errorf("%d done, %v", len(results.done), err)
	}
	results.Close()
}

// openResults opens a file of results by its path.
func openResults(t *testing.T, path string) (*Results, error) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, name, err := rootfs.Named(t.Context(), "", path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	return OpenResults(t.Context(), dir, name, false)
}
