package smol

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
)

type planned struct {
	ID, Plan, By string
	Coverage     struct {
		Files         int
		FilesTotal    int `json:"files_total"`
		Criteria      int
		CriteriaTotal int `json:"criteria_total"`
	}
	Answer struct{ Reason string }
}

// Whatever a weak model plans, what is handed over covers every file and every
// criterion: its own plan, repaired once, or the one built from the ticket.
func TestPlansAreWhole(t *testing.T) {
	server := ollamatest.Shared(t)
	model := server.SmolLM(t)
	set := tickets(t)[:1]
	if all() {
		set = tickets(t)[:10]
	}
	p := newProject(t, tiers.Config{OllamaURL: server.URL, Model: model})
	by := map[string]int{}
	for _, l := range set {
		var r planned
		p.use(t, "plan_ticket", map[string]any{"ticket_path": l.write(t, p.root), "route": "local"}, &r)
		by[r.By]++
		t.Logf("%s by %s: %s", l.id, r.By, r.Answer.Reason)
		switch r.By {
		case "local":
		case "template":
			if !strings.HasPrefix(r.Answer.Reason, "local: ") {
				t.Errorf("%s: no reason in %q", l.id, r.Answer.Reason)
			}
		case "rules": // classified as too hard for the local model: not planned here
			if r.Plan != "" {
				t.Errorf("%s: a plan of nobody: %s", l.id, r.Plan)
			}
			continue
		default:
			t.Errorf("%s: by %q", l.id, r.By)
		}
		if c := r.Coverage; c.Files != len(l.files) || c.FilesTotal != len(l.files) || c.Criteria != 2 || c.CriteriaTotal != 2 {
			t.Errorf("%s: coverage %+v of %d files", l.id, c, len(l.files))
		}
		for _, want := range append([]string{"AC-1", "AC-2"}, l.files...) {
			if !strings.Contains(r.Plan, want) {
				t.Errorf("%s: %s is not in the plan:\n%s", l.id, want, r.Plan)
			}
		}
	}
	t.Logf("plans by %v; model calls %v", by, p.calls)
}
