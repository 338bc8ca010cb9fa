package prompts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/prompts/schema"
	"github.com/fjbelchi/localmodel/prompts/words"
)

// leastWords is how many content words and expressions of code a step must have
// beyond the ticket's title, the path and the ids.
const leastWords = 4

// Accept is the acceptance check. A plan counts when it covers every affected
// file and criterion, names places that are there, and says something that the
// ticket's title does not. The error lists every defect, for the repair round
// and for the reason.
func (q PlanQuestion) Accept(text []byte) error {
	r, err := q.Parse(text)
	if err != nil {
		return err
	}
	defects := q.defects(r)
	if len(defects) == 0 {
		if n := inResult(q.Render(r)); n > MaxPlanChars {
			defects = []string{fmt.Sprintf("the plan has %d characters, more than %d", n, MaxPlanChars)}
		}
	}
	if len(defects) > 0 {
		return &Defects{defects}
	}
	return nil
}

// inResult is how many characters a text has in a result, where it is JSON: line
// ends and quotes have two.
func inResult(text string) int { return utf8.RuneCountInString(schema.Literal(text)) }

func (q PlanQuestion) defects(r PlanReply) []string {
	var out []string
	files, criteria := q.missing(r)
	for _, f := range files {
		out = append(out, "no step for "+f)
	}
	for _, c := range criteria {
		out = append(out, "no test for "+c)
	}
	steps, tests := q.Steps(r), q.Tests(r)
	if len(steps) == 0 && len(files) == 0 {
		out = append(out, "the plan has no step")
	}
	own := q.ownPaths(r)
	for i, s := range steps {
		out = append(out, q.stepDefects(s, own)...)
		for _, earlier := range steps[:i] {
			if words.Same(s.What, earlier.What) && (words.Same(s.Where, earlier.Where) || s.File == earlier.File) {
				out = append(out, "the steps for "+name(earlier.File)+" and "+name(s.File)+" are the same")
			}
		}
	}
	for i, t := range tests {
		out = append(out, q.testDefects(t)...)
		for _, earlier := range tests[:i] {
			if words.Same(t.Checks, earlier.Checks) {
				out = append(out, "the tests of "+t.label(i)+" and "+earlier.label(i-1)+" check the same")
			}
		}
	}
	return slices.Compact(append(out, q.mentions(r)...))
}

func (t NamedTest) label(i int) string {
	if t.criterion.ID != "" {
		return t.criterion.ID
	}
	return fmt.Sprintf("test %d", i+1)
}

func (q PlanQuestion) stepDefects(s Step, own map[string]bool) []string {
	file := name(s.File)
	if why := q.badPath(s, own); why != "" {
		return []string{why}
	}
	var out []string
	if why := q.contrary(s); why != "" {
		out = append(out, why)
	}
	if why := q.empty(s); why != "" {
		out = append(out, "the step for "+file+" "+why)
	} else if words.Opposite(s.What, q.Title) {
		out = append(out, "the step for "+file+" does the opposite of the ticket's title")
	}
	if why := q.lost(s); why != "" {
		out = append(out, why)
	}
	for _, p := range q.ghosts(s.What+" "+s.Approach, own) {
		if q.ownExtension(p) {
			out = append(out, p+" does not exist and no step creates it")
		}
	}
	return out
}

// badPath says what is wrong with the path of a step: outside the project, or
// neither the ticket's, nor there, nor created.
func (q PlanQuestion) badPath(s Step, own map[string]bool) string {
	if s.File == "" || s.File == "." {
		return "a step names no file"
	}
	if why := paths.Refused(s.File, q.isAffected(s.File)); why != "" {
		return name(s.File) + " " + why
	}
	if !own[s.File] && (q.Exists == nil || !q.Exists(s.File)) {
		return name(s.File) + " does not exist and no step creates it"
	}
	return ""
}

// contrary says where a step does to a file what the ticket does not want.
func (q PlanQuestion) contrary(s Step) string {
	if verbs[s.Action] == "" {
		return "the step for " + name(s.File) + " has no action"
	}
	wanted := ""
	for _, f := range q.files() {
		if f.Path == s.File {
			wanted = f.Action
		}
	}
	switch {
	case s.Action == "delete" && (wanted == "create" || wanted == "modify"):
		return "the ticket does not delete " + name(s.File)
	case s.Action == "create" && wanted != "create" && q.Exists != nil && q.Exists(s.File):
		return name(s.File) + " exists already"
	}
	return ""
}

// empty returns why a step gives no instruction.
func (q PlanQuestion) empty(s Step) string {
	least := leastWords
	if s.Action == "delete" {
		least = 1 // the action says it
	}
	switch {
	case strings.TrimSpace(s.What) == "":
		return "says nothing"
	case placeholder().MatchString(s.What):
		return "is a placeholder"
	case q.ofPrompt(s.What):
		return "repeats the wording of the task"
	case q.ofCriterion(s.What):
		return "repeats an acceptance criterion instead of saying what to change"
	case nothingToDo().MatchString(s.What):
		return "changes nothing"
	}
	if found := words.Beyond(s.What, q.Title, s.File, q.ids()); len(found)+q.expressions(s) < least {
		return "says too little beyond the ticket's title: name what changes and how"
	}
	return ""
}

func (q PlanQuestion) ids() string { return q.ID + " " + strings.Join(q.criterionIDs(), " ") }

func (q PlanQuestion) ofCriterion(text string) bool {
	return slices.ContainsFunc(q.criteria(), func(c PlanCriterion) bool {
		return words.Same(text, c.Text) || words.Same(text, c.ID+" "+c.Text)
	})
}

