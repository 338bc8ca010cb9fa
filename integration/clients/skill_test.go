package clients

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// The plan that the local model writes for any ticket of the project.
const localPlan = `{"files":{"main.go":{"action":"modify","where":"main","what":"Add a flag -name and print Hello with its value",` +
	`"approach":"flag.String, flag.Parse, then fmt.Printf"}},` +
	`"criteria":{"AC-1":{"file":"main_test.go","name":"TestGreeting","checks":"run with -name Ann it prints Hello, Ann"}},"risk":"none"}`

// check simulates the project's commands: the first runs of a gate fail as often
// as the file GATE-TICKET has lines.
const check = `#!/bin/sh
left="fail-$1-$2"
if [ -s "$left" ]; then
  sed -i 1d "$left"
  echo "main.go:3:6: func main is unused ($1 of $2)"
  exit 1
fi
echo "$1 of $2: ok"
`

// The skill, followed by a real Claude Code: of three tickets one is done by the
// local model's plan, one escalates at lint, and a hard one is stopped at review.
func TestSkill_ClaudeCode(t *testing.T) {
	claude := parts.Need(t, parts.ClaudeCode)
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	project, home := t.TempDir(), t.TempDir()
	for i, head := range []string{"complexity: simple", "complexity: simple", "complexity: complex"} {
		write(t, filepath.Join(project, fmt.Sprintf("FEAT-%d.md", i+1)), fmt.Sprintf("---\nid: FEAT-%d\n%s\n---\n# Greet the user %d\n\n"+
			"## Affected Files\n| File | Action | Description |\n|---|---|---|\n| `main.go` | modify | greet |\n\n"+
			"## Acceptance Criteria\n- [ ] AC-1: the greeting names the user\n", i+1, head, i+1))
	}
	write(t, filepath.Join(project, "main.go"), "package main\n\nfunc main() {}\n")
	write(t, filepath.Join(project, "check.sh"), check)
	write(t, filepath.Join(project, "fail-lint-FEAT-2"), "1\n2\n")
	ollama := fakeserver.New(t, fakeserver.Says(http.StatusOK, fakeserver.Chunk(localPlan)+fakeserver.End("stop", 700, 90)))
	f := &follower{ends: map[string]policy.Action{}}
	f.stub = newModelStub(t, f.follow, f.subAgent)
	r := &rig{project: project, home: home, row: &row{}}
	out := r.run(t, append(claudeEnv(f.stub.URL), "LOCALMODEL_BIN="+binary.Path(t), "OLLAMA_HOST="+ollama.URL,
		"LOCALMODEL_MODEL="+fakeserver.Model, "LOCALMODEL_NUM_CTX=4096", "LOCALMODEL_FALLBACK="),
		claude, "-p", marker+" Implement the tickets FEAT-1 to FEAT-3, local first.",
		"--plugin-dir", filepath.Join(root, "integration", "claude-plugin"),
		"--allowedTools", "Skill,Agent,Bash", "--model", "scripted", "--output-format", "json")
	t.Log("\n" + f.stub.Log())
	f.check(t)
	if _, result, _ := strings.Cut(out, `{"`); gjson.Get(`{"`+result, "permission_denials.0").Exists() {
		t.Errorf("Claude Code denied %s", gjson.Get(`{"`+result, "permission_denials").Raw)
	}
	if !t.Failed() {
		holdTranscript(t, "skill.txt", f.stub.Log())
	}
}

// runs are what differs from run to run in the transcript.
var runs = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`DATA-[0-9A-F]{10}`), "DATA-N"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`"ms":\d+`), `"ms":N`},
	{regexp.MustCompile(`(?m)^< ok\s+(\S+)\s+(\(cached\)|[\d.]+s)$`), "< ok $1 TIME"},
	{regexp.MustCompile(`(?s)\[Subagent hand-back\].*?The report follows:\n *(.*?)\nagentId:.*?</usage>`), "$1"},
	{regexp.MustCompile(`(?m)^(aside|not served): .*\n`), ""},
}

