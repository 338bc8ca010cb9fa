package prompts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/prompts/outline"
)

// Limits of a plan.
const (
	MaxPlanChars  = 6400 // characters of the rendered Markdown in JSON; the whole result has at most 8,000
	maxPlanTokens = 3200 // tokens of a reply, whatever the ticket is
	maxListed     = 40   // files, and criteria, that a plan is asked to cover
	maxCommands   = 8
)

// PlanFile is a file the ticket names.
type PlanFile struct{ Path, Action, Description string }

// PlanCriterion is an acceptance criterion of the ticket.
type PlanCriterion struct{ ID, Text string }

// Source is the present text of an affected file, shown to the model.
type Source struct {
	Path string
	Text string // what is shown: all of it, or the parts that matter
	Full string // all of it; what a plan says is checked against this
	Size int    // bytes of the file
	// Shown is how many bytes of the file are in Text.
	Shown int
	Local bool // a model on this machine alone may see it
}

// Cut reports whether only a part is shown.
func (s Source) Cut() bool { return s.Shown < s.Size }

// PlanQuestion is a ticket to plan.
type PlanQuestion struct {
	ID, Title, Ticket string
	Files             []PlanFile
	Criteria          []PlanCriterion
	Sources           []Source
	Context           []Source // the specification and design that the ticket belongs to
	Commands          []string // by which the ticket or the project checks a change
	Evidence          string   // what a failed plan gate recorded; "" = nothing
	// Exists reports whether a path is a file of the project; nil = unknown.
	Exists func(path string) bool
	// Read returns the text of a file of the project, "" = unknown; nil = none known.
	Read func(path string) string
}

// Step is what a plan does to one file.
type Step struct {
	File     string `json:"file,omitempty"` // only where the ticket names no file
	Action   string `json:"action"`
	Where    string `json:"where"` // symbol or anchor in the file
	What     string `json:"what"`
	Approach string `json:"approach"`
	After    string `json:"after,omitempty"` // the file whose step comes before
}

// Test is the check of one acceptance criterion.
type Test struct {
	File   string `json:"file"`
	Name   string `json:"name"`
	Checks string `json:"checks"`
}

// PlanReply is a model's plan. Files and Criteria have one key for each affected
// file and each criterion; where the ticket names none, Steps and Tests are
// lists.
type PlanReply struct {
	Files    map[string]Step `json:"files,omitempty"`
	Steps    []Step          `json:"steps,omitempty"`
	Criteria map[string]Test `json:"criteria,omitempty"`
	Tests    []Test          `json:"tests,omitempty"`
	Verify   []string        `json:"verify,omitempty"`
	Risk     string          `json:"risk"`
}

// Coverage counts what of the ticket a plan covers.
type Coverage struct {
	Files         int `json:"files"`
	FilesTotal    int `json:"files_total"`
	Criteria      int `json:"criteria"`
	CriteriaTotal int `json:"criteria_total"`
	// Listed says that the template lists them: no one thought about how.
	Listed bool `json:"listed,omitempty"`
}

// Plan renders the question as the tail that follows System. All that is not
// ours is inside the fences, ids and paths included.
func Plan(q PlanQuestion) (string, error) {
	type file struct{ Intro, Text string }
	var files []file
	foreign := []string{q.about(), q.Evidence, q.Ticket}
	add := func(intro string, s Source) {
		f := file{intro, s.Path + "\n\n" + s.Text}
		files = append(files, f)
		foreign = append(foreign, f.Text)
	}
	for _, s := range q.Sources {
		if s.Cut() {
			add("A part of an affected file as it is now, its path first:", s)
		} else {
			add("An affected file as it is now, its path first:", s)
		}
	}
	for _, s := range q.Context {
		add("The ticket belongs to this document, its path first:", s)
	}
	return render(planTemplate(), struct {
		Fence, About, Evidence, Ticket string
		Files                          []file
	}{Marker(foreign...), q.about(), q.Evidence, q.Ticket, files})
}

// about is what the question names beside the ticket's own text.
func (q PlanQuestion) about() string {
	var b strings.Builder
	b.WriteString(oneLine(q.ID) + "\n")
	if len(q.Files) > 0 {
		b.WriteString("Affected files:\n")
	}
	for _, f := range q.Files {
		b.WriteString("- " + oneLine(f.Path))
		if f.Action != "" {
			b.WriteString(" (" + oneLine(f.Action) + ")")
		}
		b.WriteString("\n")
	}
	if ids := q.criterionIDs(); len(ids) > 0 {
		b.WriteString("Acceptance criteria: " + oneLine(strings.Join(ids, ", ")) + "\n")
	}
	return b.String()
}

// files are the affected files, each once, as far as a plan is asked for them.
func (q PlanQuestion) files() []PlanFile {
	var out []PlanFile
	seen := map[string]bool{"": true}
	for _, f := range q.Files {
		if f.Path = clean(f.Path); !seen[f.Path] && len(out) < maxListed {
			seen[f.Path] = true
			out = append(out, f)
		}
	}
	return out
}

