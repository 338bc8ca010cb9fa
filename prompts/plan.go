package prompts

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Limits of a plan. They keep the rendered text under MaxPlanChars.
const (
	MaxPlanTokens = 1600
	MaxPlanChars  = 4500 // characters of the rendered Markdown
	maxSteps      = 40
)

// PlanFile is a file the ticket names.
type PlanFile struct{ Path, Action, Description string }

// PlanCriterion is an acceptance criterion of the ticket.
type PlanCriterion struct{ ID, Text string }

// Source is the present text of an affected file, shown to the model.
type Source struct {
	Path, Text  string
	Size, Shown int // bytes of the file, and of it shown
}

// Cut says whether only the beginning is shown.
func (s Source) Cut() bool { return s.Shown < s.Size }

// PlanQuestion is a ticket to plan.
type PlanQuestion struct {
	ID, Ticket string
	Files      []PlanFile
	Criteria   []PlanCriterion
	Sources    []Source
	Exists     func(path string) bool // whether a path exists in the project
}

// Step is one piece of work of a plan.
type Step struct {
	File     string   `json:"file"`
	Action   string   `json:"action"`
	What     string   `json:"what"`
	Criteria []string `json:"criteria"`
}

// Test is the check of one acceptance criterion.
type Test struct {
	Criterion string `json:"criterion"`
	Checks    string `json:"checks"`
}

// PlanReply is a model's plan.
type PlanReply struct {
	Steps []Step `json:"steps"`
	Tests []Test `json:"tests"`
}

// Coverage counts what of the ticket a plan covers.
type Coverage struct {
	Files         int `json:"files"`
	FilesTotal    int `json:"files_total"`
	Criteria      int `json:"criteria"`
	CriteriaTotal int `json:"criteria_total"`
}

// Plan renders the question as the tail that follows System.
func Plan(q PlanQuestion) (string, error) {
	var b strings.Builder
	b.WriteString(q.Ticket)
	for _, s := range q.Sources {
		b.WriteString(s.Text)
	}
	return render(planTemplate(), struct {
		PlanQuestion
		Criteria []string
		Fence    string
	}{q, q.criterionIDs(), Marker(b.String())})
}

func (q PlanQuestion) criterionIDs() []string {
	ids := make([]string, 0, len(q.Criteria))
	for _, c := range q.Criteria {
		ids = append(ids, c.ID)
	}
	return ids
}

// Schema is the reply's JSON Schema. Criterion ids are an enum, so a model
// cannot invent one; every free string has a maxLength.
func (q PlanQuestion) Schema() json.RawMessage {
	criterion := `{"type":"string","maxLength":20}`
	if ids := q.criterionIDs(); len(ids) > 0 {
		v, _ := json.Marshal(ids) // strings always marshal
		criterion = `{"type":"string","enum":` + string(v) + `}`
	}
	return json.RawMessage(fmt.Sprintf(`{"type":"object","properties":{`+
		`"steps":{"type":"array","minItems":1,"maxItems":%d,"items":{"type":"object","properties":{`+
		`"file":{"type":"string","maxLength":200},`+
		`"action":{"type":"string","enum":["create","modify","delete"]},`+
		`"what":{"type":"string","maxLength":300},`+
		`"criteria":{"type":"array","maxItems":20,"items":%[2]s}},`+
		`"required":["file","action","what","criteria"],"additionalProperties":false}},`+
		`"tests":{"type":"array","maxItems":%[1]d,"items":{"type":"object","properties":{`+
		`"criterion":%[2]s,"checks":{"type":"string","maxLength":300}},`+
		`"required":["criterion","checks"],"additionalProperties":false}}},`+
		`"required":["steps","tests"],"additionalProperties":false}`, maxSteps, criterion))
}

// Parse reads a reply without judging it.
func (q PlanQuestion) Parse(text []byte) (PlanReply, error) {
	var r PlanReply
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reply is not the JSON asked for: %w", err)
	}
	return r, nil
}

// Accept is the acceptance check: the plan covers every affected file and
// every criterion and names no file that neither exists nor is to be created.
// The error lists every defect, for the repair round and for the reason.
func (q PlanQuestion) Accept(text []byte) error {
	r, err := q.Parse(text)
	if err != nil {
		return err
	}
	var defects []string
	files, criteria := q.missing(r)
	for _, f := range files {
		defects = append(defects, "no step for "+f)
	}
	for _, c := range criteria {
		defects = append(defects, "no step or test for "+c)
	}
	defects = append(defects, q.foreign(r)...)
	defects = append(defects, q.contrary(r)...)
	for i, s := range r.Steps {
		if strings.TrimSpace(s.What) == "" {
			defects = append(defects, fmt.Sprintf("step %d says nothing", i+1))
		}
	}
	for _, t := range r.Tests {
		if strings.TrimSpace(t.Checks) == "" {
			defects = append(defects, "the test of "+t.Criterion+" checks nothing")
		}
	}
	if len(defects) == 0 {
		if n := len([]rune(q.Render(r))); n > MaxPlanChars {
			defects = append(defects, fmt.Sprintf("the plan has %d characters, more than %d", n, MaxPlanChars))
		}
	}
	if len(defects) > 0 {
		return &Defects{defects}
	}
	return nil
}