// holdTranscript compares what the model did and saw at each step with a file of
// testdata.
func holdTranscript(t *testing.T, name, got string) {
	t.Helper()
	transcript := filepath.Join("testdata", name)
	for _, r := range runs {
		got = r.form.ReplaceAllString(got, r.with)
	}
	if *update {
		write(t, transcript, got)
	}
	want, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", transcript, d)
	}
}

// follower is a model that does what the skill says.
type follower struct {
	stub   *modelStub
	m      *scriptedModel
	ends   map[string]policy.Action
	stats  gjson.Result
	agents []string // models of the sub-agents, in order
	left   []string // ids that an escalation had classified again
}

// subAgent answers for a sub-agent: the hard ticket's reviewer never approves.
func (f *follower) subAgent(a modelRequest) modelTurn {
	if len(a.Tools) == 0 {
		return modelTurn{Text: "Greetings"}
	}
	f.agents = append(f.agents, a.Model)
	for begin, answer := range map[string]string{
		"Review FEAT-1": "APPROVED", "Review FEAT-2": "APPROVED",
		"Review FEAT-3": "CHANGES: main.go:3: the name is not escaped.",
		"Plan FEAT-3":   "1. Modify main.go, main: print the name.",
		"Implement":     "Implemented; tests pass.",
		"# Hand-off":    "Finished; tests pass.",
	} {
		if slices.ContainsFunc(a.Texts, func(text string) bool { return strings.HasPrefix(text, begin) }) {
			return modelTurn{Text: answer}
		}
	}
	return modelTurn{Text: "I was asked nothing that I know."}
}

// follow is the skill's section "Each wave".
func (f *follower) follow(m *scriptedModel) {
	f.m = m
	m.Use("Skill", map[string]string{"skill": "localmodel:local-first"})
	if !strings.Contains(strings.Join(m.asked.Texts, "\n"), "# Local first") {
		m.Fail("the skill's text did not reach the model")
	}
	m.Use("check_local_health", map[string]any{})
	rows := f.classify("FEAT-1.md", "FEAT-2.md", "FEAT-3.md")
	for len(rows) > 0 {
		t := followed{follower: f, id: rows[0].Get("id").Str, row: rows[0]}
		t.work()
		rows = rows[1:]
		if t.escalated && len(rows) > 0 { // classify again after an escalation
			var paths []string
			for _, row := range rows {
				paths = append(paths, row.Get("id").Str+".md")
				f.left = append(f.left, row.Get("id").Str)
			}
			rows = f.classify(paths...)
		}
	}
	m.End("FEAT-1 done and stayed local; FEAT-2 done after an escalation at lint; FEAT-3 stopped at review.")
}

func (f *follower) classify(paths ...string) []gjson.Result {
	return f.use("classify_ticket", map[string]any{"ticket_paths": paths}).Get("tickets").Array()
}

func (f *follower) use(tool string, arguments any) gjson.Result {
	r := f.m.Use(tool, arguments)
	if r.IsError {
		f.m.Fail("%s: %s", tool, r.Text)
	}
	return gjson.Parse(r.Text)
}

// start starts a sub-agent and waits for its result.
func (f *follower) start(what, model, prompt string) string {
	arguments := map[string]any{"description": what, "prompt": prompt, "subagent_type": "general-purpose", "run_in_background": false}
	if model != "" {
		arguments["model"] = model
	}
	said := f.m.Use("Agent", arguments).Text
	_, said, framed := strings.Cut(said, "The report follows:\n")
	report, _, ended := strings.Cut(said, "\nagentId:")
	if !framed || !ended {
		f.m.Fail("no report of a sub-agent")
	}
	return strings.TrimSpace(report)
}

