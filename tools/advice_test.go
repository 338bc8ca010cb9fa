package tools

import (
	"strings"
	"testing"
)

// What to do next never names what the route or LOCALMODEL_CLOUD=never forbids.
func TestAdvice_StaysOnThisMachine(t *testing.T) {
	eligible := fm("id: TASK-4", "complexity: simple") + "# Move it" + fileTable("a.go")
	hard := fm("id: TASK-5", "complexity: complex") + "# Redo it" + fileTable("a.go")
	for _, c := range []struct {
		name, text, route string
		never             bool
		advises           bool
	}{
		{"template", eligible, "auto", false, true},
		{"template, never", eligible, "auto", true, false},
		{"template, route local", eligible, "local", false, false},
		{"not for the local model", hard, "auto", false, true},
		{"not for the local model, never", hard, "auto", true, false},
		{"not for the local model, route local", hard, "local", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decider(t, &scriptedModel{down: refusedLocally})
			d.CloudAllowed = !c.never
			r, err := planTicket(t.Context(), d, planInput{Ticket: c.text, Route: c.route}, Call{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(r.Next, "Agent(") || strings.Contains(r.Next, "cloud."); got != c.advises {
				t.Errorf("next %q", r.Next)
			}
			if r.Next == "" {
				t.Error("no advice")
			}
		})
	}
}

func TestAdvice_EscalationUnderNever(t *testing.T) {
	for _, never := range []bool{false, true} {
		d := decider(t, &scriptedModel{down: refusedLocally})
		d.CloudAllowed = !never
		var last *recordResult
		for _, event := range []string{"T-1:lint:1", "T-1:lint:2"} {
			r, err := recordGateOutcome(t.Context(), d, recordInput{TicketID: "T-1", Gate: "lint", Outcome: "fail", Route: "local", EventID: event}, Call{})
			if err != nil {
				t.Fatal(err)
			}
			last = r
		}
		if last.Action != "escalate" || (last.EscalateTo == "") != never {
			t.Errorf("never %t: %+v", never, last)
		}
	}
}
