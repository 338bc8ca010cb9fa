package evaluate

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// planner is a model that plans by a script.
type planner struct {
	asked int
	plan  func(req routing.Request) string
}

func (p *planner) Complete(ctx context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
	p.asked++
	text := []byte(p.plan(req))
	err := req.Accept(text)
	if err != nil {
		req.User, req.Sampling.Seed = req.Repair(text, err), 1
		text = []byte(p.plan(req))
		err = req.Accept(text)
	}
	if ctx.Err() != nil {
		return routing.Answer{}, ctx.Err()
	}
	attempt := routing.Attempt{Tier: policy.Local, TokensIn: 100, TokensOut: 50}
	if err != nil {
		attempt.Kind, attempt.Reason = routing.InvalidOutput, err.Error()
		return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{attempt}}
	}
	return routing.Answer{Text: text, Tier: policy.Local, Attempts: []routing.Attempt{attempt}}, nil
}

func (*planner) Health(context.Context, bool) routing.Health { return routing.Health{} }

const (
	soundPlan = `{"files":{"cart.go":{"action":"modify","where":"Total","what":"Start the running sum at the delivery fee and skip lines whose quantity is zero.","approach":"One loop."}},` +
		`"criteria":{"AC-1":{"file":"cart_test.go","name":"TestTotal_Empty","checks":"An empty basket costs just its delivery fee of 350 cents."}},"verify":["go test ./..."],"risk":""}`
	emptyPlan = `{"files":{"cart.go":{"action":"modify","where":"Checkout","what":"TODO","approach":""}},` +
		`"criteria":{"AC-1":{"file":"","name":"","checks":"AC-1"}},"risk":""}`
)

// plannable is a set of n tickets whose file is there.
func plannable(t *testing.T, n int) (root string, s *labelled.Set) {
	t.Helper()
	root = t.TempDir()
	write(t, root, "go.mod", "module shop\n")
	write(t, root, "cart.go", "package cart\n\nfunc Total(lines []int) int {\n\treturn 0\n}\n")
	for i := range n {
		write(t, root, fmt.Sprintf("backlog/BUG-%d.md", i), fmt.Sprintf("# BUG-%d: Order %d is too cheap\n\n## Affected Files\n\n"+
			"| File | Action |\n|---|---|\n| cart.go | modify |\n\n## Acceptance Criteria\n\n- [ ] AC-1: An empty cart is right\n", i, i))
	}
	s, err := labelled.Read(t.Context(), root, "backlog", nil)
	if err != nil {
		t.Fatal(err)
	}
	return root, s
}

// A model that plans well only at the higher temperature; and one that needs the
// repair round.
func settingsPlan(t *testing.T, n int) (Plan, *planner) {
	t.Helper()
	root, set := plannable(t, n)
	m := &planner{plan: func(req routing.Request) string {
		switch {
		case req.Sampling.Temperature == .7 || req.Sampling.TopP == .5 && req.Sampling.Seed > 0:
			return soundPlan
		default:
			return emptyPlan
		}
	}}
	p := Plan{Set: set, OnlyPlan: true, Plans: n, Root: root, NumCtx: 8192, Deadline: time.Minute,
		Models: Settings([]*Model{{Name: "m", Tier: policy.Local, Asker: m}}, []float64{.2, .7}, []float64{0})}
	p.Models = append(p.Models, Settings([]*Model{{Name: "m", Tier: policy.Local, Asker: m}}, []float64{0}, []float64{.5})...)
	return p, m
}