func (f *follower) check(t *testing.T) {
	t.Helper()
	if err := f.stub.Fault(); err != nil {
		t.Error(err)
	}
	if !f.stub.Ended() {
		t.Error("the script did not end")
	}
	want := map[string]policy.Action{"FEAT-1": policy.Complete, "FEAT-2": policy.Complete, "FEAT-3": policy.Stop}
	if fmt.Sprint(f.ends) != fmt.Sprint(want) {
		t.Errorf("the tickets ended as %v, want %v", f.ends, want)
	}
	if got := fmt.Sprint(f.left); got != "[FEAT-3]" {
		t.Errorf("classified again after an escalation: %s", got)
	}
	for field, want := range map[string]int64{"totalAttempts": 2, "successCount": 1, "escalatedToCloud": 1, "failuresByType.lint": 1} {
		if got := f.stats.Get(field).Int(); got != want {
			t.Errorf("%s is %d, want %d", field, got, want)
		}
	}
	t.Logf("sub-agents ran on %v", f.agents)
}

// followed is one ticket on its way through the gates.
type followed struct {
	*follower
	id        string
	row       gjson.Result
	plan      string
	next      string
	escalated bool
}

func (t *followed) work() {
	t.makePlan()
	gates := policy.Gates()
	for at, turns := 0, 0; turns < 30; turns++ {
		gate := gates[at]
		passed, evidence := t.run(gate)
		switch r := t.record(gate, passed, evidence); policy.Action(r.Get("action").Str) {
		case policy.Continue:
			at++
		case policy.Retry:
			if gate == policy.Plan {
				t.makePlan()
			} else {
				t.start("Fix "+t.id, "", "Implement the fix of "+t.id+": "+evidence)
			}
		case policy.Escalate:
			t.escalated = true
			t.m.Note("shows: %s", r.Get("message").Str)
			t.start("Finish "+t.id, r.Get("escalate_to").Str, r.Get("handoff").Str)
		case policy.Stop, policy.Complete:
			if message := r.Get("message").Str; message != "" {
				t.m.Note("shows: %s", message)
			}
			t.ends[t.id] = policy.Action(r.Get("action").Str)
			return
		default:
			t.m.Fail("unknown action: %s", r.Raw)
			return
		}
	}
	t.m.Fail("%s: a loop", t.id)
}

// makePlan is the skill's step 3.
func (t *followed) makePlan() {
	switch {
	case t.row.Get("local").Bool():
		r := t.use("plan_ticket", map[string]any{"ticket_path": t.id + ".md"})
		t.plan = r.Get("plan").Str
	case t.row.Get("complexity").Str == "high":
		t.plan = t.start("Plan "+t.id, "sonnet", "Plan "+t.id+".md")
	default:
		t.plan = t.start("Plan "+t.id, "haiku", "Plan "+t.id+".md")
	}
}

// run runs a gate as the skill's table says.
func (t *followed) run(gate policy.Gate) (passed bool, evidence string) {
	switch gate {
	case policy.Plan:
		return strings.Contains(t.plan, "main.go"), "main.go is missing"
	case policy.Implement:
		return strings.Contains(t.start("Implement "+t.id, "", "Implement this plan:\n"+t.plan), "tests pass"), "tests fail"
	case policy.Review:
		said := t.start("Review "+t.id, "haiku", "Review "+t.id+".")
		return strings.Contains(said, "APPROVED"), said
	default:
		r := t.m.Use("Bash", map[string]any{"command": "sh check.sh " + string(gate) + " " + t.id, "description": "Run " + string(gate)})
		return !r.IsError, r.Text
	}
}

func (t *followed) record(gate policy.Gate, passed bool, evidence string) gjson.Result {
	event := t.next
	if !strings.Contains(event, ":"+string(gate)+":") {
		event = fmt.Sprintf("%s:%s:1", t.id, gate)
	}
	arguments := map[string]any{"ticket_id": t.id, "gate": gate, "outcome": policy.Pass, "event_id": event}
	if !passed {
		arguments["outcome"], arguments["evidence"] = policy.Fail, evidence
	}
	if gate == policy.Review {
		arguments["quality_score"] = 90
	}
	r := t.use("record_gate_outcome", arguments)
	t.next, t.stats = r.Get("next_event_id").Str, r.Get("stats")
	return r
}
