// Package life follows tickets through the real program, a real client and a
// real Ollama: classified, planned, through the gates, escalated or done.
// `go test -v` prints the transcript.
package life

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }

// project is a directory with a program to change.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "main.go", "package main\n\nfunc main() {}\n")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ticket writes one that states no complexity: a model is asked.
func ticket(t *testing.T, dir, id, title string) string {
	t.Helper()
	write(t, dir, id+".md", fmt.Sprintf("---\nid: %s\naffected_files: [main.go]\n---\n# %s: %s\n\n## Acceptance Criteria\n- [ ] AC-1: It works\n", id, id, title))
	return id + ".md"
}

// window is one client with its server, as one Claude Code window is.
type window struct {
	t      *testing.T
	name   string
	client *client.Client
	server *exec.Cmd
	quiet  bool // leaves its calls out of the transcript
}

// open starts the program in a project. The limits are a loaded machine's.
func open(t *testing.T, name, dir string, vars ...string) *window {
	t.Helper()
	w := &window{t: t, name: name}
	env := binary.Env(t, append([]string{
		"CLAUDE_PROJECT_DIR=" + dir, "LOCALMODEL_MODEL=" + ollamatest.Steered, "LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_FALLBACK=",
		"LOCALMODEL_STATE=" + filepath.Join(dir, "state", "journal.db"), "LOCALMODEL_STATE_FILE=on",
	}, append(binary.Patient(), vars...)...)...)
	c, err := client.NewStdioMCPClientWithOptions(binary.Path(t), nil, nil,
		transport.WithCommandFunc(func(_ context.Context, command string, _ []string, args []string) (*exec.Cmd, error) {
			w.server = exec.Command(command, args...) //nolint:gosec,noctx // the program under test; ended by Close
			w.server.Env, w.server.Dir = env, dir
			return w.server, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	w.client = c
	t.Cleanup(w.close)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var hello mcp.InitializeRequest
	hello.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	hello.Params.ClientInfo = mcp.Implementation{Name: "life", Version: "1"}
	if _, err := c.Initialize(ctx, hello); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *window) close() {
	if w.client != nil {
		_ = w.client.Close() // a killed server's exit status is no news
		w.client = nil
	}
}

// kill ends the server as a crash would.
func (w *window) kill() {
	w.t.Helper()
	if err := w.server.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	w.close()
}

// call calls a tool, adds it to the transcript, and returns the result.
func (w *window) call(tool, arguments string) gjson.Result {
	w.t.Helper()
	var args map[string]any
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer stop()
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, args
	r, err := w.client.CallTool(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	text, ok := r.Content[0].(mcp.TextContent)
	if !ok {
		w.t.Fatalf("%T is no text", r.Content[0])
	}
	if !w.quiet && testing.Verbose() {
		w.t.Logf("%s> %s %s\n%s< %s", w.name, tool, arguments, w.name, text.Text)
	}
	if r.IsError {
		w.t.Fatalf("%s: %s", tool, text.Text)
	}
	return gjson.Parse(text.Text)
}

// gate records an outcome under the event id that the last reply handed out;
// "" = under none.
func (w *window) gate(id, gate, outcome, event, more string) gjson.Result {
	w.t.Helper()
	if event != "" {
		more = fmt.Sprintf(`,"event_id":%q`, event) + more
	}
	return w.call("record_gate_outcome", fmt.Sprintf(`{"ticket_id":%q,"gate":%q,"outcome":%q%s}`, id, gate, outcome, more))
}

// want compares parts of a result, path by path.
func want(t *testing.T, got gjson.Result, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := got.Get(pairs[i]).String(); v != pairs[i+1] {
			t.Errorf("%s is %q, want %q", pairs[i], v, pairs[i+1])
		}
	}
}

func wantContains(t *testing.T, got gjson.Result, path string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if v := got.Get(path).String(); !strings.Contains(v, p) {
			t.Errorf("%s does not say %q:\n%s", path, p, v)
		}
	}
}

func TestTicketsLives(t *testing.T) {
	t.Parallel()
	server := ollamatest.Shared(t)
	dir := project(t)
	w := open(t, "", dir, "OLLAMA_HOST="+server.URL)
	escalated(t, w, dir, server.URL)
	done(t, w, dir)
	shutOff(t, w, dir, server.URL)
}

// escalated: a ticket that fails lint twice, with a crash between.
func escalated(t *testing.T, w *window, dir, ollama string) {
	path := ticket(t, dir, "FEAT-1", "Add login button")
	got := w.call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q],"explain":true}`, path))
	want(t, got, "tickets.0.id", "FEAT-1", "tickets.0.category", "FEAT", "tickets.0.complexity", "medium", "tickets.0.local", "true",
		"tickets.0.why", "eligible", "tickets.0.by", "local", "tickets.0.guard", "guard closed: no history yet", "tickets.0.rules.#", "6")
	got = w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, path))
	want(t, got, "by", "local", "coverage.files", "1", "coverage.criteria", "1", "answer.model", ollamatest.Steered)
	wantContains(t, got, "next", "record_gate_outcome", "FEAT-1:plan:1")

	got = w.gate("FEAT-1", "plan", "pass", "FEAT-1:plan:1", "")
	want(t, got, "action", "continue", "next_event_id", "FEAT-1:implement:1")
	got = w.gate("FEAT-1", "implement", "pass", got.Get("next_event_id").String(), "")
	lint := got.Get("next_event_id").String()
	evidence := `,"evidence":"main.go:3:6: func main is unused\nexport TOKEN=abcdef123456"`
	got = w.gate("FEAT-1", "lint", "fail", lint, evidence)
	want(t, got, "action", "retry", "next_event_id", "FEAT-1:lint:2", "stats.totalAttempts", "0")

	// The server crashes; another window sees the same attempt, and that the
	// same outcome was recorded.
	w2 := open(t, "2", dir, "OLLAMA_HOST="+ollama)
	w.kill()
	want(t, w2.gate("FEAT-1", "lint", "fail", lint, evidence), "repeated", "true", "action", "retry", "next_event_id", "FEAT-1:lint:2")
	got = w2.gate("FEAT-1", "lint", "fail", "FEAT-1:lint:2", `,"evidence":"main.go:3:6: still unused"`)
	want(t, got, "action", "escalate", "escalate_to", "sonnet", "message", "Local failed on FEAT-1 at lint. Escalated.",
		"stats.totalAttempts", "1", "stats.escalatedToCloud", "1", "stats.failuresByType.lint", "1")
	wantContains(t, got, "handoff", "# Hand-off: escalated at lint", "Ticket: FEAT-1", "Planned by "+ollamatest.Steered+" (local)", "`main.go`",
		"func main is unused", "still unused", "TOKEN=[secret-password]", "## What is left")
	if strings.Contains(got.Get("handoff").String(), "abcdef123456") {
		t.Error("the hand-off hands on a secret")
	}
	for i, step := range []string{"lint pass", "review pass", "commit pass"} { // the cloud's turn
		gate, outcome, _ := strings.Cut(step, " ")
		got = w2.gate("FEAT-1", gate, outcome, got.Get("next_event_id").String(), "")
		want(t, got, "action", []string{"continue", "continue", "complete"}[i], "stats.totalAttempts", "1", "stats.successCount", "0")
		if i == 0 { // before a commit it stays the cloud's
			again := w2.call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q]}`, path))
			want(t, again, "tickets.0.local", "false", "tickets.0.why", "escalated at lint")
		}
	}
	next := w2.call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q],"explain":true}`, ticket(t, dir, "FEAT-2", "Add logout button")))
	want(t, next, "tickets.0.local", "true", "tickets.0.guard", "guard closed: 1.0 of 1.0 failed")
	*w = *w2
}

// done: a ticket that passes every gate.
func done(t *testing.T, w *window, dir string) {
	path := ticket(t, dir, "FEAT-2", "Add logout button")
	want(t, w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, path)), "by", "local", "id", "FEAT-2")
	event := "FEAT-2:plan:1"
	for i, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
		more := ""
		if gate == "review" {
			more = `,"quality_score":92`
		}
		got := w.gate("FEAT-2", gate, "pass", event, more)
		want(t, got, "action", []string{"continue", "continue", "continue", "continue", "complete"}[i])
		event = got.Get("next_event_id").String()
		if gate == "commit" {
			want(t, got, "stats.totalAttempts", "2", "stats.successCount", "1", "stats.avgQualityScore", "92")
		}
	}
}

// shutOff: failures enough that the guard opens; it says why, and when it will
// try again. A second window and the state file say the same.
func shutOff(t *testing.T, w *window, dir, ollama string) {
	for i := 3; i <= 6; i++ {
		id := fmt.Sprintf("FEAT-%d", i)
		want(t, w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, ticket(t, dir, id, "Add a button"))), "by", "local")
		w.gate(id, "review", "fail", id+":review:1", `,"evidence":"does not do what AC-1 says"`)
		got := w.gate(id, "review", "fail", id+":review:2", `,"evidence":"still does not"`)
		want(t, got, "action", "escalate")
		if guardOpen(w.call("check_local_health", `{}`)) {
			break
		}
	}
	path := ticket(t, dir, "FEAT-9", "Add one more button")
	first := w.call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q],"explain":true}`, path))
	want(t, first, "tickets.0.local", "false")
	wantContains(t, first, "tickets.0.guard", "open for medium FEAT: ", " failed, ", " >= .30, next try in 9 tickets")
	second := open(t, "2", dir, "OLLAMA_HOST="+ollama).call("classify_ticket", fmt.Sprintf(`{"ticket_paths":[%q],"explain":true}`, path))
	if a, b := first.Get("tickets.0.guard").String(), second.Get("tickets.0.guard").String(); a != b {
		t.Errorf("another window says %q, this one %q", b, a)
	}
	refused := w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, path))
	want(t, refused, "plan", "", "by", "rules")
	wantContains(t, refused, "next", `Agent(model: "haiku")`, "open for medium")
	forced := w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q,"route":"local"}`, path))
	want(t, forced, "by", "local")

	w.close() // flushes the state file
	data, err := os.ReadFile(filepath.Join(dir, ".claude", "implementer-state.json"))
	if err != nil {
		t.Fatal(err)
	}
	stats := gjson.ParseBytes(data).Get("stats.localModelStats")
	t.Logf("state file: %s", strings.Join(strings.Fields(stats.Raw), " "))
	want(t, stats, "successCount", "1", "avgQualityScore", "92", "failuresByType.lint", "1")
	if stats.Get("totalAttempts").Int() != 1+stats.Get("escalatedToCloud").Int() || stats.Get("escalatedToCloud").Int() < 3 {
		t.Errorf("counters: %s", stats.Raw)
	}
}

func guardOpen(health gjson.Result) bool { return len(health.Get("guard.open").Array()) > 0 }
