package prompts

import (
	"encoding/json"
	"strings"
	"testing"
)

// planQuestion is a ticket with a file to modify, one to create and one to
// delete, in a project that has a.go, old.go and docs/guide.md.
func planQuestion() PlanQuestion {
	there := map[string]bool{"src/a.go": true, "src/old.go": true, "docs/guide.md": true}
	return PlanQuestion{ID: "N-1", Ticket: "Do it.",
		Files:    []PlanFile{{"src/a.go", "modify", "the call"}, {"src/new.go", "create", ""}, {"src/old.go", "delete", "no longer used"}},
		Criteria: []PlanCriterion{{"AC-1", "It works."}, {"AC-2", "It is fast."}},
		Exists:   func(p string) bool { return there[p] }}
}

func wholePlan() PlanReply {
	return PlanReply{
		Steps: []Step{{"src/new.go", "create", "Add the type.", []string{"AC-1"}}, {"./src/a.go", "modify", "Call it.", []string{"AC-1", "AC-2"}}, {"src/old.go", "delete", "Remove it.", nil}},
		Tests: []Test{{"AC-1", "it works"}, {"AC-2", "it takes less than a second"}},
	}
}

func accept(t *testing.T, q PlanQuestion, r PlanReply) error {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return q.Accept(text)
}

func TestWholePlanIsAccepted(t *testing.T) {
	q := planQuestion()
	if err := accept(t, q, wholePlan()); err != nil {
		t.Fatal(err)
	}
	if got := q.Covers(wholePlan()); got != (Coverage{3, 3, 2, 2}) {
		t.Errorf("coverage %+v", got)
	}
	plan := q.Render(wholePlan())
	for _, want := range []string{"## Implementation Plan\n- Create `src/new.go`: Add the type. (AC-1)\n- Modify `src/a.go`: Call it. (AC-1, AC-2)\n- Delete `src/old.go`: Remove it.\n", "Tests to write:\n- AC-1: it works\n"} {
		if !strings.Contains(plan, want) {
			t.Errorf("%q is not in\n%s", want, plan)
		}
	}
}

// Every defect is found and named.
func TestPlansThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*PlanReply)
		says  string
	}{
		"a file is missing":          {func(r *PlanReply) { r.Steps = r.Steps[1:] }, "no step for src/new.go"},
		"a criterion is missing":     {func(r *PlanReply) { r.Steps[1].Criteria, r.Tests = nil, r.Tests[:1] }, "no step or test for AC-2"},
		"a file that is not there":   {func(r *PlanReply) { r.Steps = append(r.Steps, Step{"src/ghost.go", "modify", "x", nil}) }, "src/ghost.go does not exist and no step creates it"},
		"one in the words of a step": {func(r *PlanReply) { r.Steps[1].What = "Use the helper in `src/ghost.go`." }, "src/ghost.go does not exist and no step creates it"},
		"outside the project":        {func(r *PlanReply) { r.Steps = append(r.Steps, Step{"../x.go", "create", "x", nil}) }, "../x.go is outside the project"},
		"an absolute path":           {func(r *PlanReply) { r.Steps = append(r.Steps, Step{"/etc/passwd", "modify", "x", nil}) }, "/etc/passwd is outside the project"},
		"no path at all":             {func(r *PlanReply) { r.Steps = append(r.Steps, Step{" ", "modify", "x", nil}) }, "a step names no file"},
		"a step without words":       {func(r *PlanReply) { r.Steps[0].What = " \n" }, "step 1 says nothing"},
		"a test without words":       {func(r *PlanReply) { r.Tests[0].Checks = "" }, "the test of AC-1 checks nothing"},
		"deletes what is kept":       {func(r *PlanReply) { r.Steps[1].Action = "delete" }, "the ticket does not delete src/a.go"},
		"creates what is there":      {func(r *PlanReply) { r.Steps = append(r.Steps, Step{"docs/guide.md", "create", "x", nil}) }, "docs/guide.md exists already"},
		"too long":                   {func(r *PlanReply) { r.Steps[0].What = strings.Repeat("long ", MaxPlanChars/5) }, "characters, more than 4500"},
	} {
		t.Run(name, func(t *testing.T) {
			q, r := planQuestion(), wholePlan()
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

// What looks like a path and is none is no defect; a file that a step creates,
// or that is there, may be named.
func TestWordsOfStepsAreNoFiles(t *testing.T) {
	for _, what := range []string{
		"Read 1/2.5 of it and/or example.com/src/x.html.", "See https://src/a.b/c.d.", "Use application/json and Node.js/Express.js.",
		"Move it to src/new.go.", "As docs/guide.md says (src/a.go:12).", "Call pkg/errors.New.",
	} {
		r := wholePlan()
		r.Steps[1].What = what
		if err := accept(t, planQuestion(), r); err != nil {
			t.Errorf("%q: %v", what, err)
		}
	}
}

// Many defects are listed to a bound, and counted.
func TestDefectsAreBounded(t *testing.T) {
	q := planQuestion()
	for i := range 30 {
		q.Criteria = append(q.Criteria, PlanCriterion{ID: "AC-" + string(rune('A'+i))})
	}
	err := accept(t, q, PlanReply{Steps: []Step{{"src/a.go", "modify", "x", nil}}})
	if err == nil || !strings.Contains(err.Error(), "and 26 more") || len(err.Error()) > 500 {
		t.Errorf("got %v", err)
	}
}

// The plan without a model: created files first, then modified, deleted and
// others, each with its words, and one test a criterion.
func TestTemplatePlan(t *testing.T) {
	q := planQuestion()
	q.Files = append(q.Files, PlanFile{"src/b.go", "", "the rest"})
	plan, cover, cut := q.Template()
	want := "## Implementation Plan\n- Create `src/new.go`\n- Modify `src/a.go`: the call\n- Delete `src/old.go`: no longer used\n- Work on `src/b.go`: the rest\n" +
		"\nTests to write:\n- AC-1: It works.\n- AC-2: It is fast.\n"
	if plan != want || cut != 0 || cover != (Coverage{4, 4, 2, 2}) {
		t.Errorf("cut %d, coverage %+v, plan:\n%s", cut, cover, plan)
	}
	empty, _, _ := PlanQuestion{ID: "N-2"}.Template()
	if !strings.Contains(empty, "Find the files to change") {
		t.Errorf("without files:\n%s", empty)
	}
}

// A ticket too large for a plan says what stands only in the ticket.
func TestTemplateSaysWhatItCut(t *testing.T) {
	q := PlanQuestion{ID: "N-3"}
	for i := range 300 {
		q.Files = append(q.Files, PlanFile{"src/" + strings.Repeat("d", 20) + string(rune('a'+i%26)) + ".go", "modify", "change"})
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

// Schema and check agree: what the schema lets through is judged, and its
// strings are all bounded.
func TestPlanSchemaIsBounded(t *testing.T) {
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
		if m["type"] == "object" && m["additionalProperties"] != false {
			t.Errorf("%s is open", path)
		}
		for k, child := range m {
			walk(path+"/"+k, child)
		}
	}
	for _, q := range []PlanQuestion{planQuestion(), {ID: "N-2"}} {
		var v any
		if err := json.Unmarshal(q.Schema(), &v); err != nil {
			t.Fatal(err)
		}
		walk("", v)
	}
}
