package journal

import "fmt"

// ticketState is where a ticket stands: one row, however long its history.
type ticketState struct {
	attempt   int64          // the open local attempt; 0 = none
	escalated string         // the gate it was escalated at, no commit having passed since
	runs      map[string]int // outcomes ever recorded, by gate
}

// verdict is what one outcome means.
type verdict struct {
	action, escalateTo, message, warning string
	route                                string // whose ticket it is
	opens, closes, escalates             bool   // of the local attempt
}

// judge is the gate machine: what an outcome means for a ticket that stands at
// t, whose open attempt has fails[gate] failures so far. It is pure.
//
//   - A ticket is the local model's while it has an open attempt, or where the
//     outcome says route local; else it is the cloud's.
//   - The second failure of the same gate in an attempt escalates it, but for
//     commit, which is only tried again.
//   - After an escalation it is the cloud's until a commit passes.
//   - A commit that passes closes the attempt.
func judge(t ticketState, fails map[string]int, o Outcome) verdict {
	v := verdict{route: o.Route}
	if v.route == "" {
		v.route = "cloud"
		if t.attempt != 0 {
			v.route = "local"
		}
	}
	if v.route == "local" && t.attempt == 0 && t.escalated != "" {
		v.route = "cloud"
		v.warning = fmt.Sprintf("%s was escalated at %s: it is the cloud's until a commit passes, so route local is not counted", o.TicketID, t.escalated)
	}
	v.opens = v.route == "local" && t.attempt == 0
	switch {
	case o.Pass && o.Gate == "commit":
		v.action = "complete"
		v.closes = v.route == "local"
	case o.Pass:
		v.action = "continue"
	case v.route == "local" && o.Gate != "commit" && fails[o.Gate]+1 >= 2:
		v.action, v.escalateTo, v.closes, v.escalates = "escalate", "sonnet", true, true
		v.message = fmt.Sprintf("Local failed on %s at %s. Escalated.", o.TicketID, o.Gate)
	default:
		v.action = "retry"
	}
	return v
}

// NextGate is the gate whose outcome comes next.
func NextGate(gate string, pass bool) string {
	if !pass {
		return gate
	}
	for i, g := range Gates {
		if g == gate {
			return Gates[(i+1)%len(Gates)]
		}
	}
	return gate
}
