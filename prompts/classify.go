package prompts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/prompts/schema"
)

// MaxClassifyTokens bounds a classification's reply.
const MaxClassifyTokens = 60

// Complexities are the legal complexities, lowest first.
var Complexities = []string{"low", "medium", "high"}

// ClassifyQuestion is what is left to ask of a ticket. It does not say what the
// rules would answer: a weak model repeats whatever it is told, which then looks
// like an opinion of its own.
type ClassifyQuestion struct {
	Ticket     string   // the ticket's text, unchanged
	Files      int      // how many distinct files it affects
	Categories []string // legal categories; empty = the category is not asked
	Complexity bool     // whether the complexity is asked
}

// ClassifyReply is a model's answer; what was not asked is empty.
type ClassifyReply struct {
	Category   string `json:"category,omitempty"`
	Complexity string `json:"complexity,omitempty"`
}

// Classify renders the question as the tail that follows System.
func Classify(q ClassifyQuestion) (string, error) {
	ask := q.Fields()
	if len(ask) == 0 {
		return "", fmt.Errorf("classify: nothing is asked")
	}
	return render(classifyTemplate(), struct {
		Ask, Categories []string
		Files           int
		Fence, Ticket   string
	}{ask, q.Categories, q.Files, Marker(q.Ticket), q.Ticket})
}

// Fields names what is asked, in the order of the reply. The token
// probabilities of these fields say how sure the model is.
func (q ClassifyQuestion) Fields() []string {
	var fields []string
	if len(q.Categories) > 0 {
		fields = append(fields, "category")
	}
	if q.Complexity {
		fields = append(fields, "complexity")
	}
	return fields
}

// Schema is the reply's JSON Schema: closed, every value an enum, so no string
// is unbounded (an unbounded string can loop until the server gives up).
func (q ClassifyQuestion) Schema() json.RawMessage {
	var root schema.Object
	if len(q.Categories) > 0 {
		root.Add("category", schema.Enum(q.Categories))
	}
	if q.Complexity {
		root.Add("complexity", schema.Enum(Complexities))
	}
	return root.JSON()
}

// Parse reads a reply and checks that it answers the question.
func (q ClassifyQuestion) Parse(text []byte) (ClassifyReply, error) {
	var r ClassifyReply
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reply is not the JSON asked for: %w", err)
	}
	if len(q.Categories) > 0 && !slices.Contains(q.Categories, r.Category) {
		return r, fmt.Errorf("category %q is none of %s", r.Category, strings.Join(q.Categories, ", "))
	}
	if q.Complexity && !slices.Contains(Complexities, r.Complexity) {
		return r, fmt.Errorf("complexity %q is none of %s", r.Complexity, strings.Join(Complexities, ", "))
	}
	return r, nil
}

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
