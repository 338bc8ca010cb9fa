package tools

import (
	"strings"
	"testing"
)

// A path in the text is the size of a ticket that states none, and the row says
// where the file comes from; without it, and without a sure model, the size is
// unknown.
func TestClassify_SizeFromText(t *testing.T) {
	low := func(string) (string, string) { return "BUG", "low" }
	for name, c := range map[string]struct {
		model *scriptedModel
		text  string
		want  string // the beginning of why
		local bool
	}{
		"a file, no model":           {&scriptedModel{down: refusedLocally}, "Crash in src/a.go", "1 file from text", true},
		"a file, a sure model":       {&scriptedModel{says: low, sure: 0.9}, "Crash in src/a.go", "1 file from text", true},
		"nothing, no model":          {&scriptedModel{down: refusedLocally}, "Crash now", "size unknown", false},
		"nothing, a sure model":      {&scriptedModel{says: low, sure: 0.9}, "Crash now", "eligible", true},
		"nothing, no probabilities":  {&scriptedModel{says: low}, "Crash now", "size unknown", false},
		"nothing, a stated size":     {&scriptedModel{down: refusedLocally}, "---\ncomplexity: low\n---\nCrash now", "eligible", true},
		"front matter with no files": {&scriptedModel{down: refusedLocally}, "---\nid: BUG-1\n---\nCrash now", "size unknown", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := decider(t, c.model)
			b := &bench{t: t, Deps: d}
			b.write("src/a.go", "package a\n")
			row := classifyText(t, d, classifyInput{Ticket: c.text}).Tickets[0]
			if !strings.Contains(row.Why, c.want) || *row.Local != c.local {
				t.Errorf("local %t, why %q; want %t and %q", *row.Local, row.Why, c.local, c.want)
			}
			c.model.says = nil // who is asked for a plan does not answer
			// The same content, so the same decision.
			r, err := planTicket(t.Context(), d, planInput{Ticket: c.text}, Call{})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.By != "rules"; got != c.local {
				t.Errorf("planned %t by %s: %s", got, r.By, r.Summary)
			}
		})
	}
}
