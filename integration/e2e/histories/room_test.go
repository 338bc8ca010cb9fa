// Package histories takes the program through what went wrong for its users once,
// each as a sequence of calls of a client, and through kills between outcomes.
package histories

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// goodPlan is a local model's acceptable plan for any ticket here.
const goodPlan = `{"files":{"main.go":{"action":"modify","where":"main","what":"Add a flag -name and print Hello with its value",` +
	`"approach":"flag.String, flag.Parse, then fmt.Printf"}},` +
	`"criteria":{"AC-1":{"file":"main_test.go","name":"TestGreeting","checks":"run with -name Ann it prints Hello, Ann"}},` +
	`"risk":"none"}`

// room is a project with a server of its own and that server's client.
type room struct {
	t       *testing.T
	project string
	env     []string
	child   *mcpchild.Child
	ollama  *fakeserver.Server // nil = none runs
}

// noOllama is an address at which nobody answers.
const noOllama = "http://127.0.0.1:9"

func newRoom(t *testing.T, withOllama bool, vars ...string) *room {
	t.Helper()
	r := &room{t: t, project: t.TempDir()}
	host := noOllama
	if withOllama {
		r.ollama = fakeserver.New(t, fakeserver.Says(http.StatusOK, fakeserver.Chunk(goodPlan)+fakeserver.End("stop", 700, 90)))
		host = r.ollama.URL
	}
	r.write("main.go", "package main\n\nfunc main() {}\n")
	r.env = binary.Env(t, append([]string{
		"CLAUDE_PROJECT_DIR=" + r.project, "OLLAMA_HOST=" + host, "LOCALMODEL_MODEL=" + fakeserver.Model, "LOCALMODEL_NUM_CTX=4096",
		"LITELLM_BASE_URL=" + noOllama, "LOCALMODEL_FALLBACK=", "LOCALMODEL_DEADLINE=4m", "LOCALMODEL_FIRST_TOKEN_TIMEOUT=3m",
	}, vars...)...)
	r.start()
	t.Cleanup(func() {
		if err := r.child.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *room) start() {
	r.t.Helper()
	cmd := exec.Command(binary.Path(r.t), "serve") //nolint:gosec,noctx // the program under test; ended by Close
	cmd.Dir, cmd.Env = r.project, r.env
	child, err := mcpchild.Open(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	r.child = child
}

func (r *room) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.project, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// ticket writes a ticket that the rules let through, but for what front says.
func (r *room) ticket(id, front string) (path string) {
	r.t.Helper()
	r.write(id+".md", fmt.Sprintf("---\nid: %s\ncomplexity: simple\n%s---\n# Greet the user\n\n"+
		"## Affected Files\n| File | Action | Description |\n|---|---|---|\n| `main.go` | modify | greet |\n\n"+
		"## Acceptance Criteria\n- [ ] AC-1: the greeting names the user\n", id, front))
	return id + ".md"
}

func (r *room) call(tool, arguments string) gjson.Result {
	r.t.Helper()
	got, err := r.child.Tool(tool, arguments)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func (r *room) classify(path string) gjson.Result {
	r.t.Helper()
	return r.call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q]}`, path)).Get("tickets.0")
}

func (r *room) plan(path string) gjson.Result {
	r.t.Helper()
	return r.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, path))
}

// record records the n-th outcome of a gate; more is what else the call says.
func (r *room) record(id, gate, outcome string, n int, more string) gjson.Result {
	r.t.Helper()
	return r.call("record_gate_outcome", outcomeArguments(id, gate, outcome, n, more))
}

func outcomeArguments(id, gate, outcome string, n int, more string) string {
	return fmt.Sprintf(`{"ticket_id":%q,"gate":%q,"outcome":%q,"event_id":"%s:%s:%d"%s}`, id, gate, outcome, id, gate, n, more)
}

// pass passes gates, each for the first time, and returns the last reply.
func (r *room) pass(id string, gates ...string) (last gjson.Result) {
	r.t.Helper()
	for _, gate := range gates {
		last = r.record(id, gate, "pass", 1, "")
	}
	return last
}

// counts are the figures in a reply.
func counts(reply gjson.Result) string {
	stats := reply.Get("stats")
	return fmt.Sprintf("%d attempts, %d stayed local, %d escalated",
		stats.Get("totalAttempts").Int(), stats.Get("successCount").Int(), stats.Get("escalatedToCloud").Int())
}
