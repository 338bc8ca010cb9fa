package prompts

import (
	"fmt"
	"slices"
	"strings"
)

var verbs = map[string]string{"create": "Create", "modify": "Modify", "delete": "Delete"}

// Render writes a plan as the Markdown that is handed over.
func (q PlanQuestion) Render(r PlanReply) string {
	var b strings.Builder
	b.WriteString("## Implementation Plan\n")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "- %s `%s`: %s", verbs[s.Action], clean(s.File), oneLine(s.What))
		if len(s.Criteria) > 0 {
			ids := slices.Clone(s.Criteria)
			slices.Sort(ids)
			fmt.Fprintf(&b, " (%s)", strings.Join(slices.Compact(ids), ", "))
		}
		b.WriteByte('\n')
	}
	if len(r.Tests) > 0 {
		b.WriteString("\nTests to write:\n")
		for _, t := range r.Tests {
			fmt.Fprintf(&b, "- %s: %s\n", oneLine(t.Criterion), oneLine(t.Checks))
		}
	}
	return b.String()
}

// Template is the plan built from the ticket alone, for when no model gave an
// acceptable one: created files first, then modified, deleted and others, then
// one test a criterion. cut says how many lines did not fit MaxPlanChars and
// stand only in the ticket; the text says so too.
func (q PlanQuestion) Template() (plan string, cover Coverage, cut int) {
	var steps, tests []string
	for _, action := range []string{"create", "modify", "delete", ""} {
		for _, f := range q.Files {
			if f.Action != action && (action != "" || verbs[f.Action] != "") {
				continue
			}
			verb := verbs[action]
			if verb == "" {
				verb = "Work on"
			}
			steps = append(steps, bullet(fmt.Sprintf("%s `%s`", verb, f.Path), f.Description))
		}
	}
	for _, c := range q.Criteria {
		tests = append(tests, bullet(c.ID, c.Text))
	}
	if len(steps) == 0 {
		steps = append(steps, "- Find the files to change: the ticket names none.")
	}
	steps, cutSteps := fit(steps, MaxPlanChars*3/5)
	tests, cutTests := fit(tests, MaxPlanChars*2/5-100)
	var b strings.Builder
	b.WriteString("## Implementation Plan\n" + strings.Join(steps, "\n") + "\n")
	if len(tests) > 0 {
		b.WriteString("\nTests to write:\n" + strings.Join(tests, "\n") + "\n")
	}
	cover = Coverage{
		Files: len(q.Files) - cutSteps, FilesTotal: len(q.Files),
		Criteria: len(q.Criteria) - cutTests, CriteriaTotal: len(q.Criteria),
	}
	return b.String(), cover, cutSteps + cutTests
}

func bullet(head, text string) string {
	const most = 200
	text = oneLine(text)
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "… (see ticket)"
	}
	if text == "" {
		return "- " + head
	}
	return "- " + head + ": " + text
}

// fit keeps the lines that fit a budget of characters and says how many more
// there are.
func fit(lines []string, budget int) (kept []string, cut int) {
	for i, l := range lines {
		if budget -= len([]rune(l)) + 1; budget < 0 {
			cut = len(lines) - i
			return append(kept, fmt.Sprintf("- and %d more: see the ticket", cut)), cut
		}
		kept = append(kept, l)
	}
	return kept, 0
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
