package journal

import "testing"

// The machine's table, pure.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		attempt int64
		escd    string
		fails   int
		gate    string
		pass    bool
		route   string
		want    verdict
	}{
		{"none, no route", 0, "", 0, "lint", false, "", verdict{action: "retry", route: "cloud"}},
		{"none, local", 0, "", 0, "lint", false, "local", verdict{action: "retry", route: "local", opens: true}},
		{"open, no route", 7, "", 0, "lint", true, "", verdict{action: "continue", route: "local"}},
		{"open, cloud", 7, "", 1, "lint", false, "cloud", verdict{action: "retry", route: "cloud"}},
		{"second failure", 7, "", 1, "lint", false, "", verdict{action: "escalate", route: "local", closes: true, escalates: true, escalateTo: "sonnet", message: "Local failed on T at lint. Escalated."}},
		{"third failure of commit", 7, "", 2, "commit", false, "", verdict{action: "retry", route: "local"}},
		{"commit", 7, "", 2, "commit", true, "", verdict{action: "complete", route: "local", closes: true}},
		{"commit of the cloud's", 0, "lint", 0, "commit", true, "", verdict{action: "complete", route: "cloud"}},
		{"local after an escalation", 0, "lint", 0, "plan", true, "local", verdict{action: "continue", route: "cloud",
			warning: "T was escalated at lint: it is the cloud's until a commit passes, so route local is not counted"}},
	} {
		got := judge(ticketState{attempt: c.attempt, escalated: c.escd}, map[string]int{c.gate: c.fails},
			Outcome{TicketID: "T", Gate: c.gate, Pass: c.pass, Route: c.route})
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestNextGate(t *testing.T) {
	for _, c := range []struct {
		gate string
		pass bool
		want string
	}{{"plan", true, "implement"}, {"implement", true, "lint"}, {"lint", true, "review"}, {"review", true, "commit"},
		{"commit", true, "plan"}, {"lint", false, "lint"}, {"commit", false, "commit"}} {
		if got := NextGate(c.gate, c.pass); got != c.want {
			t.Errorf("after %s, passed %t: got %s, want %s", c.gate, c.pass, got, c.want)
		}
	}
}
