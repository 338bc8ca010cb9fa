//go:build linux

// Package onmachine proves that nothing leaves this machine under
// LOCALMODEL_CLOUD=never and route local: the program runs in a network
// namespace of its own whose only other host is a second address of its own, and every
// connect and send of its threads is traced.
package onmachine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// afar is another host: a second address of the namespace. No
// packet reaches the machine's own network.
const afar = "10.99.0.1"

const inside = "ONMACHINE_PROGRAM" // the built program, set in the namespace

// TestNothingLeavesThisMachine runs itself again in a namespace.
func TestNothingLeavesThisMachine(t *testing.T) {
	if program := os.Getenv(inside); program != "" {
		testInside(t, program)
		return
	}
	for _, program := range []string{"strace", "unshare", "ip"} {
		parts.Program(t, program)
	}
	if out, err := exec.Command("unshare", "-rn", "true").CombinedOutput(); err != nil {
		parts.Absent(t, "unshare", fmt.Sprintf("this user may make no network namespace: %v %s", err, out))
	}
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		parts.Absent(t, "strace", fmt.Sprintf("this user may trace no process: %v %s", err, out))
	}
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Minute)
	defer stop()
	setup := fmt.Sprintf("ip link set lo up && ip addr add %s/24 dev lo && exec %q -test.run ^%s$ -test.v",
		afar, os.Args[0], t.Name())
	cmd := exec.CommandContext(ctx, "unshare", "-rn", "sh", "-c", setup)
	cmd.Env = append(os.Environ(), inside+"="+binary.Path(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()+"/") {
		t.Fatalf("nothing ran in the namespace:\n%s", out)
	}
}

// kind is one way in which the local tier, or one behind it, is not here.
type kind struct {
	name string
	env  []string
}

func kinds(cloud, alias string) []kind {
	return []kind{
		{"Ollama on another machine", []string{"OLLAMA_HOST=" + afar + ":11434"}},
		{"Ollama by a name", []string{"OLLAMA_HOST=http://ollama.test:11434"}},
		{"Ollama by a number", []string{"OLLAMA_HOST=http://174260225:11434"}},
		{"Ollama behind a web proxy", []string{"OLLAMA_HOST=http://ollama.test:11434", "HTTP_PROXY=http://" + afar + ":3128"}},
		{"own machine allowed, under never", []string{"OLLAMA_HOST=" + afar + ":11434", "LOCALMODEL_LOCAL_REMOTE=allow"}},
		{"cloud model by its name", []string{"OLLAMA_HOST=" + cloud, "LOCALMODEL_MODEL=tiny:120b-cloud"}},
		{"cloud model behind an alias", []string{"OLLAMA_HOST=" + alias, "LOCALMODEL_MODEL=tiny"}},
		{"a fleet on another machine", []string{"LOCALMODEL_LOCAL=proxy", "LITELLM_BASE_URL=http://" + afar + ":4000"}},
		{"a chat server on another machine", []string{"LOCALMODEL_LOCAL=openai", "LOCALMODEL_LOCAL_URL=http://" + afar + ":1234"}},
		{"paid tiers on another machine", []string{"OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://" + afar + ":4000"}},
		{"paid tiers on this machine", []string{"OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://127.0.0.1:9"}},
	}
}

func testInside(t *testing.T, program string) {
	cloud, alias := cloudServer(t), cloudServer(t)
	for _, k := range kinds(cloud.URL, alias.URL) {
		t.Run("never, "+k.name, func(t *testing.T) {
			p := newProject(t, program, append(k.env, "LOCALMODEL_CLOUD=never", "LOCALMODEL_PRELOAD=1"))
			p.session(t, []string{"auto", "local", "cloud"}, true)
			p.run(t, "doctor", "--deep", "--all")
			p.run(t, "doctor", "--fix", "--yes")
			p.run(t, "ask", "--user", "Is "+secret+" here?")
			p.run(t, "ask", "--model", "cheap", "--user", secret)
			p.run(t, "eval", "tickets", "--yes")
			p.run(t, "eval", "tickets", "--models", "free", "--yes")
			p.run(t, "demo")
			p.run(t, "call", "check_local_health", `{"deep":true,"preload":true}`)
			p.stayed(t)
		})
		if strings.Contains(k.name, "own machine") {
			continue
		}
		t.Run("route local, "+k.name, func(t *testing.T) {
			p := newProject(t, program, k.env)
			p.session(t, []string{"local"}, false)
			p.stayed(t)
		})
	}
	for name, s := range map[string]*fakeserver.Server{"by its name": cloud, "behind an alias": alias} {
		if n := len(s.Requests(t)) + len(s.Loads(t)); n != 0 {
			t.Errorf("the cloud model %s was sent %d requests through the Ollama of this machine", name, n)
		}
	}
	// The trace must be able to see what leaves.
	t.Run("allowed, and seen", func(t *testing.T) {
		p := newProject(t, program, []string{"OLLAMA_HOST=" + afar + ":11434"})
		p.session(t, []string{"auto"}, false)
		if p.left(t) == "" {
			t.Error("an allowed call to another machine left no trace")
		}
	})
}