var placeholder = lazy.Regexp(`(?i)\b(?:TODO|TBD|FIXME|XXX|lorem ipsum|not implemented|to be (?:done|determined|defined|decided)|` +
	`your code here|fill (?:this )?in|same as (?:above|before)|as (?:described|specified|stated|required|per) (?:above|in the ticket)|` +
	`see (?:the )?ticket)\b|^\W*\.\.\.|<[a-z_ ]{3,30}>\s*$|^[^\p{L}\p{N}]*$`)

var nothingToDo = lazy.Regexp(`(?i)^\W*(?:(?:no|without any) changes?\b|nothing (?:to|needs|has)\b|leave (?:it|this|the|everything)\b.*\b(?:unchanged|as (?:it|they) (?:is|are))|` +
	`do not (?:change|modify|touch)\b|n/?a\b|none\b|ok\b\W*$)`)

// ofPrompt reports whether a text has five words in a row of what was asked.
func (q PlanQuestion) ofPrompt(text string) bool {
	const run = 5
	asked := promptShingles()
	for s := range words.Shingles(text, run) {
		if asked[s] {
			return true
		}
	}
	return false
}

var promptShingles = sync.OnceValue(func() map[string]bool {
	_, task, _ := strings.Cut(System, "Task PLAN")
	return words.Shingles(task+"\n"+planText, 5)
})

func (q PlanQuestion) testDefects(t NamedTest) []string {
	label, file := "a test", clean(t.File)
	if t.criterion.ID != "" {
		label = "the test of " + t.criterion.ID
	}
	var out []string
	switch {
	case strings.TrimSpace(t.Checks) == "":
		out = append(out, label+" checks nothing")
	case placeholder().MatchString(t.Checks) || q.ofPrompt(t.Checks):
		out = append(out, label+" is a placeholder")
	case t.criterion.Text != "" && len(words.Beyond(t.Checks, t.criterion.Text, t.criterion.ID)) < 2:
		out = append(out, label+" says too little beyond the criterion: name what goes in and what comes out")
	case len(words.Beyond(t.Checks, q.ids())) < 2:
		out = append(out, label+" checks nothing in particular")
	}
	if why := paths.Refused(file, q.isAffected(file)); file != "" && why != "" {
		out = append(out, name(file)+" "+why)
	}
	return out
}

// Defects returns why a plan was refused.
type Defects struct{ List []string }

func (d *Defects) Error() string {
	const most = 8
	list, more := d.List, ""
	if len(list) > most {
		more = fmt.Sprintf("; and %d more", len(list)-most)
		list = list[:most]
	}
	return "plan refused: " + strings.Join(list, "; ") + more
}

// Repair is the user message of the one repair round.
func (q PlanQuestion) Repair(defects error) string {
	text := defects.Error() // it quotes the ticket and the reply
	return "That plan was refused:\n" + Fence(Marker(text), text) +
		"\nWrite the whole plan again, as one JSON object of the same shape, without these defects."
}

// name makes a path fit for a message.
func name(p string) string {
	const most = 120
	p = oneLine(p)
	if r := []rune(p); len(r) > most {
		return string(r[:most]) + "…"
	}
	return p
}

// Schema is the reply's JSON Schema: one required key for each affected file and
// each criterion, so that a grammar holds the coverage. Every free string has a
// maxLength, since an unbounded one can loop until the server gives up.
func (q PlanQuestion) Schema() json.RawMessage {
	files, criteria := q.files(), q.criteria()
	var root schema.Object
	if len(files) > 0 {
		var steps schema.Object
		for _, f := range files {
			steps.Add(f.Path, q.stepSchema(f, files).JSON())
		}
		root.Add("files", steps.JSON())
	} else {
		var step schema.Object
		step.Add("file", schema.Text(200))
		step.Join(q.stepSchema(PlanFile{}, nil))
		root.Add("steps", schema.Array(step.JSON(), 1, 8))
	}
	var test schema.Object
	test.Add("file", schema.Text(200))
	test.Add("name", schema.Text(100))
	test.Add("checks", schema.Text(240))
	if len(criteria) > 0 {
		var tests schema.Object
		for _, c := range criteria {
			tests.Add(c.ID, test.JSON())
		}
		root.Add("criteria", tests.JSON())
	} else {
		root.Add("tests", schema.Array(test.JSON(), 0, 5))
	}
	if commands := q.commands(); len(commands) > 0 {
		root.Add("verify", schema.Array(schema.Enum(commands), 1, 3))
	}
	root.Add("risk", schema.Text(240))
	return root.JSON()
}

// stepSchema is what is asked about one file: the action that the ticket states
// is the only one there is.
func (q PlanQuestion) stepSchema(f PlanFile, files []PlanFile) schema.Object {
	var step schema.Object
	step.Add("action", schema.Enum(q.actions(f)))
	step.Add("where", schema.Text(160))
	step.Add("what", schema.Text(400))
	step.Add("approach", schema.Text(300))
	others := []string{""}
	for _, other := range files {
		if other.Path != f.Path {
			others = append(others, other.Path)
		}
	}
	if len(others) > 1 {
		step.Add("after", schema.Enum(others))
	}
	return step
}

// actions are what may be done to a file.
func (q PlanQuestion) actions(f PlanFile) []string {
	if verbs[f.Action] != "" {
		return []string{f.Action}
	}
	if f.Path == "" || q.Exists == nil {
		return []string{"create", "modify", "delete"}
	}
	if q.Exists(f.Path) {
		return []string{"modify", "delete"}
	}
	return []string{"create", "modify"} // modify: a file that another ticket of the wave creates
}

// commands are the known commands that can be an enum: one line, bounded.
func (q PlanQuestion) commands() []string {
	var out []string
	for _, c := range q.Commands {
		if c = oneLine(c); c != "" && len(c) <= 200 && len(out) < maxCommands {
			out = append(out, c)
		}
	}
	return out
}
