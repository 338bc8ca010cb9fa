package prompts

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// threeFiles is a ticket with a file to modify, one to create and one to delete,
// in a project that has a.go, old.go and docs/guide.md.
func threeFiles() PlanQuestion {
	source := "package src\n\nfunc Call() {\n\tdial(limit)\n}\n\nconst limit = 1\n"
	return question(PlanQuestion{ID: "N-1", Title: "Move the call", Ticket: "Do it to `Call` with its `limit`.",
		Files:    []PlanFile{{"src/a.go", "modify", "the call"}, {"src/new.go", "create", ""}, {"./src/old.go", "delete", "no longer used"}},
		Criteria: []PlanCriterion{{"AC-1", "It works."}, {"AC-2", "It is fast."}},
		Sources:  []Source{{Path: "src/a.go", Text: source, Full: source}},
		Commands: []string{"make test", "make  lint\n"}},
		"src/a.go", "src/old.go", "docs/guide.md", "src/a_test.go")
}

func wholePlan() PlanReply {
	return PlanReply{
		Files: map[string]Step{
			"src/a.go":   {Action: "modify", Where: "Call", What: "Delegate to the queue instead of dialling on every request.", After: "src/new.go"},
			"src/new.go": {Action: "create", What: "Declare the queue type with its worker goroutine and Close.", Approach: "A channel."},
			"src/old.go": {Action: "delete", What: "Nobody imports the dialler any more."},
		},
		Criteria: map[string]Test{
			"AC-1": {"src/new_test.go", "TestQueue", "three requests arrive at a fake server in order"},
			"AC-2": {"src/new_test.go", "BenchmarkQueue", "a thousand requests open one connection"},
		},
		Verify: []string{"make test"},
		Risk:   "Requests wait for each other.",
	}
}

