package prompts

// EchoTicket is a ticket whose complexity is plain to who reads it. It shows whether
// a model reads tickets at all, or repeats what its prompt suggests.
type EchoTicket struct {
	Text  string
	Files int
}

// EchoTickets are asked about twice each, with opposite hints.
var EchoTickets = []EchoTicket{
	{"# Correct a misspelt word\n\nThe footer says \"Imprnt\"; it should say \"Imprint\". Nothing else changes.", 1},
	{"# Move all payments to a new database schema without downtime\n\nOld and new code run side by side for weeks while millions of rows " +
		"are copied. No payment may be lost or counted twice. How the two stay consistent is not decided yet.", 3},
	{"# Show 25 entries on a page instead of 20\n\nChange the one constant that says 20 to 25.", 1},
	{"# Orders vanish now and then under load\n\nNobody knows the cause. It may be a race between the workers, the queue or the cache. " +
		"It cannot be reproduced so far.", 3},
}

// EchoHints are the opposite hints.
var EchoHints = []string{"low", "high"}

// Echo renders the question about a ticket with a hint, which no other question has.
func Echo(t EchoTicket, hint string) (ClassifyQuestion, string, error) {
	q := ClassifyQuestion{Ticket: t.Text, Files: t.Files, Complexity: true}
	user, err := Classify(q)
	return q, user + "\nA simple rule says: complexity " + hint + ".\n", err
}
