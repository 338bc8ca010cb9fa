package prompts

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// The tickets that the plans of the tables are for.
const (
	dockerSource = `package docker

import "context"

// Pusher pushes images.
type Pusher struct{ attempts int }

// Push sends an image to its registry.
func (p *Pusher) Push(ctx context.Context, image string) error {
	return p.run(ctx, "push", image)
}

func (p *Pusher) run(ctx context.Context, args ...string) error { return nil }

const defaultTimeout = 30
`
	axiosSource = `'use strict';
import utils from '../utils.js';

class Axios {
  constructor(instanceConfig) {
    this.defaults = instanceConfig || {};
  }

  async request(configOrUrl, config) {
    return await this._request(configOrUrl, config);
  }
}

export const mergeHeaders = (a, b) => ({...a, ...b});
export default Axios;
`
	pythonSource = `import re

MAX_LEN = 72


class Commit:
    def parse_subject(self, text):
        return re.split(r":", text)[0]


def main():
    pass
`
)

func dockerTicket() PlanQuestion {
	return question(PlanQuestion{ID: "FEAT-12", Title: "Add a retry to docker push", Ticket: "Add a retry to docker push\n\nPushes fail with 502 now and then.",
		Files:    []PlanFile{{"internal/pipe/docker.go", "modify", "the push"}},
		Criteria: []PlanCriterion{{"AC-1", "A push that fails with 502 is tried three times."}},
		Sources:  []Source{{Path: "internal/pipe/docker.go", Text: dockerSource, Full: dockerSource}},
		Commands: []string{"go test ./...", "make lint"}},
		"internal/pipe/docker.go", "internal/pipe/ko.go")
}

func axiosTicket() PlanQuestion {
	return question(PlanQuestion{ID: "BUG-7", Title: "Headers of the defaults are lost", Ticket: "Headers of the defaults are lost when request is called with a URL.",
		Files:    []PlanFile{{"lib/core/Axios.js", "modify", ""}},
		Criteria: []PlanCriterion{{"AC-1", "Default headers are sent."}},
		Sources:  []Source{{Path: "lib/core/Axios.js", Text: axiosSource, Full: axiosSource}}},
		"lib/core/Axios.js", "lib/utils.js")
}

func pythonTicket() PlanQuestion {
	return question(PlanQuestion{ID: "TASK-3", Title: "Allow long subjects", Ticket: "Allow long subjects\n\nSubjects may have 100 characters.",
		Files:    []PlanFile{{"commitizen/commit.py", "modify", ""}},
		Criteria: []PlanCriterion{{"AC-1", "A subject of 100 characters is accepted."}},
		Sources:  []Source{{Path: "commitizen/commit.py", Text: pythonSource, Full: pythonSource}}},
		"commitizen/commit.py")
}

func docsTicket() PlanQuestion {
	guide := "# Guide\n\n## Install\n\nRun `make install`.\n"
	return question(PlanQuestion{ID: "TASK-9", Title: "Document the proxy settings", Ticket: "Document the proxy settings",
		Files:    []PlanFile{{"docs/guide.md", "modify", ""}, {"docs/proxy.md", "create", ""}},
		Criteria: []PlanCriterion{{"AC-1", "HTTPS_PROXY is explained."}},
		Sources:  []Source{{Path: "docs/guide.md", Text: guide, Full: guide}}},
		"docs/guide.md")
}

func question(q PlanQuestion, there ...string) PlanQuestion {
	q.Exists = func(p string) bool { return slices.Contains(there, p) }
	return q
}

