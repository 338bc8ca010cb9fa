package tools

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/plan"
)

func recordOutcome(t *testing.T, d *Deps, id string, gate policy.Gate, outcome policy.Outcome, evidence string) *recordResult {
	t.Helper()
	r, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: id, Gate: string(gate), Outcome: string(outcome), Evidence: evidence}, Call{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPlan_AfterAFailedGate_IsAnotherQuestion holds that the evidence and the
// sampling of the second plan differ from the first.
func TestPlan_AfterAFailedGate_IsAnotherQuestion(t *testing.T) {
	var asked []routing.Request
	m := &scriptedModel{down: refusedLocally, hear: func(r routing.Request) { asked = append(asked, r) }}
	d := decider(t, m)
	text := fm("id: TASK-4", "complexity: simple") + "# Move it" + fileTable("a.go")
	planText(t, d, text)
	recordOutcome(t, d, "TASK-4", policy.Plan, policy.Fail, "step 1 names no function of a.go")
	planText(t, d, text)
	if len(asked) != 2 {
		t.Fatalf("%d questions, want 2", len(asked))
	}
	first, second := asked[0], asked[1]
	if strings.Contains(first.User, "names no function") || !strings.Contains(second.User, "step 1 names no function of a.go") {
		t.Errorf("the evidence is not part of the second question alone:\n%s", second.User)
	}
	if first.Sampling.Seed == second.Sampling.Seed {
		t.Errorf("both questions have the seed %d", first.Sampling.Seed)
	}
}

// TestDependency_CompletedInTheWave_HoldsNobodyBack holds that a ticket is
// planned once what it waits for is done, without being classified again.
func TestDependency_CompletedInTheWave_HoldsNobodyBack(t *testing.T) {
	root := t.TempDir()
	m := &scriptedModel{says: func(string) (string, string) { return "FEAT", "low" }}
	d := deciderIn(t, root, m)
	first := fm("id: FEAT-002", "complexity: simple") + "# One" + fileTable("a.go")
	second := fm("id: FEAT-005", "complexity: simple", "depends_on: [FEAT-002]") + "# Two" + fileTable("b.go")
	for name, text := range map[string]string{"FEAT-002.md": first, "FEAT-005.md": second} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	classifyText(t, d, classifyInput{TicketPaths: []string{"FEAT-002.md", "FEAT-005.md"}})
	m.says = nil // only the rules decide below
	planned := func() *plan.Result {
		r, err := planTicket(t.Context(), d, planInput{TicketPath: "FEAT-005.md"}, Call{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := planned(); r.Plan != "" || !strings.Contains(r.Next+r.Summary, "depends on FEAT-002") {
		t.Fatalf("before the commit: plan %q, next %q", r.Plan, r.Next)
	}
	recordOutcome(t, d, "FEAT-002", policy.Commit, policy.Pass, "")
	if r := planned(); r.Plan == "" {
		t.Errorf("after the commit it is still refused: %s", r.Next)
	}
}

// TestRecord_IDs holds how the id of an outcome is read.
func TestRecord_IDs(t *testing.T) {
	for name, row := range map[string]struct{ given, id, warning string }{
		"as it is":            {"FEAT-002", "FEAT-002", ""},
		"another case":        {"feat-002", "FEAT-002", "feat-002 is read as the ticket id FEAT-002"},
		"a path":              {"backlog/FEAT-002.md", "FEAT-002", "is read as the ticket id FEAT-002"},
		"a path without file": {"gone/FEAT-002.md", "FEAT-002", "is read as the ticket id FEAT-002"},
		"nearly":              {"FEAT-003", "FEAT-003", "known are FEAT-002"},
		"nothing like it":     {"OTHER-9", "OTHER-9", "neither classified nor recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			d := deciderIn(t, root, &scriptedModel{down: refusedLocally})
			text := fm("id: FEAT-002", "complexity: simple") + "# One" + fileTable("a.go")
			if err := os.MkdirAll(filepath.Join(root, "backlog"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "backlog", "FEAT-002.md"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			classifyText(t, d, classifyInput{TicketPaths: []string{"backlog/FEAT-002.md"}})
			r := recordOutcome(t, d, row.given, policy.Lint, policy.Pass, "")
			if !strings.HasPrefix(r.Summary, row.id+" lint") || r.NextEventID != row.id+":review:1" {
				t.Errorf("summary %q, next %q; want the id %s", r.Summary, r.NextEventID, row.id)
			}
			warnings := strings.Join(r.Warnings, "; ")
			if !strings.Contains(warnings, row.warning) || row.warning == "" && warnings != "" {
				t.Errorf("warnings %q, want %q", warnings, row.warning)
			}
		})
	}
}

// TestGateList_OneSource holds that what names the gates names those of
// policy.GateRules, in their order.
func TestGateList_OneSource(t *testing.T) {
	var want []string
	for _, g := range policy.Gates() {
		want = append(want, string(g))
	}
	var schema struct {
		Properties struct {
			Gate struct{ Enum []string }
		}
	}
	if err := json.Unmarshal([]byte(recordGateOutcomeSpec.input), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schema.Properties.Gate.Enum; !slices.Equal(got, want) {
		t.Errorf("the schema's gates are %v, want %v", got, want)
	}
	for _, page := range []string{"instructions.md", "local_first_ticket.md", "record_gate_outcome.md"} {
		// They are written with the marker, so that a new gate is no edit of them.
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if list := strings.Join(want, ", "); !strings.Contains(withGates(string(text)), list) || strings.Contains(string(text), list) {
			t.Errorf("%s does not list %q through its marker", page, list)
		}
	}
}

// TestPlan_RefusedWithAnOpenAttempt_StaysLocal holds that a plan that is
// refused says the same owner as the next outcome does.
func TestPlan_RefusedWithAnOpenAttempt_StaysLocal(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally, digest: "d"})
	opened := recordInput{TicketID: "TASK-4", Gate: "plan", Outcome: "pass", Route: "local"}
	if _, err := recordGateOutcome(t.Context(), d, opened, Call{}); err != nil {
		t.Fatal(err)
	}
	r := planText(t, d, fm("id: TASK-4", "complexity: high")+"# Move it"+fileTable("a.go"))
	next := recordOutcome(t, d, "TASK-4", policy.Implement, policy.Pass, "")
	if r.By != "rules" || r.Owner != policy.OwnerLocal || next.Owner != r.Owner {
		t.Errorf("the plan by %s says %s, the outcome %s; want local", r.By, r.Owner, next.Owner)
	}
}

// TestPlan_Refused_ReportsTheJournal holds that a damaged state file is reported
// with a refusal as with a plan.
func TestPlan_Refused_ReportsTheJournal(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally})
	file := filepath.Join(d.Root, ".claude", "implementer-state.json")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{"stats": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
	recordOutcome(t, d, "TASK-4", policy.Plan, policy.Pass, "")
	_ = d.Journal.(*statestore.Store).Flush(t.Context()) // it says what is wrong with the file
	told := d.Journal.Warnings()
	if len(told) == 0 {
		t.Fatal("the journal reports no damage")
	}
	r := planText(t, d, fm("id: TASK-4", "complexity: high")+"# Move it"+fileTable("a.go"))
	if r.By != "rules" || !slices.Contains(r.Warnings, plain.Clip(told[0], 300)) {
		t.Errorf("%s: warnings %q, want %q", r.Summary, r.Warnings, told[0])
	}
}

// A commit that passes ends a ticket, and the reply still says who did the work.
func TestOwner_OfACompletedTicket(t *testing.T) {
	for _, owner := range []policy.Owner{policy.OwnerLocal, policy.OwnerCloud} {
		k := keeper(t)
		k.run("FEAT-1", string(owner), "lint pass", "commit pass")
		if r := k.last; r.Action != policy.Complete || r.Owner != owner {
			t.Errorf("%s ticket: action %s, owner %s", owner, r.Action, r.Owner)
		}
	}
}

// Under LOCALMODEL_CLOUD=never an escalation names no model, and says of a
// ticket that was never local nothing about the local model.
func TestEscalation_WhereTheCloudIsForbidden(t *testing.T) {
	for owner, local := range map[policy.Owner]bool{policy.OwnerLocal: true, policy.OwnerCloud: false} {
		k := keeper(t)
		k.deps.CloudAllowed = false
		k.run("FEAT-1", string(owner), "lint fail", "lint fail")
		r := k.last
		if r.Action != policy.Escalate || r.EscalateTo != "" || !strings.Contains(r.Message, "LOCALMODEL_CLOUD=never") {
			t.Fatalf("%s ticket: %+v", owner, r)
		}
		if strings.Contains(r.Message, "The local model is out") != local {
			t.Errorf("%s ticket: %s", owner, r.Message)
		}
	}
}

// The hand-off of a ticket that the template planned does not deny the plan.
func TestHandoff_AfterAPlanOfTheTemplate(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally})
	if r := planText(t, d, fm("id: TASK-4", "complexity: simple")+"# Move it"+fileTable("a.go")); r.By != "template" {
		t.Fatalf("planned by %s", r.By)
	}
	recordOutcome(t, d, "TASK-4", policy.Lint, policy.Fail, "a.go:1")
	r := recordOutcome(t, d, "TASK-4", policy.Lint, policy.Fail, "a.go:1")
	if !strings.Contains(r.Handoff, "Not planned by the local model; worked on as a cloud ticket") {
		t.Error(r.Handoff)
	}
}
