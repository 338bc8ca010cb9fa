//go:build unix

package drafting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

const (
	ticketHead = "---\nid: BUG-7\ntype: bug\ncomplexity: simple\n---\n"
	ticket     = "# Negative amounts\n\nTotal must not count negative amounts.\n\n## Affected Files\n| File | Action | Description |\n" +
		"|---|---|---|\n| `cart.go` | modify | change it |\n\n## Acceptance Criteria\n- [ ] AC-1: negative amounts count as nothing\n"
	cart = "package cart\n\n// Total adds up amounts.\nfunc Total(items []int) int {\n\tsum := 0\n\tfor _, i := range items {\n" +
		"\t\tsum += i\n\t}\n\treturn sum\n}\n"
	cartTest = "package cart\n\nimport \"testing\"\n\nfunc TestTotal_Negative(t *testing.T) {\n\tif got := Total([]int{2, -3}); got != 2 {\n" +
		"\t\tt.Errorf(\"got %d, want 2\", got)\n\t}\n}\n"
	plan = `{"files":{"cart.go":{"action":"modify","where":"Total","what":"wrap the accumulator in a guard clause so refunds below zero leave the running sum unchanged","approach":"compare each loop variable with zero before the addition"}},` +
		`"criteria":{"AC-1":{"file":"cart_test.go","name":"TestTotal_Negative","checks":"Total([]int{2, -3}) returns 2 because the loop skips -3"}},"verify":["go test ./..."],"risk":"callers that rely on negative sums"}`
	// checks are the project's own. They have a cache of their own, so that go test
	// would build Go's library first.
	checks = `gofmt -e cart.go cart_test.go && grep -q 'i > 0' cart.go`
)

func fixedCart() string {
	return strings.Replace(cart, "\t\tsum += i", "\t\tif i > 0 {\n\t\t\tsum += i\n\t\t}", 1)
}

// machine is a repository with a ticket, a user's directory and a local model.
type machine struct {
	t             *testing.T
	home, project string
	url           string
	plans, drafts atomic.Int64

	mu   sync.Mutex
	hold func(prompt string) <-chan struct{} // what a reply waits for; nil = nothing
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, home: t.TempDir(), project: t.TempDir()}
	for name, text := range map[string]string{
		"go.mod": "module example.test/cart\n\ngo 1.21\n", "cart.go": cart, "BUG-7.md": ticketHead + ticket,
		"backlog.config.json": `{"qualityGates":{"testCommand":"` + checks + `"}}`,
	} {
		m.write(name, text)
	}
	m.git("init", "-q")
	m.git("add", ".")
	m.git("commit", "-qm", "start")
	ollama := fakeserver.New(t, m.chat)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Header.Set("X-Prompt", fmt.Sprintf("%q", body)) // the body is read when chat sees the request
		ollama.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections)
	m.url = front.URL
	return m
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.project, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// holdReplies makes replies to matching prompts wait for what it returns.
func (m *machine) holdReplies(hold func(prompt string) <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold = hold
}

// chat is the strong local model.
func (m *machine) chat(w http.ResponseWriter, r *http.Request) {
	prompt := r.Header.Get("X-Prompt")
	var says string
	switch {
	case strings.Contains(prompt, "You write one file of a small change"):
		m.drafts.Add(1)
		says = "```go\n" + fixedCart() + "```"
		if strings.Contains(prompt, "The file to create now:") {
			says = "```go\n" + cartTest + "```"
		}
	case strings.Contains(prompt, "criteria"):
		m.plans.Add(1)
		says = plan
	default:
		says = `{"category":"BUG","complexity":"low"}`
	}
	m.mu.Lock()
	var wait <-chan struct{}
	if m.hold != nil {
		wait = m.hold(prompt)
	}
	m.mu.Unlock()
	for wait != nil {
		select {
		case <-r.Context().Done():
			return
		case <-wait:
			wait = nil
		case <-time.After(50 * time.Millisecond):
			fmt.Fprint(w, fakeserver.Chunk(" "))
			w.(http.Flusher).Flush() //nolint:forcetypeassert // as net/http has it
		}
	}
	fmt.Fprint(w, fakeserver.Chunk(says)+fakeserver.End("stop", 900, len(says)/4))
}

func (m *machine) env(vars ...string) []string {
	if cache, err := exec.Command("go", "env", "GOCACHE").Output(); err == nil { // else each test builds Go's library anew
		vars = append(vars, "GOCACHE="+strings.TrimSpace(string(cache)))
	}
	return binary.Environ(m.home, append([]string{
		"CLAUDE_PROJECT_DIR=" + m.project, "OLLAMA_HOST=" + m.url, "LOCALMODEL_MODEL=" + fakeserver.Model,
		"LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_CLOUD=never", "LOCALMODEL_DEADLINE=2m", "LOCALMODEL_TOKEN_TIMEOUT=1m",
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT=1m", "LOCALMODEL_CONNECT_TIMEOUT=20s",
	}, vars...)...)
}

// window is one client's server.
func (m *machine) window(vars ...string) *mcpchild.Child {
	m.t.Helper()
	cmd := exec.Command(binary.Path(m.t))
	cmd.Dir, cmd.Env = m.project, m.env(vars...)
	c, err := mcpchild.Start(cmd)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(c.Kill)
	return c
}