// sound are plans that a reviewer would take, by what is special about them.
// Each starts from the sound plan of its ticket.
var sound = map[string]struct {
	ticket func() PlanQuestion
	change func(*PlanReply)
}{
	// What had been refused, or was nearly.
	"names a symbol as pkg/path.Name": {dockerTicket, what("Wrap the call of run in internal/pipe/docker.Retry with three attempts and a pause that doubles.")},
	"names a version":                 {dockerTicket, what("Keep the api/v1.2 registry protocol and loop over run until the status is below 500.")},
	"names a method as path.Name":     {axiosTicket, what("In lib/core/Axios.request merge this.defaults.headers into the config before _request sees it.")},
	"a new sibling test file":         {dockerTicket, test(Test{"internal/pipe/docker_retry_test.go", "TestPush_Retries502", "a registry that answers 502 twice and 200 then is called three times and Push returns nil"})},
	"names the sibling test in words": {dockerTicket, what("Loop over run at most three times; internal/pipe/docker_test.go gets a registry that answers 502 twice.")},
	"names a file that exists":        {dockerTicket, what("Loop over run three times as internal/pipe/ko.go loops over its own upload, with the same pause.")},
	"says what not to do":             {dockerTicket, what("Loop over run three times; do not touch the timeout, and return the last error wrapped with the attempt.")},
	"removes something on the way":    {dockerTicket, what("Remove the bare return of run and add a loop of three attempts that stops at the first success.")},
	// Places.
	"a method with its receiver":  {dockerTicket, where("(*Pusher).Push")},
	"a method with its type":      {dockerTicket, where("Pusher.Push")},
	"a package and its function":  {dockerTicket, where("docker.Pusher.Push")},
	"a name in backticks":         {dockerTicket, where("`Push`")},
	"a call":                      {dockerTicket, where("Push()")},
	"a whole line":                {dockerTicket, where("return p.run(ctx, \"push\", image)")},
	"a line with other spaces":    {dockerTicket, where("type  Pusher struct{ attempts int }")},
	"a constant":                  {dockerTicket, where("defaultTimeout")},
	"prose around a name":         {dockerTicket, where("after the method Push of Pusher")},
	"the import block":            {dockerTicket, where("import block")},
	"the end of the file":         {pythonTicket, where("end of the file")},
	"a heading":                   {docsTicket, place("docs/guide.md", "## Install")},
	"words of a heading":          {docsTicket, place("docs/guide.md", "the Install section")},
	"an arrow function":           {axiosTicket, where("mergeHeaders")},
	"a method of a class":         {axiosTicket, where("Axios#request")},
	"a Python method":             {pythonTicket, where("Commit.parse_subject")},
	"a place in a file not there": {dockerTicket, func(r *PlanReply) {}},
	"no place in a created file":  {docsTicket, place("docs/proxy.md", "")},
	// Words.
	"short and exact":    {pythonTicket, what("Raise MAX_LEN from 72 to 100.")},
	"two comparisons":    {pythonTicket, what("Compare MAX_LEN <= text in place of MAX_LEN == text.")},
	"a field and a call": {dockerTicket, what("Return p.attempts before p.run.")},
	"in Chinese":         {pythonTicket, what("把常量的上限从七十二提高到一百，并同步修改报错信息。")},
	"in German":          {pythonTicket, what("Die Konstante MAX_LEN auf 100 anheben und die Fehlermeldung anpassen.")},
	"in Spanish":         {pythonTicket, what("Subir la constante MAX_LEN a 100 y ajustar el mensaje de error.")},
	"uses the word test": {pythonTicket, what("Raise MAX_LEN to 100 so that the test with ninety letters no longer raises ValueError.")},
	"names an address":   {dockerTicket, what("Loop over run three times, as https://docs.docker.com/registry/spec.go.html advises for gateways.")},
	"names a MIME type":  {axiosTicket, what("Merge defaults before dispatch and keep application/json as the default content type header.")},
	"no approach":        {dockerTicket, func(r *PlanReply) { step(r, func(s *Step) { s.Approach = "" }) }},
	"no risk":            {dockerTicket, func(r *PlanReply) { r.Risk = "" }},
	"no name of the test": {dockerTicket, func(r *PlanReply) {
		r.Criteria["AC-1"] = Test{Checks: "a registry that answers 502 twice is called three times"}
	}},
	"words of the ticket's title": {axiosTicket, what("Merge the headers of this.defaults when request gets a URL string, before _request normalises it.")},
	"the same verb in two files": {docsTicket, func(r *PlanReply) {
		r.Files["docs/guide.md"] = Step{Action: "modify", Where: "Install", What: "Link the proxy page beneath Install with one sentence about corporate networks."}
		r.Files["docs/proxy.md"] = Step{Action: "create", What: "Explain HTTPS_PROXY, NO_PROXY and their order, with one shell example each."}
	}},
}

