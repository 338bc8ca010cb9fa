package prompts

import (
	"encoding/json"

	"github.com/fjbelchi/localmodel/prompts/schema"
)

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