func TestRender_Plan(t *testing.T) {
	q := threeFiles()
	if err := accept(t, q, wholePlan()); err != nil {
		t.Fatal(err)
	}
	if got := q.Covers(wholePlan()); got != (Coverage{3, 3, 2, 2, false}) {
		t.Errorf("coverage %+v", got)
	}
	want := "## Implementation Plan\n" +
		"- [ ] 1. Create `src/new.go`: Declare the queue type with its worker goroutine and Close.\n" +
		"      How: A channel.\n" +
		"- [ ] 2. Modify `src/a.go` at `Call`: Delegate to the queue instead of dialling on every request.\n" +
		"- [ ] 3. Delete `src/old.go`: Nobody imports the dialler any more.\n" +
		"\nTests to write:\n" +
		"- [ ] AC-1: `src/new_test.go` `TestQueue` checks: three requests arrive at a fake server in order\n" +
		"- [ ] AC-2: `src/new_test.go` `BenchmarkQueue` checks: a thousand requests open one connection\n" +
		"\nVerify:\n- [ ] `make test` ends with status 0\n" +
		"\nRisk: Requests wait for each other.\n"
	if got := q.Render(wholePlan()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Foreign text ends neither its line nor its code span.
func TestRender_ForeignText(t *testing.T) {
	q, r := threeFiles(), wholePlan()
	step(&r, func(s *Step) { s.Where, s.What = "`Call`\n# Now", "First line\n- [ ] 9. Forged\x1b[31m step" })
	got := q.Render(r)
	for _, bad := range []string{"\n# Now", "\n- [ ] 9. Forged", "\x1b", "``"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in\n%s", bad, got)
		}
	}
}

func TestSteps_Order(t *testing.T) {
	q := PlanQuestion{Files: []PlanFile{{Path: "a"}, {Path: "b"}, {Path: "c"}}}
	for name, c := range map[string]struct {
		after map[string]string
		want  string
	}{
		"as listed": {nil, "a b c"},
		"a chain":   {map[string]string{"a": "b", "b": "c"}, "c b a"},
		"a circle":  {map[string]string{"a": "b", "b": "a"}, "c a b"},
		"itself":    {map[string]string{"a": "a"}, "a b c"},
		"a ghost":   {map[string]string{"a": "x"}, "a b c"},
	} {
		r := PlanReply{Files: map[string]Step{}}
		for _, f := range []string{"a", "b", "c"} {
			r.Files[f] = Step{After: c.after[f]}
		}
		var got []string
		for _, s := range q.Steps(r) {
			got = append(got, s.File)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

// What has nothing to do with the content: coverage, paths and actions.
func TestAccept_Structure(t *testing.T) {
	change := func(file string, change func(*Step)) func(*PlanReply) {
		return func(r *PlanReply) {
			s := r.Files[file]
			change(&s)
			r.Files[file] = s
		}
	}
	for name, c := range map[string]struct {
		spoil func(*PlanReply)
		says  string
	}{
		"a file is missing":      {func(r *PlanReply) { delete(r.Files, "src/new.go") }, "no step for src/new.go"},
		"a criterion is missing": {func(r *PlanReply) { delete(r.Criteria, "AC-2") }, "no test for AC-2"},
		"an extra file not there": {func(r *PlanReply) { r.Steps = []Step{{File: "src/ghost.go", Action: "modify", What: "x"}} },
			"src/ghost.go does not exist and no step creates it"},
		"outside the project":  {func(r *PlanReply) { r.Steps = []Step{{File: "../x.go", Action: "create", What: "x"}} }, "../x.go is outside the project"},
		"an absolute path":     {func(r *PlanReply) { r.Steps = []Step{{File: "/etc/passwd", Action: "create", What: "x"}} }, "/etc/passwd is outside the project"},
		"no path":              {func(r *PlanReply) { r.Steps = []Step{{File: " ", Action: "modify", What: "x"}} }, "a step names no file"},
		"deletes what is kept": {change("src/a.go", func(s *Step) { s.Action = "delete" }), "the ticket does not delete src/a.go"},
		"creates what is there": {func(r *PlanReply) {
			r.Steps = []Step{{File: "docs/guide.md", Action: "create", What: "x"}}
		}, "docs/guide.md exists already"},
		"a check of one word": {func(r *PlanReply) { r.Criteria["AC-1"] = Test{"src/new_test.go", "TestQueue", "queue"} },
			"the test of AC-1 says too little beyond the criterion"},
		"no action": {change("src/a.go", func(s *Step) { s.Action = "" }), "has no action"},
	} {
		t.Run(name, func(t *testing.T) {
			q, r := threeFiles(), wholePlan()
			c.spoil(&r)
			err := accept(t, q, r)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %q", err, c.says)
			}
			if repair := q.Repair(err); !strings.Contains(repair, c.says) || !strings.Contains(repair, "whole plan again") {
				t.Errorf("the repair round says %q", repair)
			}
		})
	}
}

// Many defects are listed to a bound, and counted; a reply at the limits of its
// schema may be too long to hand over.
func TestAccept_Bounds(t *testing.T) {
	q := threeFiles()
	for i := range 30 {
		q.Criteria = append(q.Criteria, PlanCriterion{ID: fmt.Sprintf("AC-%d", i+10)})
	}
	err := accept(t, q, PlanReply{})
	if err == nil || !strings.Contains(err.Error(), "and 27 more") || len(err.Error()) > 500 {
		t.Errorf("got %v", err)
	}
	long := threeFiles()
	r := wholePlan()
	r.Files["src/a.go"] = Step{Action: "modify", Where: "Call", What: "Delegate every request to the queue with " + strings.Repeat("long ", MaxPlanChars/5)}
	err = accept(t, long, r)
	if err == nil || !strings.Contains(err.Error(), "characters, more than 6400") {
		t.Errorf("got %v", err)
	}
}

func TestWarnings_Paths(t *testing.T) {
	q, r := threeFiles(), wholePlan()
	for file, s := range r.Files {
		s.What += " Like src/ghost.Run, src/gone.py and src/a_test.go."
		r.Files[file] = s
		break
	}
	if err := accept(t, q, r); err != nil {
		t.Errorf("what is no file of the ticket's kind refuses nothing: %v", err)
	}
	got := strings.Join(q.Warnings(r), "\n")
	if !strings.Contains(got, "src/gone.py") || strings.Contains(got, "a_test.go") {
		t.Errorf("warnings %q", got)
	}
}

// The plan without a model: created files first, then modified, deleted and
// others, with what is cheap to find about each.
func TestTemplate_Whole(t *testing.T) {
	q := threeFiles()
	q.Files = append(q.Files, PlanFile{"src/b.go", "", "the rest"})
	q.Read = func(p string) string {
		return map[string]string{"src/a_test.go": "package src\n\nfunc TestCall() {\n\tCall()\n}\n\nfunc TestCallback() {}\n"}[p]
	}
	plan, cover, cut := q.Template()
	want := "## Implementation Plan\n- [ ] Create `src/new.go`\n- [ ] Modify `src/a.go`: the call\n" +
		"      The ticket names: `Call` (lines 3-5), `limit` (line 7)\n      Its tests: `src/a_test.go`, in `TestCall` (lines 3-5)\n" +
		"- [ ] Delete `./src/old.go`: no longer used\n- [ ] Work on `src/b.go`: the rest\n" +
		"\nAcceptance criteria, with a test for each that has none:\n- [ ] AC-1: It works.\n- [ ] AC-2: It is fast.\n" +
		"\nVerify:\n- [ ] `make test` ends with status 0\n- [ ] `make lint` ends with status 0\n"
	if plan != want || cut != 0 || cover != (Coverage{4, 4, 2, 2, true}) {
		t.Errorf("cut %d, coverage %+v, plan:\n%s", cut, cover, plan)
	}
	empty, _, _ := PlanQuestion{ID: "N-2"}.Template()
	if !strings.Contains(empty, "Find the files to change") {
		t.Errorf("without files:\n%s", empty)
	}
}

// A ticket too large for a plan says what is only in the ticket.
func TestTemplate_SaysWhatItCut(t *testing.T) {
	q := PlanQuestion{ID: "N-3"}
	for i := range 300 {
		q.Files = append(q.Files, PlanFile{fmt.Sprintf("src/%s%d.go", strings.Repeat("d", 20), i), "modify", "change"})
		q.Criteria = append(q.Criteria, PlanCriterion{ID: "AC", Text: strings.Repeat("word ", 100)})
	}
	plan, cover, cut := q.Template()
	if n := len([]rune(plan)); n > MaxPlanChars || cut == 0 || !strings.Contains(plan, "more: see the ticket") {
		t.Errorf("%d characters, %d cut", n, cut)
	}
	if cover.Files+cover.Criteria+cut != 600 {
		t.Errorf("coverage %+v and %d cut are not all", cover, cut)
	}
}

// Every string and list of a reply is bounded, every object closed, and every
// property required.
func TestSchema_IsBounded(t *testing.T) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if m["type"] == "string" && m["enum"] == nil && m["maxLength"] == nil {
			t.Errorf("%s has no maxLength", path)
		}
		if m["type"] == "array" && m["maxItems"] == nil {
			t.Errorf("%s has no maxItems", path)
		}
		if m["type"] == "object" {
			required, _ := m["required"].([]any)
			properties, _ := m["properties"].(map[string]any)
			if m["additionalProperties"] != false || len(required) != len(properties) {
				t.Errorf("%s is open: %d of %d required", path, len(required), len(properties))
			}
		}
		for k, child := range m {
			walk(path+"/"+k, child)
		}
	}
	quoted := threeFiles()
	quoted.Files = append(quoted.Files, PlanFile{`src/"a" <b>.go`, "", ""}, PlanFile{"src/a.go", "modify", "again"})
	for _, q := range []PlanQuestion{threeFiles(), quoted, {ID: "N-2"}} {
		var v any
		if err := json.Unmarshal(q.Schema(), &v); err != nil {
			t.Fatal(err)
		}
		walk("", v)
	}
	if got := string(quoted.Schema()); strings.Count(got, `"src/a.go":{`) != 1 || !strings.Contains(got, `"src/\"a\" <b>.go":{`) {
		t.Errorf("keys of %s", got)
	}
}

// A plan for a ticket that names no file has lists in place of keys.
func TestAccept_NoFiles(t *testing.T) {
	q := question(PlanQuestion{ID: "N-4", Title: "Checkout is slow", Ticket: "Checkout is slow"}, "src/cart.go")
	r := PlanReply{
		Steps: []Step{{File: "src/cart.go", Action: "modify", What: "Cache prices per currency instead of loading each row."}},
		Tests: []Test{{"src/cart_test.go", "TestCart", "two totals cost one database query"}},
	}
	if err := accept(t, q, r); err != nil {
		t.Error(err)
	}
	r.Steps = nil
	if err := accept(t, q, r); err == nil {
		t.Error("a plan without steps was accepted")
	}
}

// The check ends, accepts nothing that renders past its limit, and lists its
// reasons, whatever a model writes.
func FuzzAccept(f *testing.F) {
	for name := range degenerate {
		c := degenerate[name]
		q := c.ticket()
		r := soundPlan(q)
		c.change(&r)
		text, _ := json.Marshal(r)
		f.Add(text)
	}
	f.Add([]byte(`{"files":{"src/a.go":{"action":"modify","where":"` + "`" + `\u0000","what":"\ud800"}},"steps":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, q := range []PlanQuestion{dockerTicket(), threeFiles(), {ID: "N"}} {
			err := q.Accept(text)
			if err != nil {
				if len(err.Error()) > 4000 {
					t.Errorf("a reason of %d bytes", len(err.Error()))
				}
				continue
			}
			r, _ := q.Parse(text)
			files, criteria := q.missing(r)
			if len(files)+len(criteria) > 0 || len([]rune(q.Render(r))) > MaxPlanChars {
				t.Errorf("accepted with %v %v missing", files, criteria)
			}
		}
	})
}