// degenerate are plans that help nobody.
var degenerate = map[string]struct {
	ticket func() PlanQuestion
	change func(*PlanReply)
}{
	// Those that models had been seen to write.
	"a dot":                      {dockerTicket, what(".")},
	"TODO":                       {dockerTicket, what("TODO")},
	"a bare id":                  {dockerTicket, what("AC-1")},
	"the title":                  {dockerTicket, what("Add a retry to docker push")},
	"the opposite of the ticket": {dockerTicket, what("Remove the retry from docker push so that a failed upload surfaces immediately.")},
	"an invented function":       {dockerTicket, where("frobnicateImages")},
	"the wording of the task":    {dockerTicket, what("What to change there, concretely, in one or two sentences.")},
	"nothing":                    {dockerTicket, what("  \n")},
	// Empty words.
	"the title and the path":         {dockerTicket, what("Add a retry to docker push in internal/pipe/docker.go.")},
	"the title in other forms":       {dockerTicket, what("Adding retries to the docker pushes.")},
	"the path":                       {dockerTicket, what("internal/pipe/docker.go")},
	"modify the file":                {dockerTicket, what("Modify the file.")},
	"make the necessary changes":     {dockerTicket, what("Make the necessary changes to implement the feature.")},
	"as the ticket says":             {dockerTicket, what("Implement everything as described in the ticket, with care for registries, gateways and pauses.")},
	"see ticket":                     {dockerTicket, what("See the ticket for the details of registries, gateways, pauses and attempts.")},
	"ensure quality":                 {dockerTicket, what("Ensure that the code works properly and all tests pass as expected.")},
	"update logic accordingly":       {axiosTicket, what("Update the logic accordingly so that the behaviour is correct.")},
	"one word again and again":       {dockerTicket, what("loop loop loop loop loop loop loop")},
	"an ellipsis":                    {dockerTicket, what("... existing code with registries, gateways, pauses, attempts")},
	"not applicable":                 {dockerTicket, what("N/A")},
	"no change":                      {dockerTicket, what("No changes are needed here since registries, gateways and pauses already work.")},
	"to be determined":               {dockerTicket, what("The retry policy with its attempts, pauses and errors is to be determined.")},
	"latin":                          {dockerTicket, what("Lorem ipsum dolor sit amet, consectetur adipiscing elit sed eiusmod.")},
	"a placeholder at the end":       {dockerTicket, what("Wrap run in a loop with three attempts, TODO pauses and errors.")},
	"the criterion as the change":    {dockerTicket, what("A push that fails with 502 is tried three times.")},
	"the criterion with its id":      {dockerTicket, what("AC-1: A push that fails with 502 is tried three times.")},
	"only digits and signs":          {dockerTicket, what("1. 2. 3. --- 4")},
	"calls of nothing that is there": {dockerTicket, what("Add helper.Work() and manager.Do().")},
	"names of code alone":            {dockerTicket, what("Change p.run, p.attempts and Pusher.Push.")},
	"the name of the file's own":     {dockerTicket, what("Update docker.go and docker.go.")},
	// Places.
	"no place":                      {dockerTicket, where("")},
	"a place with an invented part": {dockerTicket, where("Pusher.PushWithRetry")},
	"prose that is not there":       {dockerTicket, where("the database migration")},
	"an invented place in Python":   {pythonTicket, where("validate_subject()")},
	// Tests.
	"the test is the criterion": {dockerTicket, test(Test{"a_test.go", "TestA", "A push that fails with 502 is tried three times."})},
	"the test is its id":        {dockerTicket, test(Test{"a_test.go", "TestA", "AC-1"})},
	"the test tests":            {dockerTicket, test(Test{"a_test.go", "TestA", "Test that it works as expected."})},
	"the test is empty":         {dockerTicket, test(Test{"a_test.go", "TestA", " "})},
	"the test is outside":       {dockerTicket, test(Test{"../a_test.go", "TestA", "a registry that answers 502 twice is called three times"})},
	// The whole.
	"two equal steps": {docsTicket, func(r *PlanReply) {
		s := Step{Action: "modify", Where: "Install", What: "Explain HTTPS_PROXY, NO_PROXY and their order, with one shell example each."}
		r.Files["docs/guide.md"] = s
		s.Action = "create"
		r.Files["docs/proxy.md"] = s
	}},
	"a ghost file of the same kind": {dockerTicket, what("Use the helper in internal/pipe/ghost.go with three attempts and a pause that doubles.")},
}

