package tools

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// TestPlan_RefusedByRule_AsksNoModel holds that nobody is asked how hard a ticket
// is that goes to the cloud anyway, and that the reason is the rule's.
func TestPlan_RefusedByRule_AsksNoModel(t *testing.T) {
	escalate := func(d *Deps) {
		(&gateKeeper{t: t, deps: d}).run("TASK-3", "local", "plan pass", "lint fail", "lint fail")
	}
	never := func(d *Deps) { d.Guard.Mode = policy.Never }
	sized := fm("id: TASK-3") + "# Move it" + fileTable("a.go")
	unsized := fm("id: TASK-3") + "# Move it"
	for _, c := range []struct {
		name, text, route string
		set               func(*Deps)
		asked             int
		why               string
	}{
		{"nothing refuses", sized, "", func(*Deps) {}, 1, "complexity high"},
		{"escalated", sized, "", escalate, 0, "escalated at lint"},
		{"escalated, size unknown", unsized, "", escalate, 0, "escalated at lint"},
		{"guard never", sized, "", never, 0, "LOCALMODEL_GUARD=never"},
		{"guard never, size unknown", unsized, "", never, 0, "LOCALMODEL_GUARD=never"},
		{"route local opens the guard", sized, "local", never, 1, "complexity high"},
		{"route local, escalated", sized, "local", escalate, 0, "escalated at lint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &scriptedModel{says: func(string) (string, string) { return "TASK", "high" }, digest: "d"}
			d := decider(t, m)
			c.set(d)
			r, err := planTicket(t.Context(), d, planInput{Ticket: c.text, Route: c.route}, Call{})
			if err != nil {
				t.Fatal(err)
			}
			if m.asked != c.asked || !strings.Contains(r.Summary+r.Next, c.why) {
				t.Errorf("%d questions, want %d; summary %q, next %q, want %q",
					m.asked, c.asked, r.Summary, r.Next, c.why)
			}
		})
	}
}
