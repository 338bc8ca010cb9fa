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
