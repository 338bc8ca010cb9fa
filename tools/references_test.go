package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/tools/references"
)

// quiet is a model that says low to everything.
func quiet() *scriptedModel {
	return &scriptedModel{sure: .9, says: func(string) (string, string) { return "TASK", "low" }}
}

// project writes files, given as path and text in turn, into a new root.
func writeProject(t *testing.T, files ...string) *Deps {
	t.Helper()
	d := decider(t, quiet())
	for i := 0; i+1 < len(files); i += 2 {
		full := filepath.Join(d.Root, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// rowsOf gives each row as "id local", or "id error".
func rowsOf(r *classifyResult) []string {
	var out []string
	for _, row := range r.Tickets {
		switch {
		case row.Error != "":
			out = append(out, row.ID+" error")
		default:
			out = append(out, fmt.Sprintf("%s %t", row.ID, *row.Local))
		}
	}
	return out
}

const (
	specTasks = "# Tasks: Alerts\n\n## Phase 1: Setup\n- [x] T001 Create a.go\n- [ ] T002 [P] Lint b.go\n\n## Phase 2: Story\n- [ ] T003 [P] [US1] Test c.go\n- [ ] T004 [US1] Write d.go (depends on T003)\n"
	todoList  = "# TODO\n- [ ] Sweep the pier\n- [x] Paint the boat\n- [ ] Count berths\n"
)

func TestClassify_References(t *testing.T) {
	d := writeProject(t,
		"specs/001-alerts/tasks.md", specTasks,
		"specs/001-alerts/spec.md",
		"# Feature Specification: Alerts\n\n## Success Criteria\n- **SC-001**: fast\n",
		"TODO.md", todoList,
		"backlog/tasks/task-1 - One.md", fm("id: task-1", "title: One", "status: To Do", "labels: []",
			"dependencies: []", "created_date: x"),
		"backlog/tasks/task-2 - Two.md", fm("id: task-2", "title: Two", "status: To Do",
			"labels: [area/security]", "dependencies: [TASK-1]", "created_date: x"),
		"backlog/tasks/task-3 - Three.md", fm("id: task-3", "title: Three", "status: To Do",
			"dependencies: [back-1]", "created_date: x"),
		"backlog/completed/task-0 - Zero.md", fm("id: task-0", "title: Zero", "status: Done",
			"created_date: x"),
		"backlog/drafts/draft-1 - Later.md", fm("id: draft-1", "title: Later", "status: Draft",
			"created_date: x"),
		"backlog/tasks/readme.md", "# How we write tasks\n",
		"backlog/docs/notes.md", "# Notes\n",
	)
	for _, c := range []struct {
		name  string
		paths []string
		wave  []string
		want  []string
		said  string // part of the summary or a warning
	}{
		{"tasks of a file, by phase", []string{"specs/001-alerts/tasks.md"}, nil,
			[]string{"001-alerts/T002 true", "001-alerts/T003 false", "001-alerts/T004 false"},
			"left out: 1 done"},
		{"one task", []string{"specs/001-alerts/tasks.md#T003"}, nil, []string{"001-alerts/T003 true"}, ""},
		{"one task in lower case", []string{"specs/001-alerts/tasks.md#t003"}, nil,
			[]string{"001-alerts/T003 true"}, ""},
		{"one task and a wave", []string{"specs/001-alerts/tasks.md#T004"}, []string{"T003",
			"001-alerts/T004"}, []string{"001-alerts/T004 false"}, ""},
		{"a done task of the wave holds nobody", []string{"specs/001-alerts/tasks.md#T002"},
			[]string{"001-alerts/T001", "001-alerts/T002"}, []string{"001-alerts/T002 true"}, ""},
		{"no such task", []string{"TODO.md#zzz"}, nil, []string{"TODO error"}, ""},
		{"a list without ids", []string{"TODO.md"}, nil, []string{"TODO/sweep-the-pier true",
			"TODO/count-berths true"}, "1 done"},
		{"a specification", []string{"specs/001-alerts/spec.md"}, nil, []string{"001-alerts false"},
			"1 classified: 1 by rules"},
		{"a folder", []string{"backlog"}, nil, []string{"task-1 true", "task-2 false", "task-3 false"},
			"left out: 1 done, 1 draft"},
		{"a renamed prefix is said", []string{"backlog"}, nil, []string{"task-1 true", "task-2 false",
			"task-3 false"}, "back-1 is taken for task-1"},
		{"a folder with a slash", []string{"backlog/tasks/"}, nil, []string{"task-1 true", "task-2 false",
			"task-3 false"}, ""},
		{"a glob", []string{"backlog/**/task-[12]*.md"}, nil, []string{"task-1 true", "task-2 false"}, ""},
		{"a glob without a match", []string{"nowhere/*.md"}, nil, []string{" error"}, ""},
		{"too many stars", []string{"**/**/**/**/x.md"}, nil, []string{" error"}, ""},
		{"the same ticket twice", []string{"TODO.md#count-berths", "TODO.md#count-berths"}, nil,
			[]string{"TODO/count-berths true"}, "named more than once in this call, one row each: TODO/count-berths"},
		{"a ticket and its folder", []string{"backlog/tasks/task-1 - One.md", "./backlog"}, nil, []string{"task-1 true", "task-2 false",
			"task-3 false"}, "one row each: task-1"},
		{"no path", []string{" "}, nil, []string{"path error"}, "1 unreadable"},
		{"a name that is all extension", []string{".env"}, nil, []string{".env error"}, ""},
		{"a done ticket by name", []string{"backlog/completed/task-0 - Zero.md"}, nil,
			[]string{"task-0 true"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := classifyText(t, d, classifyInput{TicketPaths: c.paths, Wave: c.wave})
			got := rowsOf(r)
			for i := range got {
				if strings.HasSuffix(got[i], " error") && i < len(c.want) && c.want[i] == " error" {
					got[i] = " error"
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if text := r.Summary + strings.Join(r.Warnings, " "); !strings.Contains(text, c.said) {
				t.Errorf("%q does not say %q", text, c.said)
			}
		})
	}
}

func TestClassify_MoreThanTheRowsAllowed(t *testing.T) {
	var b strings.Builder
	for i := range references.MaxTickets + 5 {
		fmt.Fprintf(&b, "- [ ] task number %d\n", i)
	}
	d := writeProject(t, "TODO.md", b.String())
	_, err := classifyTicket(t.Context(), d, classifyInput{TicketPaths: []string{"TODO.md"}}, Call{})
	if err == nil || !strings.Contains(err.Error(), "205 tickets in one call, the limit is 200") {
		t.Error(err)
	}
}

func TestClassify_SameIDsAreToldApart(t *testing.T) {
	d := writeProject(t, "a/FEAT-1.md", fm("id: FEAT-1", "complexity: low"), "b/FEAT-1.md", fm("id: feat-1",
		"complexity: high"))
	r := classifyText(t, d, classifyInput{TicketPaths: []string{"a/FEAT-1.md", "b/FEAT-1.md"}})
	if got := rowsOf(r); !slices.Equal(got, []string{"FEAT-1 true", "b/feat-1 false"}) {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(strings.Join(r.Warnings, " "), "b/FEAT-1.md") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestClassify_PatternsAndFoldersCountAsTheirFiles(t *testing.T) {
	d := writeProject(t, "many/a.go", "", "many/b.go", "", "many/c.go", "", "many/d.go", "", "few/a.go", "",
		"few/deep/b.go", "",
		"1.md", fm("id: FEAT-1", "complexity: low", "affected_files: [\"many/**\"]"),
		"2.md", fm("id: FEAT-2", "complexity: low", "affected_files: [\"few/**\"]"),
		"3.md", fm("id: FEAT-3", "complexity: low", "affected_files: [many/]"),
		"4.md", fm("id: FEAT-4", "complexity: low", "affected_files: [few]"),
		"5.md", fm("id: FEAT-5", "complexity: low", "affected_files: [\"nowhere/**\"]"),
		"6.md", fm("id: FEAT-6", "complexity: low", "affected_files: [\"many/[ab].go\"]"),
		"7.md", fm("id: FEAT-7", "complexity: low", "affected_files: [new/folder]"))
	var paths []string
	for i := range 7 {
		paths = append(paths, fmt.Sprintf("%d.md", i+1))
	}
	want := []string{"FEAT-1 false", "FEAT-2 true", "FEAT-3 false", "FEAT-4 true", "FEAT-5 false",
		"FEAT-6 true", "FEAT-7 true"}
	if got := rowsOf(classifyText(t, d, classifyInput{TicketPaths: paths})); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlan_ReadsTheTicketsOwnWorkingTree(t *testing.T) {
	d := writeProject(t, "a.go", "package main // the root's\n",
		"trees/x/.git", "gitdir: elsewhere\n", "trees/x/a.go", "package main // the worktree's\n",
		"trees/x/backlog/FEAT-1.md", fm("id: FEAT-1", "complexity: low",
			"affected_files: [a.go]")+"# Change it\n")
	seen := planPrompt(t, d, planInput{TicketPath: "trees/x/backlog/FEAT-1.md"})
	if !strings.Contains(seen, "the worktree's") || strings.Contains(seen, "the root's") {
		t.Errorf("the model saw\n%s", seen)
	}
}

func TestPlan_ShowsSpecificationAndDesign(t *testing.T) {
	d := writeProject(t, "specs/001-alerts/tasks.md", specTasks,
		"specs/001-alerts/spec.md", "# Feature Specification: Alerts\n\nOne alert per tide.\n",
		"specs/001-alerts/plan.md", "# Implementation Plan: Alerts\n\nA worker with a queue.\n")
	seen := planPrompt(t, d, planInput{TicketPath: "specs/001-alerts/tasks.md#T002"})
	for _, want := range []string{"One alert per tide.", "A worker with a queue.", "T002 [P] Lint b.go"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the model did not see %q:\n%s", want, seen)
		}
	}
	if outside := outsideFences(t, seen); strings.Contains(outside, "One alert") {
		t.Errorf("the specification is outside the fence:\n%s", outside)
	}
}

// What a refusal of several tickets names is accepted unchanged.
func TestPlan_AFileOfSeveralNamesThem(t *testing.T) {
	for path, want := range map[string]string{
		"specs/001-alerts/tasks.md": "specs/001-alerts/tasks.md#T002",
		"specs":                     "specs/001-alerts/tasks.md#T002",
		"backlog":                   "backlog/PAY-2.md",
	} {
		d := writeProject(t, "specs/001-alerts/tasks.md", specTasks, "backlog/PAY-1.md", "# PAY-1: A\n",
			"backlog/PAY-2.md", "# PAY-2: B\n")
		_, fault := readOne(t.Context(), d, planInput{TicketPath: path})
		if fault == nil || !strings.Contains(fault.Next, want) {
			t.Errorf("%s: got %v, want %q in it", path, fault, want)
		}
		if _, fault := readOne(t.Context(), d, planInput{TicketPath: want}); fault != nil {
			t.Errorf("%s: %v", want, fault)
		}
	}
	d := writeProject(t, "a.md", "")
	const two = "# S\n\n## PAY-1: A\n- Type: bug\n\n## PAY-2: B\n- Type: bug\n"
	if _, fault := readOne(t.Context(), d, planInput{Ticket: two}); fault == nil ||
		!strings.Contains(fault.Next, "text of one of them: PAY-1, PAY-2") {
		t.Errorf("text of two: got %v", fault)
	}
}

// planPrompt is what the model is asked for a plan.
func planPrompt(t *testing.T, d *Deps, in planInput) string {
	t.Helper()
	asked := ""
	m := &scriptedModel{down: refusedLocally}
	m.hear = func(req routing.Request) {
		if req.Purpose == "plan" {
			asked = req.User
		}
	}
	d.Asker = m
	if _, err := planTicket(t.Context(), d, in, Call{}); err != nil {
		t.Fatal(err)
	}
	return asked
}

// What is beside a ticket leaves this machine without its secrets, too.
func TestPlan_MasksTheSpecification(t *testing.T) {
	a := newRemoteAfterLocal()
	b := newBench(t, &a.script)
	b.write("specs/001-alerts/tasks.md", specTasks)
	b.write("specs/001-alerts/spec.md", "# Feature Specification: Alerts\n\nOne alert per tide.\npassword = \"hunter2hunter2\"\n"+privateKey)
	r := b.run("plan_ticket", args{"route": "cloud", "ticket_path": "specs/001-alerts/tasks.md#T002"})
	if !strings.Contains(a.there, "One alert per tide.") ||
		strings.Contains(a.there, "MIIEowIBAAKCAQEAvRz3yX0p") || strings.Contains(a.there, "hunter2") {
		t.Errorf("another machine is sent\n%s", a.there)
	}
	if !strings.Contains(r.Get("warnings").Raw, "specs/001-alerts/spec.md") {
		t.Errorf("nothing is said of the secret: %s", r.Get("warnings").Raw)
	}
}

// An id that is given out again after the first ticket was completed is another ticket.
func TestClassify_AnIDGivenOutAgain(t *testing.T) {
	d := writeProject(t, "a/FEAT-1.md", fm("id: FEAT-1", "complexity: low"))
	if got := rowsOf(classifyText(t, d,
		classifyInput{TicketPaths: []string{"a/FEAT-1.md"}})); !slices.Equal(got, []string{"FEAT-1 true"}) {
		t.Fatalf("got %q", got)
	}
	b := &bench{t: t, Deps: d}
	b.run("record_gate_outcome", args{"ticket_id": "FEAT-1", "gate": "commit", "outcome": "pass"})
	if err := os.Rename(filepath.Join(d.Root, "a"), filepath.Join(d.Root, "moved")); err != nil {
		t.Fatal(err)
	}
	r := classifyText(t, d, classifyInput{TicketPaths: []string{"moved/FEAT-1.md"}})
	if got := rowsOf(r); !slices.Equal(got, []string{"FEAT-1 true"}) {
		t.Errorf("a file that was moved: %q", got)
	}
	b.write("b/FEAT-1.md", fm("id: FEAT-1", "complexity: medium", "title: another"))
	r = classifyText(t, d, classifyInput{TicketPaths: []string{"b/FEAT-1.md"}})
	if got := rowsOf(r); !slices.Equal(got, []string{"b/FEAT-1 true"}) || len(r.Warnings) == 0 {
		t.Errorf("another ticket: %q, warnings %q", got, r.Warnings)
	}
}