// run runs a command in the project and returns what it prints.
func (m *machine) run(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(m.t.Context(), name, args...)
	cmd.Dir, cmd.Env = m.project, m.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *machine) git(args ...string) string {
	m.t.Helper()
	out, err := m.run("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false"}, args...)...)
	if err != nil {
		m.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// trust records the project's commands as localmodel trust does after its
// question.
func (m *machine) trust() {
	m.t.Helper()
	lookup := map[string]string{}
	for _, pair := range m.env() {
		name, value, _ := strings.Cut(pair, "=")
		lookup[name] = value
	}
	s := settings.Load(m.t.Context(), func(name string) (string, bool) { v, ok := lookup[name]; return v, ok })
	if _, err := settings.Trust(m.t.Context(), s.Dirs.State, m.project, s.Project.Commands); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) tool(c *mcpchild.Child, name, arguments string) gjson.Result {
	m.t.Helper()
	r, err := c.Tool(name, arguments)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// drafted calls plan_ticket until its draft is no longer being written.
func (m *machine) drafted(c *mcpchild.Child) gjson.Result {
	m.t.Helper()
	for range 100 {
		r := m.tool(c, "plan_ticket", `{"ticket_path":"BUG-7.md","draft":true}`)
		if r.Get("state").Str != "writing" && r.Get("draft.state").Str != "writing" {
			return r
		}
	}
	m.t.Fatal("the draft is written for ever")
	return gjson.Result{}
}

// TestDraft_KilledServer holds that a server killed in mid-draft loses neither
// the plan nor the file that was written, and that the next goes on.
func TestDraft_KilledServer(t *testing.T) {
	m := newMachine(t)
	never := make(chan struct{})
	m.holdReplies(func(prompt string) <-chan struct{} {
		if strings.Contains(prompt, "The file to create now:") {
			return never
		}
		return nil
	})
	a := m.window("LOCALMODEL_DEADLINE=2s")
	for range 100 {
		if r := m.tool(a, "plan_ticket", `{"ticket_path":"BUG-7.md","draft":true}`); r.Get("draft.done").Int() == 1 {
			break
		}
	}
	testkit.Eventually(t, "the second file is asked for", func() bool { return m.drafts.Load() == 2 })
	a.Kill()
	asked := m.drafts.Load()
	m.holdReplies(nil)
	r := m.drafted(m.window())
	if r.Get("draft.state").Str != "ready" || r.Get("draft.stats.files").Int() != 2 || m.plans.Load() != 1 || m.drafts.Load() != asked+1 {
		t.Errorf("after %d plans and %d questions (%d before the kill): %s", m.plans.Load(), m.drafts.Load(), asked, r.Raw)
	}
}

// TestDraft_BesideAnotherCall holds that a call does not wait for a draft that is
// being written on the only slot, and that the draft is written all the same.
func TestDraft_BesideAnotherCall(t *testing.T) {
	m := newMachine(t)
	release := make(chan struct{})
	m.holdReplies(func(prompt string) <-chan struct{} {
		if strings.Contains(prompt, "You write one file of a small change") {
			return release
		}
		return nil
	})
	m.write("other.md", "# Rename the button\n\nThe button says Sned.\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n| `cart.go` | modify | x |\n")
	a, b := m.window("LOCALMODEL_SLOTS=1", "LOCALMODEL_DEADLINE=3s"), m.window("LOCALMODEL_SLOTS=1")
	var first gjson.Result
	for range 100 {
		if first = m.tool(a, "plan_ticket", `{"ticket_path":"BUG-7.md","draft":true}`); first.Get("draft").Exists() {
			break
		}
	}
	if first.Get("draft.state").Str != "writing" {
		t.Fatalf("not being written: %s", first.Raw)
	}
	testkit.Eventually(t, "the draft is begun", func() bool { return m.drafts.Load() > 0 })
	start := time.Now()
	r := m.tool(b, "classify_ticket", `{"ticket_paths":["other.md"],"route":"local"}`)
	t.Logf("a call in another window waited %v for its answer while a draft was written", time.Since(start).Round(time.Millisecond))
	if r.Get("tickets.0.by").Str != "local" {
		t.Errorf("while a draft was written: %s", r.Raw)
	}
	close(release)
	if r := m.drafted(a); r.Get("draft.state").Str != "ready" || m.plans.Load() != 1 {
		t.Errorf("after %d plans: %s", m.plans.Load(), r.Raw)
	}
}

// TestDraft_IsDefaultWhereItIsSet holds that LOCALMODEL_DRAFT=on drafts unless a
// call says otherwise.
func TestDraft_IsDefaultWhereItIsSet(t *testing.T) {
	m := newMachine(t)
	c := m.window("LOCALMODEL_DRAFT=on")
	if r := m.tool(c, "plan_ticket", `{"ticket_path":"BUG-7.md","draft":false}`); r.Get("draft").Exists() || m.drafts.Load() != 0 {
		t.Errorf("draft: false: %s", r.Raw)
	}
	if r := m.tool(c, "plan_ticket", `{"ticket_path":"BUG-7.md"}`); r.Get("draft.state").Str != "ready" {
		t.Errorf("LOCALMODEL_DRAFT=on: %s", r.Raw)
	}
	health := m.tool(c, "check_local_health", `{}`)
	if !strings.Contains(health.Get("warnings").Raw, "localmodel trust --commands") {
		t.Errorf("nothing is said of commands that are not trusted: %s", health.Raw)
	}
}

func jsonText(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
