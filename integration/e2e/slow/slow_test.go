// Package slow proves that what a slow local model writes is not lost: over
// deadlines, windows and a kill.
package slow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

const (
	ticket = "---\nid: BUG-7\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# BUG-7: Fix it\n\n## Acceptance Criteria\n- [ ] AC-1: It is right\n"
	plan   = `{"files":{"a.go":{"action":"modify","where":"package a","what":"Sum each item with a running total of cents.","approach":""}},` +
		`"criteria":{"AC-1":{"file":"a_test.go","name":"TestSum","checks":"The total of two items."}},"risk":""}`
)

// machine is a project, a state directory and a server that imitates an Ollama
// whose model writes as slowly as the test wants, which no real one does.
type machine struct {
	t       *testing.T
	home    string
	project string
	server  *fakeserver.Server
	begun   atomic.Int64
	finish  chan struct{}
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, home: t.TempDir(), project: t.TempDir(), finish: make(chan struct{})}
	for name, text := range map[string]string{"a.go": "package a\n", "t.md": ticket} {
		if err := os.WriteFile(filepath.Join(m.project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.server = fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		m.begun.Add(1)
		for i := 0; ; i++ {
			select {
			case <-r.Context().Done():
				return
			case <-m.finish:
				fmt.Fprint(w, fakeserver.Chunk(plan)+fakeserver.End("stop", 900, 120))
				return
			case <-time.After(100 * time.Millisecond):
				fmt.Fprint(w, fakeserver.Chunk(" "))
				w.(http.Flusher).Flush()
			}
		}
	})
	return m
}

func (m *machine) environ(extra ...string) []string {
	return binary.Environ(m.home, append(extra, "CLAUDE_PROJECT_DIR="+m.project, "OLLAMA_HOST="+m.server.URL,
		"LOCALMODEL_MODEL="+fakeserver.Model, "LOCALMODEL_NUM_CTX=4096", "LOCALMODEL_CLOUD=never")...)
}

// window is one client's server.
func (m *machine) window() *mcpchild.Child {
	m.t.Helper()
	cmd := exec.Command(binary.Path(m.t))
	cmd.Dir = m.project
	cmd.Env = m.environ("LOCALMODEL_DEADLINE=4s")
	c, err := mcpchild.Start(cmd)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(c.Kill)
	return c
}

// plan calls plan_ticket until its answer is there, at most n times.
func (m *machine) plan(c *mcpchild.Child, n int) gjson.Result {
	m.t.Helper()
	var got gjson.Result
	for range n {
		r, err := c.Tool("plan_ticket", `{"ticket_path":"t.md"}`)
		if err != nil {
			m.t.Fatal(err)
		}
		got = r
		if structured := r.Get("structuredContent"); structured.Exists() {
			got = structured
		}
		if got.Get("state").Str != "writing" {
			break
		}
	}
	return got
}

func TestPlan_OverDeadlines(t *testing.T) {
	m := newMachine(t)
	c := m.window()
	first := m.plan(c, 1)
	if first.Get("state").Str != "writing" || !strings.Contains(first.Get("summary").Str, "tokens in") {
		t.Fatalf("got %s", first.Raw)
	}
	close(m.finish)
	second := m.plan(c, 5)
	if second.Get("by").Str != "local" || !strings.Contains(second.Get("plan").Str, "running total") || m.begun.Load() != 1 {
		t.Errorf("after %d beginnings: %s", m.begun.Load(), second.Raw)
	}
}

// The second window waits for the first one's plan, and both get it.
func TestPlan_TwoWindows(t *testing.T) {
	m := newMachine(t)
	a, b := m.window(), m.window()
	if got := m.plan(a, 1); got.Get("state").Str != "writing" {
		t.Fatalf("first window: %s", got.Raw)
	}
	if got := m.plan(b, 1); got.Get("state").Str != "writing" || !strings.Contains(got.Get("summary").Str, "another window") {
		t.Fatalf("second window: %s", got.Raw)
	}
	close(m.finish)
	for _, c := range []*mcpchild.Child{b, a} {
		if got := m.plan(c, 10); !strings.Contains(got.Get("plan").Str, "running total") {
			t.Errorf("got %s", got.Raw)
		}
	}
	if n := m.begun.Load(); n != 1 {
		t.Errorf("begun %d times", n)
	}
}

// A plan that was through after its call outlives its process; one that was not
// is begun again by the next.
func TestPlan_KilledServer(t *testing.T) {
	m := newMachine(t)
	a := m.window()
	if got := m.plan(a, 1); got.Get("state").Str != "writing" {
		t.Fatalf("got %s", got.Raw)
	}
	a.Kill()
	b := m.window()
	if got := m.plan(b, 1); got.Get("state").Str != "writing" || strings.Contains(got.Get("summary").Str, "another window") {
		t.Fatalf("after a kill: %s", got.Raw)
	}
	if n := m.begun.Load(); n != 2 {
		t.Errorf("begun %d times, want 2", n)
	}
	close(m.finish)
	kept := filepath.Join(m.home, "*", "*", "*", "plans", "*.json")
	testkit.Eventually(t, "the plan is kept", func() bool { return m.keptPlans() > 0 })
	b.Kill()
	if m.keptPlans() != 1 {
		t.Fatalf("no plan is kept in %s", kept)
	}
	if got := m.plan(m.window(), 1); !strings.Contains(got.Get("plan").Str, "running total") || m.begun.Load() != 2 {
		t.Errorf("after %d beginnings: %s", m.begun.Load(), got.Raw)
	}
}

func (m *machine) keptPlans() int {
	n := 0
	_ = filepath.WalkDir(m.home, func(path string, d os.DirEntry, err error) error {
		if err == nil && filepath.Base(filepath.Dir(path)) == "plans" && filepath.Ext(path) == ".json" {
			data, err := os.ReadFile(path) //nolint:gosec // beneath the test's own directory
			if err == nil && json.Valid(data) {
				n++
			}
		}
		return nil
	})
	return n
}

// A call from a shell waits for the plan: what its process writes ends with it.
func TestCall_WaitsForSlowPlan(t *testing.T) {
	m := newMachine(t)
	cmd := exec.Command(binary.Path(t), "call", "plan_ticket", `{"ticket_path":"t.md"}`)
	cmd.Dir = m.project
	cmd.Env = m.environ("LOCALMODEL_DEADLINE=4s")
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.Contains(lines.Text(), "is writing") || !strings.Contains(lines.Text(), "Ctrl-C") {
		t.Errorf("on stderr: %q", lines.Text())
	}
	close(m.finish)
	for lines.Scan() { // until it ends
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	got := gjson.ParseBytes(out.Bytes())
	if got.Get("by").Str != "local" || !strings.Contains(got.Get("plan").Str, "running total") || m.begun.Load() != 1 {
		t.Errorf("after %d beginnings: %s", m.begun.Load(), got.Raw)
	}
}
