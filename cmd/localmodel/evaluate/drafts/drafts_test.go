package drafts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/draft/parse"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
)

const (
	parseWord   = "parse-input"
	confineWord = "run-confined"
	limit       = 5 * time.Minute // of a task's tests; they take a second
)

// TestMain is also the parser's process.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == parseWord {
		os.Exit(parse.Input(os.Args[2], os.Stdin, os.Stderr))
	}
	if len(os.Args) > 2 && os.Args[1] == confineWord {
		os.Exit(trial.RunConfined(os.Args[2:], os.Environ(), os.Stderr))
	}
	os.Exit(m.Run())
}

// writer is a model that answers each prompt by a script.
type writer func(req routing.Request) string

func (w writer) Complete(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
	text := []byte(w(req))
	err := req.Accept(text)
	if err != nil {
		req.User = req.Repair(text, err)
		text = []byte(w(req))
		err = req.Accept(text)
	}
	attempts := []routing.Attempt{{Tier: policy.Local, TokensOut: len(text) / 4}}
	if err != nil {
		return routing.Answer{}, &routing.Unanswered{Attempts: attempts}
	}
	return routing.Answer{Text: text, Attempts: attempts}, nil
}

func (writer) Health(context.Context, bool) routing.Health { return routing.Health{} }

func run(t *testing.T, list []Task, models map[string]writer) []Result {
	t.Helper()
	r := Run{Tasks: list, Dir: t.TempDir(), Env: os.Environ(), Parser: []string{os.Args[0], parseWord}, Limit: limit}
	for name, w := range models {
		r.Models = append(r.Models, &evaluate.Model{Name: name, Tier: policy.Local, Asker: w})
	}
	results, err := r.Go(t.Context(), func(int, int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(r.Dir, "task-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return results
}

// programs run the tests of each language.
var programs = map[string]string{"go": "go", "py": "python3", "js": "node"}

// TestTasks_FailBeforeAndPassAfter holds that each task can be done, and is not
// done already.
func TestTasks_FailBeforeAndPassAfter(t *testing.T) {
	list, err := Tasks()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 20 {
		t.Errorf("%d tasks, want 20", len(list))
	}
	for _, task := range list {
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel() // it waits for programs
			parts.Program(t, programs[task.Language()])
			// A change that does nothing: one more line of comment.
			comment := map[string]string{"go": "// nothing", "py": "# nothing", "js": "// nothing"}[task.Language()]
			for _, result := range run(t, []Task{task}, map[string]writer{
				"solution": func(routing.Request) string { return "```\n" + task.Solution + "```" },
				"nothing":  func(routing.Request) string { return "```\n" + task.Files[task.File] + comment + "\n```" },
			}) {
				want := map[string]draft.State{"solution": draft.Passed, "nothing": draft.Failed}[result.Model]
				if result.Passes != want || !result.Applies || result.Parses != draft.Passed {
					t.Errorf("%s: %+v, want its test %s", result.Model, result, want)
				}
			}
		})
	}
}

// TestRun_Confined holds that the tests of a task run where they can write
// nowhere else.
func TestRun_Confined(t *testing.T) {
	list, err := Tasks()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range list {
		if _, err := exec.LookPath(programs[task.Language()]); err != nil || task.Language() == "go" {
			continue // Go would build its library in a cache of its own first
		}
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			r := Run{Tasks: []Task{task}, Dir: t.TempDir(), Env: os.Environ(), Parser: []string{os.Args[0], parseWord},
				Confine: []string{os.Args[0], confineWord}, Limit: limit,
				Models: []*evaluate.Model{{Name: "m", Tier: policy.Local, Asker: writer(func(routing.Request) string {
					return "```\n" + task.Solution + "```"
				})}}}
			results, err := r.Go(t.Context(), func(int, int, string) {})
			if err != nil || len(results) != 1 || results[0].Passes != draft.Passed {
				t.Errorf("got %+v, %v", results, err)
			}
		})
	}
}

// TestRun_Failures holds how what models do wrong is counted.
func TestRun_Failures(t *testing.T) {
	list, err := Tasks()
	if err != nil {
		t.Fatal(err)
	}
	task := list[0]
	results := run(t, []Task{task}, map[string]writer{
		"prose":  func(routing.Request) string { return "" },
		"broken": func(routing.Request) string { return "```go\npackage task\nfunc {\n```" },
		"repaired": func(req routing.Request) string {
			if strings.Contains(req.User, "cannot be used") {
				return "```go\n" + task.Solution + "```"
			}
			return "```go\npackage task\nfunc {\n```"
		},
	})
	report := NewReport(results, time.Now())
	var text strings.Builder
	report.Print(&text)
	for _, one := range results {
		switch one.Model {
		case "prose":
			if one.Applies || one.Passes != "" || one.Why == "" || !one.Repaired {
				t.Errorf("%+v", one)
			}
		case "broken":
			if !one.Applies || one.Parses != draft.Failed || one.Passes != "" || !strings.Contains(one.Why, "parses") {
				t.Errorf("%+v", one)
			}
		case "repaired":
			if !one.Applies || one.Passes != draft.Passed || !one.Repaired || one.TokensOut == 0 {
				t.Errorf("%+v", one)
			}
		}
	}
	if len(report.Models) != 6 || !strings.Contains(text.String(), "100 % pass their tests") || len(report.Page().Sections) != 2 {
		t.Errorf("%+v\n%s", report.Models, text.String())
	}
}

// TestReport_NotRun holds that a test that could not run is no failure of the
// model, and is said.
func TestReport_NotRun(t *testing.T) {
	r := NewReport([]Result{
		{Task: "go-a", Model: "m", Applies: true, Parses: draft.Passed, Passes: draft.Passed},
		{Task: "js-a", Model: "m", Applies: true, Parses: draft.Passed, Passes: draft.NotRun},
	}, time.Now())
	if all := r.Models[0]; all.Passes.K != 1 || all.Passes.N != 1 || all.NotRun != 1 || all.Applies.N != 2 {
		t.Errorf("%+v", all)
	}
}

// TestParse_Damaged holds that a task with a part missing is refused.
func TestParse_Damaged(t *testing.T) {
	for _, text := range []string{"", "file: a\n\nx", "what: x\n\n", "file: a\ntest: b\n\nt\n-- a --\nx\n"} {
		if task, err := parseTask(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, task)
		}
	}
}