// criteria are the acceptance criteria, each id once.
func (q PlanQuestion) criteria() []PlanCriterion {
	var out []PlanCriterion
	seen := map[string]bool{"": true}
	for _, c := range q.Criteria {
		if !seen[c.ID] && len(out) < maxListed {
			seen[c.ID] = true
			out = append(out, c)
		}
	}
	return out
}

func (q PlanQuestion) criterionIDs() []string {
	var ids []string
	for _, c := range q.criteria() {
		ids = append(ids, c.ID)
	}
	return ids
}

// Tokens bounds the reply to this question: each file and criterion has its
// share.
func (q PlanQuestion) Tokens() int {
	const base, file, criterion = 200, 300, 120
	files, criteria := cmp.Or(len(q.files()), 4), cmp.Or(len(q.criteria()), 3)
	return min(maxPlanTokens, base+file*files+criterion*criteria)
}

// Parse reads a reply without judging it.
func (q PlanQuestion) Parse(text []byte) (PlanReply, error) {
	var r PlanReply
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reply is not the JSON asked for: %w", err)
	}
	return r, nil
}

// Steps returns a plan's steps in the order of work, each with its file: a step
// that says `after` follows the one it names; a circle is cut.
func (q PlanQuestion) Steps(r PlanReply) []Step {
	var list []Step
	for _, f := range q.files() {
		if s, ok := r.Files[f.Path]; ok {
			s.File = f.Path
			list = append(list, s)
		}
	}
	for _, s := range r.Steps {
		s.File = clean(s.File)
		list = append(list, s)
	}
	var out []Step
	done := map[string]bool{}
	for len(list) > 0 {
		next := slices.IndexFunc(list, func(s Step) bool {
			return done[clean(s.After)] || !slices.ContainsFunc(list, func(other Step) bool {
				return other.File == clean(s.After) && other.File != s.File
			})
		})
		next = max(next, 0)
		done[list[next].File] = true
		out = append(out, list[next])
		list = slices.Delete(list, next, next+1)
	}
	return out
}

// NamedTest is a test with the criterion that it checks, if that is known.
type NamedTest struct {
	criterion PlanCriterion
	Test
}

// Tests returns the tests of a plan, in the order of the criteria.
func (q PlanQuestion) Tests(r PlanReply) []NamedTest {
	var out []NamedTest
	for _, c := range q.criteria() {
		if t, ok := r.Criteria[c.ID]; ok {
			out = append(out, NamedTest{c, t})
		}
	}
	for _, t := range r.Tests {
		out = append(out, NamedTest{PlanCriterion{}, t})
	}
	return out
}

// missing returns the affected files and the criteria the plan leaves out.
func (q PlanQuestion) missing(r PlanReply) (files, criteria []string) {
	for _, f := range q.files() {
		if _, ok := r.Files[f.Path]; !ok {
			files = append(files, f.Path)
		}
	}
	for _, c := range q.criteria() {
		if _, ok := r.Criteria[c.ID]; !ok {
			criteria = append(criteria, c.ID)
		}
	}
	return files, criteria
}

// Covers counts what the plan covers.
func (q PlanQuestion) Covers(r PlanReply) Coverage {
	files, criteria := q.missing(r)
	return Coverage{
		Files: len(q.files()) - len(files), FilesTotal: len(q.Files),
		Criteria: len(q.criteria()) - len(criteria), CriteriaTotal: len(q.Criteria),
	}
}

// Show returns what a prompt has of a file: all of it, or within room bytes the
// parts that the ticket and its criteria name.
func (q PlanQuestion) Show(path, full string, room int) Source {
	words := q.Words()
	for _, c := range q.Criteria {
		words += "\n" + c.Text
	}
	text, shown := outline.Choose(path, full, words, room)
	return Source{Path: path, Text: text, Full: full, Size: len(full), Shown: shown}
}

// source is the whole text of an affected file, where it is known.
func (q PlanQuestion) source(file string) (string, bool) {
	for _, s := range q.Sources {
		if clean(s.Path) == file && s.Full != "" {
			return s.Full, true
		}
	}
	return "", false
}

// mentioned are the definitions of a file that the ticket names.
func (q PlanQuestion) mentioned(file string) []outline.Definition {
	full, ok := q.source(file)
	if !ok {
		return nil
	}
	return outline.Mentioned(outline.Of(file, full), q.Words())
}

// Words are the ticket's words, by which the parts of its files are chosen.
func (q PlanQuestion) Words() string { return q.Title + "\n" + q.Ticket }

func clean(p string) string {
	p = strings.Trim(strings.TrimSpace(strings.ReplaceAll(p, `\`, "/")), "`")
	if p == "" {
		return ""
	}
	return path.Clean(p)
}
