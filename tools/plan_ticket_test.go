package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/plan"
)

func planText(t *testing.T, d *Deps, text string) *plan.Result {
	t.Helper()
	r, err := planTicket(t.Context(), d, planInput{Ticket: text}, Call{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A ticket that a rule keeps from the local model is planned by another tier,
// and no model is asked what it thinks of it first.
func TestNoModelIsAskedWhereARuleDecides(t *testing.T) {
	for why, text := range map[string]string{
		"tag ARCH":        fm("id: X-1", "complexity: simple", "tags: [arch]") + "# Move it" + fileTable("a.go"),
		"complexity high": fm("id: X-2") + "# Move them" + fileTable("a.go", "b.go", "c.go", "d.go"),
	} {
		m := &scriptedModel{says: func(string) (string, string) { return "TASK", "low" }}
		r := planText(t, decider(t, m), text)
		if r.Plan != "" || !strings.Contains(r.Next, why) || m.asked != 0 {
			t.Errorf("%s: plan %q, next %q, %d questions", why, r.Plan, r.Next, m.asked)
		}
	}
}

// Where nothing but a model can judge the complexity, it is asked, once for the
// same content.
func TestComplexityIsAskedOnceForAPlan(t *testing.T) {
	m := &scriptedModel{says: func(string) (string, string) { return "TASK", "high" }}
	d := decider(t, m)
	text := fm("id: TASK-3") + "# Move it" + fileTable("a.go")
	for range 2 {
		if r := planText(t, d, text); r.Plan != "" || !strings.Contains(r.Next, "complexity high") {
			t.Errorf("plan %q, next %q", r.Plan, r.Next)
		}
	}
	if m.asked != 1 {
		t.Errorf("%d questions", m.asked)
	}
}

// What is handed out as the next event id is free: a plan made again after a
// failed one does not get the first one's.
func TestNextEventIDAfterAPlanIsFree(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally})
	text := fm("id: TASK-4", "complexity: simple") + "# Move it" + fileTable("a.go")
	if r := planText(t, d, text); !strings.Contains(r.Next, `"TASK-4:plan:1"`) {
		t.Errorf("next %q", r.Next)
	}
	if _, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "TASK-4", Gate: "plan", Outcome: "fail", EventID: "TASK-4:plan:1"}, Call{}); err != nil {
		t.Fatal(err)
	}
	if r := planText(t, d, text); !strings.Contains(r.Next, `"TASK-4:plan:2"`) {
		t.Errorf("next %q", r.Next)
	}
}

// An outcome with route local of a ticket that was never classified counts in
// the record that the guard looks at, not in one of no model.
func TestUnknownTicketCountsForThisModel(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally, digest: "d1"})
	for i := range 2 {
		if _, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "NEW-1", Gate: "lint", Outcome: "fail", Route: "local", EventID: "NEW-1:lint:" + string(rune('1'+i))}, Call{}); err != nil {
			t.Fatal(err)
		}
	}
	states, err := d.Journal.GuardStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := policy.ParseGuardState(states[guard.Key{Class: "medium", Digest: "d1/" + prompts.Version}])
	if s.N != 1 || s.K != 1 {
		t.Errorf("the record has %v of %v failed; all: %q", s.K, s.N, states)
	}
}

