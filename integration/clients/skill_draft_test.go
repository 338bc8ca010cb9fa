package clients

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// A package that counts refunds as income, the ticket, and the local model's plan.
const (
	cart = "package cart\n\n// Total adds up amounts.\nfunc Total(items []int) int {\n\tsum := 0\n\tfor _, i := range items {\n" +
		"\t\tsum += i\n\t}\n\treturn sum\n}\n"
	cartOld, cartNew = "\t\tsum += i", "\t\tif i > 0 {\n\t\t\tsum += i\n\t\t}"
	cartTest         = "package cart\n\nimport \"testing\"\n\nfunc TestTotal_Negative(t *testing.T) {\n\tif got := Total([]int{2, -3}); got != 2 {\n" +
		"\t\tt.Errorf(\"got %d, want 2\", got)\n\t}\n}\n"
	cartTicket = "---\nid: BUG-7\ntype: bug\ncomplexity: simple\n---\n# Negative amounts\n\nTotal must not count negative amounts.\n\n" +
		"## Affected Files\n| File | Action | Description |\n|---|---|---|\n| `cart.go` | modify | change it |\n\n" +
		"## Acceptance Criteria\n- [ ] AC-1: negative amounts count as nothing\n"
	cartPlan = `{"files":{"cart.go":{"action":"modify","where":"Total","what":"wrap the accumulator in a guard clause so refunds below zero leave the running sum unchanged","approach":"compare each loop variable with zero before the addition"}},` +
		`"criteria":{"AC-1":{"file":"cart_test.go","name":"TestTotal_Negative","checks":"Total([]int{2, -3}) returns 2 because the loop skips -3"}},"verify":["go test ./..."],"risk":"callers that rely on negative sums"}`
	cartChecks = `{"qualityGates":{"testCommand":"gofmt -e cart.go cart_test.go && grep -q 'i > 0' cart.go"}}`
)

// cartModel is a strong local model: its plan is accepted, and what it writes is
// right.
func cartModel(t *testing.T) *fakeserver.Server {
	t.Helper()
	var server *fakeserver.Server
	ready := make(chan struct{})
	server = fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		<-ready
		sent := server.Requests(t)
		prompt := ""
		for _, m := range sent[len(sent)-1].Messages {
			prompt += m.Content
		}
		says := cartPlan
		switch {
		case !strings.Contains(prompt, "You write one file of a small change"):
		case strings.Contains(prompt, "The file to create now:"):
			says = "```go\n" + cartTest + "```"
		default:
			says = "```go\n" + strings.Replace(cart, cartOld, cartNew, 1) + "```"
		}
		fakeserver.Says(http.StatusOK, fakeserver.Chunk(says)+fakeserver.End("stop", 900, len(says)/4))(w, r)
	})
	close(ready)
	return server
}

// cartFlow takes the ticket from the plan to the commit as the skill says.
type cartFlow struct {
	follower
	draft   bool
	project string
}

func (f *cartFlow) follow(m *scriptedModel) {
	f.m = m
	m.Use("Skill", map[string]string{"skill": "localmodel:local-first"})
	m.Use("check_local_health", map[string]any{})
	t := followed{follower: &f.follower, id: "BUG-7", row: f.classify("BUG-7.md")[0]}
	arguments := map[string]any{"ticket_path": "BUG-7.md"}
	if f.draft {
		arguments["draft"] = true
	}
	plan := f.use("plan_ticket", arguments)
	for range 20 {
		if plan.Get("state").Str != "writing" && plan.Get("draft.state").Str != "writing" {
			break
		}
		plan = f.use("plan_ticket", arguments)
	}
	t.record(policy.Plan, true, "")
	use := ""
	if patch := plan.Get("draft.patch_file").Str; f.draft && patch != "" {
		f.shell("git apply --check '" + patch + "' && git apply '" + patch + "'")
		f.shell("go test ./...")
		use = "applied"
	} else {
		f.start("Implement BUG-7", "", "Implement this plan:\n"+plan.Get("plan").Str)
	}
	t.recordDraft(use)
	f.shell("gofmt -l . && go vet ./... && git add -A")
	t.record(policy.Lint, true, "")
	if said := f.start("Review BUG-7", "haiku", "Review BUG-7: git diff --cached."); said != "APPROVED" {
		m.Fail("the review: %s", said)
	}
	t.record(policy.Review, true, "")
	f.shell("git -c user.name=t -c user.email=t@example.test commit -qm 'cart: leave refunds out'")
	f.ends["BUG-7"] = policy.Action(t.record(policy.Commit, true, "").Get("action").Str)
	m.End("BUG-7 is done and stayed local.")
}

// recordDraft records that the gate implement passed, and what became of a draft.
func (t *followed) recordDraft(use string) {
	arguments := map[string]any{"ticket_id": t.id, "gate": policy.Implement, "outcome": policy.Pass, "event_id": t.next}
	if use != "" {
		arguments["draft"] = use
	}
	r := t.use("record_gate_outcome", arguments)
	t.next, t.stats = r.Get("next_event_id").Str, r.Get("stats")
}

func (f *cartFlow) shell(line string) {
	if r := f.m.Use("Bash", map[string]any{"command": line, "description": "Run it"}); r.IsError {
		f.m.Fail("%s: %s", line, r.Text)
	}
}