// Defects says why a plan was refused.
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
	return "That plan was refused. " + defects.Error() +
		".\nWrite the whole plan again, as one JSON object of the same shape, with every defect mended."
}

// missing returns the affected files and the criteria the plan leaves out.
func (q PlanQuestion) missing(r PlanReply) (files, criteria []string) {
	named, served := map[string]bool{}, map[string]bool{}
	for _, s := range r.Steps {
		named[clean(s.File)] = true
		for _, c := range s.Criteria {
			served[strings.ToUpper(strings.TrimSpace(c))] = true
		}
	}
	for _, t := range r.Tests {
		served[strings.ToUpper(strings.TrimSpace(t.Criterion))] = true
	}
	for _, f := range q.Files {
		if !named[clean(f.Path)] {
			files = append(files, f.Path)
		}
	}
	for _, c := range q.Criteria {
		if !served[strings.ToUpper(c.ID)] {
			criteria = append(criteria, c.ID)
		}
	}
	return files, criteria
}

// foreign lists the steps whose file is neither the ticket's, nor there, nor
// created by a step, or that leaves the project.
func (q PlanQuestion) foreign(r PlanReply) []string {
	known := map[string]bool{}
	for _, f := range q.Files {
		known[clean(f.Path)] = true
	}
	for _, s := range r.Steps {
		if s.Action == "create" {
			known[clean(s.File)] = true
		}
	}
	var out []string
	for _, s := range r.Steps {
		p := clean(s.File)
		switch {
		case p == "" || p == ".":
			out = append(out, "a step names no file")
		case path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../"):
			out = append(out, p+" is outside the project")
		case !q.there(known, p):
			out = append(out, p+" does not exist and no step creates it")
		}
		for _, named := range pathsIn(s.What, known) {
			if !q.there(known, named) {
				out = append(out, named+" does not exist and no step creates it")
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (q PlanQuestion) there(known map[string]bool, p string) bool {
	return known[p] || (q.Exists != nil && q.Exists(p))
}

var pathLike = regexp.MustCompile(`[\w.@-]+(?:/[\w.@-]+)*/[\w@-]+(?:\.[\w-]+)+`)

// pathsIn finds the paths that a step's words name. So that neither an address
// nor a fraction is taken for one, it must begin in a directory of a known file.
func pathsIn(text string, known map[string]bool) []string {
	tops := map[string]bool{}
	for p := range known {
		if top, _, found := strings.Cut(p, "/"); found {
			tops[top] = true
		}
	}
	var out []string
	for _, at := range pathLike.FindAllStringIndex(text, -1) {
		p := clean(text[at[0]:at[1]])
		top, _, _ := strings.Cut(p, "/")
		if tops[top] && (at[0] == 0 || text[at[0]-1] != '/') {
			out = append(out, p)
		}
	}
	return out
}

// contrary lists the steps that do to a file what the ticket does not want:
// deleting one it keeps, or creating one that is there.
func (q PlanQuestion) contrary(r PlanReply) []string {
	action := map[string]string{}
	for _, f := range q.Files {
		action[clean(f.Path)] = f.Action
	}
	var out []string
	for _, s := range r.Steps {
		p := clean(s.File)
		wanted, stated := action[p]
		switch {
		case s.Action == "delete" && stated && (wanted == "create" || wanted == "modify"):
			out = append(out, "the ticket does not delete "+p)
		case s.Action == "create" && wanted != "create" && q.Exists != nil && q.Exists(p):
			out = append(out, p+" exists already")
		}
	}
	return out
}

func clean(p string) string {
	p = strings.Trim(strings.TrimSpace(strings.ReplaceAll(p, `\`, "/")), "`")
	if p == "" {
		return ""
	}
	return path.Clean(p)
}

// Covers counts what the plan covers.
func (q PlanQuestion) Covers(r PlanReply) Coverage {
	files, criteria := q.missing(r)
	return Coverage{
		Files: len(q.Files) - len(files), FilesTotal: len(q.Files),
		Criteria: len(q.Criteria) - len(criteria), CriteriaTotal: len(q.Criteria),
	}
}
