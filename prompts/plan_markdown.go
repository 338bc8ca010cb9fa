package prompts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/outline"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/prompts/words"
)

var verbs = map[string]string{"create": "Create", "modify": "Modify", "delete": "Delete"}

// Render writes a plan as the Markdown that is handed over: a check box for each
// step, test and command.
func (q PlanQuestion) Render(r PlanReply) string {
	var b strings.Builder
	b.WriteString("## Implementation Plan\n")
	for i, s := range q.Steps(r) {
		fmt.Fprintf(&b, "- [ ] %d. %s %s", i+1, verbs[s.Action], code(s.File))
		if where := oneLine(s.Where); where != "" && s.Action == "modify" {
			b.WriteString(" at " + code(where))
		}
		b.WriteString(": " + oneLine(s.What) + "\n")
		if approach := oneLine(s.Approach); approach != "" && !words.Same(approach, s.What) {
			b.WriteString("      How: " + approach + "\n")
		}
	}
	tests := q.Tests(r)
	if len(tests) > 0 {
		b.WriteString("\nTests to write:\n")
	}
	for _, t := range tests {
		b.WriteString("- [ ] ")
		if t.criterion.ID != "" {
			b.WriteString(oneLine(t.criterion.ID) + ": ")
		}
		if file := clean(t.File); file != "" {
			b.WriteString(code(file) + " ")
		}
		if name := oneLine(t.Name); name != "" {
			b.WriteString(code(name) + " ")
		}
		b.WriteString("checks: " + oneLine(t.Checks) + "\n")
	}
	commands := r.Verify
	if len(commands) == 0 {
		commands = q.commands()[:min(1, len(q.commands()))]
	}
	b.WriteString(verify(commands))
	if risk := oneLine(r.Risk); len(risk) > 3 {
		b.WriteString("\nRisk: " + risk + "\n")
	}
	return b.String()
}

// verify lists commands with the result that is expected of each.
func verify(commands []string) string {
	if len(commands) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nVerify:\n")
	for _, c := range commands {
		b.WriteString("- [ ] " + code(c) + " ends with status 0\n")
	}
	return b.String()
}

// code writes foreign text as a code span that it cannot end.
func code(s string) string { return "`" + strings.ReplaceAll(oneLine(s), "`", "'") + "`" }

// oneLine makes foreign text one line of plain characters.
func oneLine(s string) string { return strings.Join(strings.Fields(plain.Line(s)), " ") }

// Template is the plan built from the ticket and the project alone, for when no
// model gave an acceptable one: created files first, then modified, deleted and
// others, each with the definitions that the ticket names and its test file,
// then one test a criterion and the project's commands. cut says how many lines
// did not fit MaxPlanChars and are only in the ticket; the text says so too.
func (q PlanQuestion) Template() (plan string, cover Coverage, cut int) {
	var steps, tests []string
	for _, action := range []string{"create", "modify", "delete", ""} {
		for _, f := range q.Files {
			if f.Action != action && (action != "" || verbs[f.Action] != "") {
				continue
			}
			steps = append(steps, bullet(cmp.Or(verbs[action], "Work on")+" "+code(f.Path), f.Description)+q.found(f))
		}
	}
	for _, c := range q.Criteria {
		tests = append(tests, bullet(oneLine(c.ID), c.Text))
	}
	if len(steps) == 0 {
		steps = append(steps, "- [ ] Find the files to change: the ticket names none.")
	}
	commands := verify(q.commands()[:min(3, len(q.commands()))])
	room := MaxPlanChars - len([]rune(commands)) - 200
	steps, cutSteps := fit(steps, room*3/5)
	tests, cutTests := fit(tests, room*2/5)
	var b strings.Builder
	b.WriteString("## Implementation Plan\n" + strings.Join(steps, "\n") + "\n")
	if len(tests) > 0 {
		b.WriteString("\nAcceptance criteria, with a test for each that has none:\n" + strings.Join(tests, "\n") + "\n")
	}
	b.WriteString(commands)
	cover = Coverage{
		Files: len(q.Files) - cutSteps, FilesTotal: len(q.Files),
		Criteria: len(q.Criteria) - cutTests, CriteriaTotal: len(q.Criteria), Listed: true,
	}
	return b.String(), cover, cutSteps + cutTests
}

// found is what is cheap to find about a file: the definitions that the ticket
// names, and where its tests are.
func (q PlanQuestion) found(f PlanFile) string {
	const most = 6
	mentioned := q.mentioned(clean(f.Path))
	var found []string
	for _, d := range mentioned[:min(most, len(mentioned))] {
		found = append(found, code(d.Name)+" ("+lines(d)+")")
	}
	text := ""
	if len(found) > 0 {
		text = "\n      The ticket names: " + strings.Join(found, ", ")
	}
	if q.Exists == nil || paths.IsTest(f.Path) {
		return text
	}
	tests := paths.TestsOf(clean(f.Path))
	if i := slices.IndexFunc(tests, q.Exists); i >= 0 {
		text += "\n      Its tests: " + code(tests[i]) + q.uses(tests[i], mentioned)
	}
	return text
}

// uses names the definitions of a test file in which names of the tested file occur.
func (q PlanQuestion) uses(file string, names []outline.Definition) string {
	const most = 3
	if q.Read == nil || len(names) == 0 {
		return ""
	}
	text := q.Read(file)
	rows := strings.Split(text, "\n")
	left := 2 * len(rows) // a file may claim any lines for its definitions
	var found []string
	for _, d := range outline.Of(file, text) {
		if left -= d.End - d.Line + 1; left < 0 || len(found) == most {
			break
		}
		body := strings.Join(rows[d.Line-1:d.End], "\n")
		if slices.ContainsFunc(names, func(n outline.Definition) bool { return words.Has(body, n.Short()) }) {
			found = append(found, code(d.Name)+" ("+lines(d)+")")
		}
	}
	if len(found) == 0 {
		return ""
	}
	return ", in " + strings.Join(found, ", ")
}

func lines(d outline.Definition) string {
	if d.End <= d.Line {
		return fmt.Sprintf("line %d", d.Line)
	}
	return fmt.Sprintf("lines %d-%d", d.Line, d.End)
}

func bullet(head, text string) string {
	const most = 240
	text = oneLine(text)
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "… (see ticket)"
	}
	if text == "" {
		return "- [ ] " + head
	}
	return "- [ ] " + head + ": " + text
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