// subAgent is a sub-agent with its tools: the implementer reads the file, changes
// it, writes the test and runs it; the reviewer reads the difference.
func (f *cartFlow) subAgent(a modelRequest) modelTurn {
	call := func(tool string, arguments map[string]any) modelTurn {
		raw, _ := json.Marshal(arguments) // strings always marshal
		return modelTurn{Calls: []toolCall{{Name: tool, Arguments: raw}}}
	}
	steps := []modelTurn{{Text: "Greetings"}}
	asked := func(begin string) bool {
		return slices.ContainsFunc(a.Texts, func(text string) bool { return strings.HasPrefix(text, begin) })
	}
	file, test := filepath.Join(f.project, "cart.go"), filepath.Join(f.project, "cart_test.go")
	switch {
	case len(a.Tools) == 0:
	case asked("Implement this plan:"):
		steps = []modelTurn{
			call("Read", map[string]any{"file_path": file}),
			call("Edit", map[string]any{"file_path": file, "old_string": cartOld, "new_string": cartNew}),
			call("Write", map[string]any{"file_path": test, "content": cartTest}),
			call("Bash", map[string]any{"command": "go test ./...", "description": "Run the tests"}),
			{Text: "Implemented; tests pass."},
		}
	case asked("Review BUG-7"):
		steps = []modelTurn{
			call("Bash", map[string]any{"command": "git diff --cached", "description": "Show the change"}),
			{Text: "APPROVED"},
		}
	}
	return steps[min(a.Turns, len(steps)-1)]
}

// cartProject is a repository with the ticket, whose commands the user trusts.
func cartProject(t *testing.T, env []string, project string) {
	t.Helper()
	for name, text := range map[string]string{
		"go.mod": "module example.test/cart\n\ngo 1.21\n", "cart.go": cart, "BUG-7.md": cartTicket, "backlog.config.json": cartChecks,
	} {
		write(t, filepath.Join(project, name), text)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "start"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = project, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	vars := map[string]string{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	s := settings.Load(t.Context(), func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	if _, err := settings.Trust(t.Context(), s.Dirs.State, project, s.Project.Commands); err != nil {
		t.Fatal(err)
	}
}

// The skill with a draft and without, followed by a real Claude Code from the
// plan to the commit: with the draft the cloud's models read and write less.
func TestSkill_Draft(t *testing.T) {
	claude := parts.Need(t, parts.ClaudeCode)
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	spent := map[bool]stubUsage{}
	for _, draft := range []bool{false, true} {
		project, home := t.TempDir(), t.TempDir()
		f := &cartFlow{draft: draft, project: project, follower: follower{ends: map[string]policy.Action{}}}
		f.stub = newModelStub(t, f.follow, f.subAgent)
		vars := append(claudeEnv(f.stub.URL), "LOCALMODEL_BIN="+binary.Path(t), "OLLAMA_HOST="+cartModel(t).URL,
			"LOCALMODEL_MODEL="+fakeserver.Model, "LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_CLOUD=never")
		if cache, err := os.UserCacheDir(); err == nil { // else each go test builds Go's library anew
			vars = append(vars, "GOCACHE="+filepath.Join(cache, "go-build"))
		}
		cartProject(t, append(binary.Environ(home, "CLAUDE_PROJECT_DIR="+project), vars...), project)
		r := &rig{project: project, home: home, row: &row{}}
		out := r.run(t, vars, claude, "-p", marker+" Implement the ticket BUG-7, local first.",
			"--plugin-dir", filepath.Join(root, "integration", "claude-plugin"),
			"--allowedTools", "Skill,Agent,Bash,Read,Edit,Write", "--model", "scripted", "--output-format", "json")
		log := strings.NewReplacer(project, "PROJECT", home, "HOME").Replace(f.stub.Log())
		t.Log("\n" + log)
		if err := f.stub.Fault(); err != nil || !f.stub.Ended() || f.ends["BUG-7"] != policy.Complete {
			t.Fatalf("draft %t: it ended as %v, fault %v\n%.2000s", draft, f.ends, err, out)
		}
		if got := f.stats.Get("successCount").Int(); got != 1 {
			t.Errorf("draft %t: %d tickets stayed local", draft, got)
		}
		for name, want := range map[string]string{"cart.go": strings.Replace(cart, cartOld, cartNew, 1), "cart_test.go": cartTest} {
			if got, err := os.ReadFile(filepath.Join(project, name)); err != nil || string(got) != want {
				t.Errorf("draft %t: %s is %q, %v", draft, name, got, err)
			}
		}
		spent[draft] = f.stub.Usage()
		t.Logf("measured: draft %t: %s", draft, spent[draft])
		if draft {
			holdTranscript(t, "skill-draft.txt", patchName.ReplaceAllString(log, "PATCH"))
		}
	}
	if with, without := spent[true], spent[false]; with.Read >= without.Read || with.Written >= without.Written {
		t.Errorf("the cloud used %s with a draft and %s without: nothing was saved", with, without)
	}
}

// patchName is the path of a draft's patch, which has a random part.
var patchName = regexp.MustCompile(`HOME/[^"'\\ ]*\.patch`)