// A plan's whole result keeps to its size, however much the ticket holds: what
// does not fit is reported, and is in the ticket.
func TestPlanResultKeepsToItsSize(t *testing.T) {
	long := strings.Repeat("an éclair of a sentence \"quoted\" ", 12)
	text := fm("id: TASK-9", "complexity: simple") + "# " + long + "\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n"
	for i := range 60 {
		text += "| f" + strconv.Itoa(i) + ".go | modify | " + long + " |\n"
	}
	text += "\n## Acceptance Criteria\n"
	for i := range 120 {
		text += "- [ ] AC-" + strconv.Itoa(i+1) + ": " + long + "\n"
	}
	down := make([]routing.Attempt, 0, 3)
	for _, tier := range []policy.Tier{policy.Local, policy.Cheap, policy.Balanced} {
		down = append(down, routing.Attempt{Tier: tier, Kind: routing.InvalidOutput, Reason: strings.Repeat("reason ", 60)})
	}
	no := false
	r, err := planTicket(t.Context(), decider(t, &scriptedModel{down: down}), planInput{Ticket: text, Route: "cloud", IncludeFiles: &no}, Call{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := contract.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d characters", utf8.RuneCount(got))
	if n := utf8.RuneCount(got); n > plan.MaxResult || n < 6000 {
		t.Errorf("%d characters, want at most 8000, and a ticket that tries them: %.300s", n, got)
	}
	if !strings.Contains(string(got), "are only in the ticket") {
		t.Errorf("what was left out is not said: %.300s", got)
	}
}

// A model's plan keeps to the size, too, where its words need escapes, the id is
// long and the tiers before had much to say.
func TestPlanResultOfAModelKeepsToItsSize(t *testing.T) {
	const files = 12
	id := "TASK-" + strings.Repeat("9", 95)
	text := fm("id: "+id, "complexity: simple") + "# Quote \"it\"\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n"
	for i := range files {
		text += fmt.Sprintf("| f%d.go | create | x |\n", i)
	}
	// replyOf is a model's, with that many quoted words a step.
	replyOf := func(words int) string {
		steps := map[string]any{}
		for i := range files {
			what := fmt.Sprintf("Write the exported function Quote%d that returns", i)
			for n := range words {
				what += fmt.Sprintf(` "a%d_%d"`, i, n)
			}
			steps[fmt.Sprintf("f%d.go", i)] = map[string]any{"action": "create", "where": "", "what": what, "approach": ""}
		}
		out, err := json.Marshal(map[string]any{"files": steps, "tests": []any{}, "risk": "none known"})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	// fits has a model answer with such a plan, holds the result to its size, and
	// reports whether the plan was accepted.
	fits := func(words int) (accepted bool) {
		s := &script{complete: func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
			reply := []byte(replyOf(words))
			if err := req.Accept(reply); err != nil {
				if !strings.Contains(err.Error(), "characters, more than") {
					t.Fatalf("%d words: %v", words, err)
				}
				return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{{Tier: policy.Balanced, Kind: routing.InvalidOutput}}}
			}
			accepted = true
			long := strings.Repeat("reason ", 60)
			return routing.Answer{Text: reply, Tier: policy.Balanced, Model: strings.Repeat("m", 100), CostUSD: .0123, Attempts: []routing.Attempt{
				{Tier: policy.Local, Kind: routing.InvalidOutput, Reason: long}, {Tier: policy.Cheap, Kind: routing.InvalidOutput, Reason: long},
				{Tier: policy.Balanced},
			}}, nil
		}}
		d := newBench(t, s).Deps
		r, err := planTicket(t.Context(), d, planInput{Ticket: text, Route: "cloud"}, Call{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := contract.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCount(got); n > plan.MaxResult {
			t.Fatalf("%d words a step: %d characters, at most %d: by %s", words, n, plan.MaxResult, r.By)
		}
		return accepted
	}
	const fewest, most, near = 20, 70, 4
	refused := fewest + sort.Search(most-fewest, func(i int) bool { return !fits(fewest + i) })
	if refused == fewest || refused == most {
		t.Fatalf("no plan of %d to %d words is at the limit", fewest, most)
	}
	for words := refused - near; words < refused+near; words++ {
		if got := fits(words); got != (words < refused) {
			t.Errorf("%d words: accepted %t; %d are the first to be refused", words, got, refused)
		}
	}
}

// The template says which existing test uses what the ticket names.
func TestTemplate_NamesTheTestInUse(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally})
	for name, text := range map[string]string{
		"a.go":      "package a\n\nfunc Move() {}\n",
		"a_test.go": "package a\n\nfunc TestMove() {\n\tMove()\n}\n\nfunc TestOther() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(d.Root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := planText(t, d, fm("id: TASK-4", "complexity: simple")+"# Shift it\n\n`Move` is slow.\n"+fileTable("a.go"))
	if want := "Its tests: `a_test.go`, in `TestMove` (lines 3-5)\n"; r.By != "template" || !strings.Contains(r.Plan, want) {
		t.Errorf("by %s, without %q:\n%s", r.By, want, r.Plan)
	}
}

// The room is the router's, for the route asked, and the prompt keeps to it.
func TestPlanPromptKeepsToItsRoom(t *testing.T) {
	const room = 12_000
	var prompt int
	s := &script{complete: func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		prompt = len(req.System) + len(req.User)
		return routing.Answer{}, &routing.Unanswered{}
	}}
	b := newBench(t, s)
	b.Room = func(_ context.Context, route policy.Route, _ int) int {
		if route != policy.OnlyCloud {
			t.Errorf("route %s", route)
		}
		return room
	}
	b.write("a.go", strings.Repeat("package a // words\n", 2000))
	b.write("t.md", "---\nid: N-1\ntitle: T\ncomplexity: low\n---\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n| a.go | modify | |\n")
	r := b.run("plan_ticket", map[string]any{"ticket_path": "t.md", "route": "cloud"})
	if prompt > room || prompt < room-500 {
		t.Errorf("a prompt of %d bytes in a room of %d", prompt, room)
	}
	if !strings.Contains(r.Get("warnings").Raw, "a.go was shown in part") {
		t.Errorf("nothing is said of the cut: %s", r.Raw)
	}
}