func step(r *PlanReply, change func(*Step)) {
	for _, f := range slices.Sorted(maps.Keys(r.Files)) {
		s := r.Files[f]
		change(&s)
		r.Files[f] = s
		return
	}
}

func what(text string) func(*PlanReply) {
	return func(r *PlanReply) { step(r, func(s *Step) { s.What = text }) }
}

func where(text string) func(*PlanReply) {
	return func(r *PlanReply) { step(r, func(s *Step) { s.Where = text }) }
}

func place(file, text string) func(*PlanReply) {
	return func(r *PlanReply) {
		s := r.Files[file]
		s.Where = text
		r.Files[file] = s
	}
}

func test(t Test) func(*PlanReply) {
	return func(r *PlanReply) { r.Criteria["AC-1"] = t }
}

// soundPlan is a plan for one of the tickets that is accepted as it is.
func soundPlan(q PlanQuestion) PlanReply {
	r := PlanReply{Files: map[string]Step{}, Criteria: map[string]Test{}, Risk: "A registry that is down is asked three times."}
	switch q.ID {
	case "FEAT-12":
		r.Files["internal/pipe/docker.go"] = Step{Action: "modify", Where: "Push", Approach: "A for loop over attempts with a timer.",
			What: "Loop over run at most three times while the error holds status 502, and return the last error."}
		r.Criteria["AC-1"] = Test{"internal/pipe/docker_test.go", "TestPush_Retries", "a fake registry that answers 502 twice sees exactly three calls"}
		r.Verify = []string{"go test ./..."}
	case "BUG-7":
		r.Files["lib/core/Axios.js"] = Step{Action: "modify", Where: "request", What: "Merge this.defaults into config before _request sees the URL string.", Approach: "Use mergeHeaders."}
		r.Criteria["AC-1"] = Test{"test/axios.spec.js", "keeps them", "request('/x') reaches the adapter with Accept from the instance"}
	case "TASK-3":
		r.Files["commitizen/commit.py"] = Step{Action: "modify", Where: "MAX_LEN", What: "Raise the constant MAX_LEN from 72 to 100 and mention it in the error message.", Approach: "One edit."}
		r.Criteria["AC-1"] = Test{"tests/test_commit.py", "test_long", "parse_subject with ninety-nine letters returns them without ValueError"}
	case "TASK-9":
		r.Files["docs/guide.md"] = Step{Action: "modify", Where: "Install", What: "Link the new page beneath Install with one sentence about corporate networks."}
		r.Files["docs/proxy.md"] = Step{Action: "create", What: "Explain HTTPS_PROXY, NO_PROXY and their order of precedence with shell examples."}
		r.Criteria["AC-1"] = Test{"", "", "the rendered page has a paragraph with the variable and an example value"}
	}
	return r
}

func accept(t *testing.T, q PlanQuestion, r PlanReply) error {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return q.Accept(text)
}

func TestAccept_SoundPlans(t *testing.T) {
	for name, c := range sound {
		t.Run(name, func(t *testing.T) {
			q := c.ticket()
			r := soundPlan(q)
			c.change(&r)
			if err := accept(t, q, r); err != nil {
				t.Errorf("refused: %v\n%s", err, q.Render(r))
			}
		})
	}
	if len(sound) < 38 {
		t.Errorf("%d sound plans, want at least 38", len(sound))
	}
}

func TestAccept_DegeneratePlans(t *testing.T) {
	for name, c := range degenerate {
		t.Run(name, func(t *testing.T) {
			q := c.ticket()
			r := soundPlan(q)
			c.change(&r)
			if err := accept(t, q, r); err == nil {
				t.Errorf("accepted:\n%s", q.Render(r))
			}
		})
	}
	if len(degenerate) < 38 {
		t.Errorf("%d degenerate plans, want at least 38", len(degenerate))
	}
}
