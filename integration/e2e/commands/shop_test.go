// Package commands holds the tests of doctor and eval against the real thing: a
// real Ollama, a real LiteLLM proxy, and a backlog of sixty labelled tickets.
package commands

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// shopTicket is a ticket of testdata/shop/tickets.txt: what it says, the function that
// it is about, and what a good programmer would plan.
type shopTicket struct {
	id, kind, file, symbol           string
	title, context, criterion        string
	what, testName, checks, testFile string
	risk                             string
	place                            string // the head of the function, as a plan names it
}

var shopTicketForm = regexp.MustCompile(`^(BUG|FEAT|TASK) (\w+\.go) (\w+)
title: (.+)
context: (.+)
criterion: (.+)
what: (.+)
test: (\w+) \| (.+)
risk: (.+)$`)

// shopTickets reads the forty tickets. Their ids are their places in the file.
func shopTickets(t *testing.T) []shopTicket {
	t.Helper()
	data, err := os.ReadFile("testdata/shop/tickets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var tickets []shopTicket
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		m := shopTicketForm.FindStringSubmatch(block)
		if m == nil {
			t.Fatalf("not a ticket:\n%s", block)
		}
		s := shopTicket{
			id: fmt.Sprintf("%s-%03d", m[1], len(tickets)+1), kind: m[1], file: m[2], symbol: m[3],
			title: m[4], context: m[5], criterion: m[6], what: m[7], testName: m[8], checks: m[9], risk: m[10],
		}
		s.testFile = strings.TrimSuffix(s.file, ".go") + "_test.go"
		tickets = append(tickets, s)
	}
	return tickets
}

func (s shopTicket) markdown() string {
	return fmt.Sprintf("---\nid: %s\ncomplexity: low\n---\n# %s: %s\n\n## Context\n\n%s\n\n## Affected Files\n\n"+
		"| File | Action |\n|---|---|\n| %s | modify |\n\n## Acceptance Criteria\n\n- [ ] AC-1: %s\n",
		s.id, s.id, s.title, s.context, s.file, s.criterion)
}

// plan is what a strong model answers about a ticket.
func (s shopTicket) plan(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"files":    map[string]any{s.file: map[string]any{"action": "modify", "where": s.place, "what": s.what, "approach": ""}},
		"criteria": map[string]any{"AC-1": map[string]any{"file": s.testFile, "name": s.testName, "checks": s.checks}},
		"verify":   []string{"make test"}, "risk": s.risk,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// notOfShop are the files of testdata/shop that a project does not get: what
// judges its tickets.
var notOfShop = map[string]bool{"tickets.txt": true, "acceptance_test.go": true}

// shop makes the project: its files, and the forty tickets in backlog.
func shop(t *testing.T, root string) []shopTicket {
	t.Helper()
	entries, err := os.ReadDir("testdata/shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !notOfShop[e.Name()] {
			write(t, filepath.Join(root, e.Name()), readFile(t, filepath.Join("testdata/shop", e.Name())))
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "backlog"), 0o700); err != nil {
		t.Fatal(err)
	}
	tickets, places := shopTickets(t), shopPlaces(t)
	for i := range tickets {
		tickets[i].place = places[tickets[i].file+" "+tickets[i].symbol]
		write(t, filepath.Join(root, "backlog", tickets[i].id+".md"), tickets[i].markdown())
	}
	return tickets
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// shopPlaces parses the shop and returns the head of each function by file and
// name: "func (c *Cart) Total".
func shopPlaces(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/shop/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no shop: %v", err)
	}
	places := map[string]string{}
	for _, name := range files {
		text, set := readFile(t, name), token.NewFileSet()
		f, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				head := text[set.Position(fn.Pos()).Offset:set.Position(fn.Name.End()).Offset]
				places[filepath.Base(name)+" "+fn.Name.Name] = head
			}
		}
	}
	return places
}

// The forty tickets are whole and about functions that are there, and the plans of
// the strong model name new tests.
func TestShop_TicketsAreAboutItsCode(t *testing.T) {
	tickets, places := shopTickets(t), shopPlaces(t)
	if len(tickets) != 40 {
		t.Errorf("%d tickets, want 40", len(tickets))
	}
	about, tests := map[string]bool{}, map[string]bool{}
	for _, s := range tickets {
		key := s.file + " " + s.symbol
		switch {
		case places[key] == "":
			t.Errorf("%s: no function %s in %s", s.id, s.symbol, s.file)
		case about[key] || tests[s.testName]:
			t.Errorf("%s: a second ticket about %s, or a second test %s", s.id, key, s.testName)
		case !strings.Contains(s.context, "`"+s.symbol+"`"):
			t.Errorf("%s: its context does not name `%s`", s.id, s.symbol)
		case places[s.testFile+" "+s.testName] != "":
			t.Errorf("%s: %s is there already", s.id, s.testName)
		}
		about[key], tests[s.testName] = true, true
		if _, err := os.Stat(filepath.Join("testdata/shop", s.testFile)); err != nil {
			t.Errorf("%s: its file has no tests: %v", s.id, err)
		}
	}
}

// Each ticket's defect is in the code: its acceptance test fails, and the shop's own
// tests pass.
func TestShop_DefectsAreThere(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "acceptance", "-json", ".")
	cmd.Dir = "testdata/shop"
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, _ := cmd.Output() // the status says that tests fail
	ended := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, action := gjson.Get(line, "Test").Str, gjson.Get(line, "Action").Str; name != "" && (action == "pass" || action == "fail") {
			ended[name] = action
		}
	}
	for _, s := range shopTickets(t) {
		name := "Test" + strings.ReplaceAll(s.id, "-", "")
		if ended[name] != "fail" {
			t.Errorf("%s: got %q, want fail", name, ended[name])
		}
		delete(ended, name)
	}
	for name, action := range ended {
		if action != "pass" {
			t.Errorf("%s fails", name)
		}
	}
	if len(ended) == 0 {
		t.Errorf("no tests of the shop's own ran:\n%s", out)
	}
}
