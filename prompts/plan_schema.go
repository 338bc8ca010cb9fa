package prompts

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Schema is the reply's JSON Schema: one required key for each affected file and
// each criterion, so that a grammar holds the coverage. Every free string has a
// maxLength, since an unbounded one can loop until the server gives up.
func (q PlanQuestion) Schema() json.RawMessage {
	files, criteria := q.files(), q.criteria()
	var root object
	if len(files) > 0 {
		var steps object
		for _, f := range files {
			steps.add(f.Path, q.stepSchema(f, files).schema())
		}
		root.add("files", steps.schema())
	} else {
		var step object
		step.add("file", text(200))
		step.join(q.stepSchema(PlanFile{}, nil))
		root.add("steps", array(step.schema(), 1, 8))
	}
	var test object
	test.add("file", text(200))
	test.add("name", text(100))
	test.add("checks", text(240))
	if len(criteria) > 0 {
		var tests object
		for _, c := range criteria {
			tests.add(c.ID, test.schema())
		}
		root.add("criteria", tests.schema())
	} else {
		root.add("tests", array(test.schema(), 0, 5))
	}
	if commands := q.commands(); len(commands) > 0 {
		root.add("verify", array(enum(commands), 1, 3))
	}
	root.add("risk", text(240))
	return root.schema()
}

// stepSchema is what is asked about one file: the action that the ticket states
// is the only one there is.
func (q PlanQuestion) stepSchema(f PlanFile, files []PlanFile) object {
	var step object
	step.add("action", enum(q.actions(f)))
	step.add("where", text(160))
	step.add("what", text(400))
	step.add("approach", text(300))
	others := []string{""}
	for _, other := range files {
		if other.Path != f.Path {
			others = append(others, other.Path)
		}
	}
	if len(others) > 1 {
		step.add("after", enum(others))
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

// object is a closed JSON Schema object whose properties keep their order and
// are all required.
type object struct{ properties, names []string }

func (o *object) add(name string, value json.RawMessage) {
	key := literal(name)
	o.properties = append(o.properties, key+":"+string(value))
	o.names = append(o.names, key)
}

func (o *object) join(other object) {
	o.properties = append(o.properties, other.properties...)
	o.names = append(o.names, other.names...)
}

func (o object) schema() json.RawMessage {
	return json.RawMessage(`{"type":"object","properties":{` + strings.Join(o.properties, ",") +
		`},"required":[` + strings.Join(o.names, ",") + `],"additionalProperties":false}`)
}

func text(most int) json.RawMessage {
	return json.RawMessage(`{"type":"string","maxLength":` + literal(most) + `}`)
}

func enum(values []string) json.RawMessage {
	return json.RawMessage(`{"type":"string","enum":` + literal(values) + `}`)
}

func array(items json.RawMessage, least, most int) json.RawMessage {
	return json.RawMessage(`{"type":"array","minItems":` + literal(least) + `,"maxItems":` + literal(most) +
		`,"items":` + string(items) + `}`)
}

// literal writes strings and numbers, which always marshal, as JSON; < and & as
// they are, since a grammar has them literally.
func literal(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}
