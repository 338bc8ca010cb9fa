package prompts

import (
	_ "embed"
	"strings"
	"sync"
	"text/template"
)

// DraftSystem is the leading prompt of a draft: code is written as text, not
// inside JSON, so it differs from System.
//
//go:embed draft_system.md
var DraftSystem string

//go:embed draft.md
var draftText string

var draftTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("draft").Funcs(functions).Parse(draftText))
})

// DraftQuestion asks for one file of a planned change.
type DraftQuestion struct {
	ID, Ticket, Plan string
	Path, Text, Step string
	Exists           bool // the file is there; else it is to be created
	Whole            bool // the whole file is wanted; else SEARCH/REPLACE blocks
	Markdown         bool // the file may hold code fences of its own
}

// Ordered returns the steps of a plan in the order of work.
func (q PlanQuestion) Ordered(r PlanReply) []Step { return q.steps(r) }

// TestsOf returns the tests of a plan, in the order of the criteria.
func (q PlanQuestion) TestsOf(r PlanReply) []Test {
	named := q.tests(r)
	out := make([]Test, 0, len(named))
	for _, t := range named {
		out = append(out, t.Test)
	}
	return out
}

// Draft renders the question as the tail that follows DraftSystem.
func Draft(q DraftQuestion) (string, error) {
	foreign := strings.Join([]string{q.ID, q.Ticket, q.Plan, q.Path, q.Text, q.Step}, "\n")
	return render(draftTemplate(), struct {
		DraftQuestion
		Fence string
	}{q, Marker(foreign)})
}

// DraftRepair describes the one repair turn: what was wrong with the reply and,
// where known, the file's real text at that place.
func DraftRepair(q DraftQuestion, why, show string) string {
	var b strings.Builder
	b.WriteString("That answer cannot be used: " + oneLine(why) + ".\n")
	if show != "" {
		marker := Marker(show)
		b.WriteString("The file reads there (with line numbers that are not part of it):\n" + Fence(marker, show) + "\n")
	}
	if q.Whole {
		b.WriteString("Write the whole file again, in one code block.")
	} else {
		b.WriteString("Write all blocks again.")
	}
	return b.String()
}