func TestScorePlans_BySetting(t *testing.T) {
	p, m := settingsPlan(t, 2)
	results, err := openResults(t, filepath.Join(t.TempDir(), "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	got, err := p.Run(t.Context(), results, func(float64, float64, string) {})
	if err != nil || m.asked != 6 {
		t.Fatalf("asked %d times, %v", m.asked, err)
	}
	r := p.ScorePlans(got, time.Now())
	var text bytes.Buffer
	for _, s := range r.Columns {
		fmt.Fprintf(&text, "%s: %s accepted, %d repaired, %s where, %s named, %s verify, %d out, failed %v\n", s.name(), s.Accepted.String(), s.Repaired,
			s.Where.String(), s.Named.String(), s.Verify.String(), s.TokensOut, s.Failed)
	}
	want := "m, temperature 0.2: 0 of 2 accepted, 0 repaired, 0 of 2 where, 0 of 2 named, 0 of 2 verify, 100 out, failed map[invalid_output:2]\n" +
		"m, temperature 0.7: 2 of 2 accepted, 0 repaired, 2 of 2 where, 2 of 2 named, 2 of 2 verify, 100 out, failed map[]\n" +
		"m, top_p 0.5: 2 of 2 accepted, 2 repaired, 2 of 2 where, 2 of 2 named, 2 of 2 verify, 100 out, failed map[]\n"
	if d := cmp.Diff(want, text.String()); d != "" {
		t.Error(d)
	}
	for _, one := range got {
		refused := one.Setting != "temperature 0.7"
		if has := strings.Contains(strings.Join(one.Defects, "; "), "is a placeholder"); has != refused || one.Ticket == "" {
			t.Errorf("%s %s: defects %q", one.Ticket, one.Setting, one.Defects)
		}
	}
	shown(t, r)
}

// shown holds every way of showing a report to its content.
func shown(t *testing.T, r PlanReport) {
	t.Helper()
	var text, table bytes.Buffer
	r.Print(&text)
	for line := range strings.Lines(text.String()) {
		if len([]rune(strings.TrimSuffix(line, "\n"))) > term.DefaultWidth {
			t.Errorf("too wide: %q", line)
		}
	}
	page, err := r.Page().HTML()
	if err := errors.Join(err, r.WriteCSV(&table)); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"table": text.String(), "page": string(page), "CSV": table.String()} {
		for _, want := range []string{"temperature 0.7", "top_p 0.5", "BUG-0", "placeholder"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in the %s:\n%s", want, name, out)
			}
		}
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 1+len(r.Plans) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	data, err := json.Marshal(r)
	var again PlanReport
	if err = errors.Join(err, json.Unmarshal(data, &again)); err != nil || again.Columns[1].Accepted.K != 2 || again.Plans[0].Defects == nil {
		t.Errorf("%v in %s", err, data)
	}
}

// What was asked is not asked again after an interrupt; another setting is.
func TestRun_PlansGoOn(t *testing.T) {
	p, m := settingsPlan(t, 3)
	path := filepath.Join(t.TempDir(), "a.jsonl")
	results, err := openResults(t, path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	_, err = p.Run(ctx, results, func(done, _ float64, _ string) {
		if done >= 40 { // four plans
			interrupt()
		}
	})
	results.Close()
	if !errors.Is(err, context.Canceled) || len(results.done) != 4 {
		t.Fatalf("%d kept, %v", len(results.done), err)
	}
	m.asked = 0
	p.Models = append(p.Models, Settings([]*Model{{Name: "m", Tier: policy.Local, Asker: m}}, []float64{.7}, []float64{.9})...)
	if results, err = openResults(t, path); err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	got, err := p.Run(t.Context(), results, func(float64, float64, string) {})
	if err != nil || m.asked != 8 || len(got) != 12 {
		t.Errorf("asked %d times for %d results, %v; want 8 for 12", m.asked, len(got), err)
	}
}

// A threshold is recommended from thirty answers on, and not of one fewer.
func TestCalibration_LeastAnswers(t *testing.T) {
	for n, want := range map[int]bool{leastAnswers - 1: false, leastAnswers: true} {
		root := t.TempDir()
		for i := range n {
			write(t, root, fmt.Sprintf("BUG-%d.md", i), fmt.Sprintf("---\nid: BUG-%d\ncomplexity: low\n---\n# BUG-%d: Crash %d\n", i, i, i))
		}
		s, err := labelled.Read(t.Context(), root, ".", nil)
		if err != nil {
			t.Fatal(err)
		}
		var results []Result
		for _, ticket := range s.Tickets {
			results = append(results, answer(s, "m", ticket.ID, "BUG", "low", .9, 10))
		}
		r := Plan{Set: s, Models: []*Model{{Name: "m", Tier: policy.Local}}}.Score(results, time.Now())
		c := r.Models[1].Calibration
		if c.Answers != n || (c.Threshold != nil) != want {
			t.Errorf("%d answers: threshold %v", c.Answers, c.Threshold)
		}
		var out bytes.Buffer
		r.Print(&out)
		if says := strings.Contains(out.String(), "none recommended"); says == want {
			t.Errorf("of %d answers it prints\n%s", n, out.String())
		}
	}
}

// Each model is compared with the rules on the tickets that it answered.
func TestScore_RulesBeside(t *testing.T) {
	_, s := backlog(t)
	p := Plan{Set: s, Models: []*Model{{Name: "a", Tier: policy.Local}, {Name: "b", Tier: policy.Local}}}
	r := p.Score([]Result{answer(s, "a", "BUG-1", "BUG", "low", .9, 10), answer(s, "b", "TASK-3", "TASK", "high", .9, 10), answer(s, "b", "BUG-1", "BUG", "low", .9, 10)}, time.Now())
	whole := r.Models[0]
	if whole.Rules != nil || whole.Complexity.All.N != 3 {
		t.Errorf("the rules: %+v", whole)
	}
	for i, n := range map[int]int{1: 1, 2: 2} {
		if b := r.Models[i].Rules; b == nil || b.Category.N != n || b.Complexity.N != n {
			t.Errorf("beside %s: %+v", r.Models[i].Model, b)
		}
	}
	// Of one file each, the rules say low: right on BUG-1, wrong on TASK-3.
	if got := r.Models[2].Rules.Complexity.K; got != 1 {
		t.Errorf("the rules are right on %d of two", got)
	}
	var out bytes.Buffer
	r.Print(&out)
	if n := strings.Count(out.String(), "rules alone"); n != 2 {
		t.Errorf("%d times beside a model:\n%s", n, out.String())
	}
}

// What a stranger's ticket, a model or a server says is no formula where the table
// is opened in a spreadsheet.
func TestWriteCSV_NoFormulas(t *testing.T) {
	r := PlanReport{Plans: []Result{
		{Model: "+m", Ticket: `=HYPERLINK("http://host/","BUG-1")`, Defects: []string{"@SUM(A1)"}},
		{Model: "-m", Ticket: "\t=1", Failed: routing.Unavailable, Reason: "=1+1"},
	}}
	var table bytes.Buffer
	if err := r.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
				t.Errorf("%s is %q", rows[0][i], cell)
			}
		}
	}
}