// cloudServer is an Ollama of this machine whose model runs elsewhere; it
// imitates the fields of Ollama's cloud models.
func cloudServer(t *testing.T) *fakeserver.Server {
	t.Helper()
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	const remote = `"remote_host":"https://ollama.com:443","remote_model":"tiny:120b"`
	f.SetControl(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/tags":
			fmt.Fprintf(w, `{"models":[{"name":"tiny:latest",%s},{"name":"tiny:120b-cloud",%[1]s}]}`, remote)
		case "/api/show":
			fmt.Fprintf(w, `{"capabilities":["completion"],%s}`, remote)
		default:
			f.Healthy(w, r)
		}
	})
	return f
}

// secret is in every ticket and question.
const secret = "correct-horse-battery"

// project is a user's, with one ticket.
type project struct {
	program, dir, traces string
	env                  []string
	runs                 int
}

func newProject(t *testing.T, program string, env []string) *project {
	t.Helper()
	p := &project{program: program, dir: t.TempDir(), traces: t.TempDir()}
	if err := os.Mkdir(filepath.Join(p.dir, "tickets"), 0o700); err != nil {
		t.Fatal(err)
	}
	ticket := "---\nid: TASK-1\ntype: TASK\ncomplexity: simple\n---\n# Move it\n" + secret + "\n\n## Affected Files\n| File | Action |\n|---|---|\n| a.go | modify |\n"
	open := "# Fix the crash\n" + secret + "\n\n## Affected Files\n| File | Action |\n|---|---|\n| b.go | modify |\n"
	for name, text := range map[string]string{"TASK-1.md": ticket, "TASK-2.md": open} {
		if err := os.WriteFile(filepath.Join(p.dir, "tickets", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.env = binary.Env(t, append(env, "CLAUDE_PROJECT_DIR="+p.dir, "LOCALMODEL_DEADLINE=10s", "LOCALMODEL_CONNECT_TIMEOUT=1s",
		"XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())...)
	return p
}

// command is the program under the tracer.
func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	p.runs++
	trace := filepath.Join(p.traces, fmt.Sprintf("%03d", p.runs))
	cmd := exec.CommandContext(ctx, "strace", append([]string{"-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace, p.program}, args...)...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// run runs a command to its end, whatever that is.
func (p *project) run(t *testing.T, args ...string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	out, err := p.command(ctx, args...).CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%v: not within 2 minutes: %v\n%s", args, err, out)
	}
	if strings.Contains(string(out), "panic:") {
		t.Errorf("%v:\n%s", args, out)
	}
}

// session uses all tools over stdio.
func (p *project) session(t *testing.T, routes []string, health bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := p.command(ctx, "serve")
	cmd.Stderr = io.Discard
	c, err := mcpchild.Open(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // what it sent is judged
	call := func(tool, arguments string) string {
		r, err := c.Tool(tool, arguments)
		if err != nil {
			t.Errorf("%s %s: %v", tool, arguments, err)
		}
		return r.Raw
	}
	for _, route := range routes {
		for _, tool := range []string{
			fmt.Sprintf(`{"ticket_paths":["tickets/TASK-1.md","tickets/TASK-2.md"],"route":%q,"explain":true}`, route),
			fmt.Sprintf(`{"ticket":"# Add it\n%s","route":%q}`, secret, route),
		} {
			call("classify_ticket", tool)
		}
		plan := call("plan_ticket", fmt.Sprintf(`{"ticket_path":"tickets/TASK-1.md","route":%q}`, route))
		if (route == "local" || health) && (strings.Contains(plan, "Agent(") || strings.Contains(plan, "route: cloud")) {
			t.Errorf("route %s advises what is forbidden: %s", route, plan)
		}
	}
	call("record_gate_outcome", `{"ticket_id":"TASK-1","gate":"lint","outcome":"fail","route":"local","event_id":"TASK-1:lint:1"}`)
	if !health {
		return
	}
	state := call("check_local_health", `{"deep":true,"preload":true}`)
	if strings.Contains(state, `"generated"`) {
		t.Errorf("a deep look generated: %s", state)
	}
}

// address finds where a traced call goes.
var address = regexp.MustCompile(`inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"`)

// left is the first traced call that goes to another machine; "" = none.
func (p *project) left(t *testing.T) string {
	t.Helper()
	traces, err := filepath.Glob(filepath.Join(p.traces, "*"))
	if err != nil || len(traces) != p.runs {
		t.Fatalf("%d traces of %d runs: %v", len(traces), p.runs, err)
	}
	for _, path := range traces {
		data, err := os.ReadFile(path) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			m := address.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if ip := net.ParseIP(m[1] + m[2]); ip == nil || !ip.IsLoopback() {
				return line
			}
		}
	}
	return ""
}

func (p *project) stayed(t *testing.T) {
	t.Helper()
	if line := p.left(t); line != "" {
		t.Errorf("a connection off this machine: %s", line)
	}
}
