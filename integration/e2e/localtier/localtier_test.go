// Package localtier runs one whole flow of the program on each kind of local
// tier: Ollama's own interface, Ollama's /v1, a LiteLLM proxy's group free, and
// llama.cpp's server. `go test -v` prints what a classification takes on each.
package localtier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

func TestMain(m *testing.M) { os.Exit(litellmtest.Main(m)) }

// window is the context window of a whole flow, tokens: Steered has about one
// token a byte.
const window = 16384

// server says how a tier is started.
type server struct {
	small  bool // the small real model in place of Steered
	window int  // tokens
}

// tier is one kind of local tier, started when a test asks for it.
type tier struct {
	name  string
	start func(t *testing.T, o server) []string // the environment that chooses it
}

func tiers() []tier {
	return []tier{
		{"Ollama", func(t *testing.T, o server) []string {
			s, model := ollama(t, o)
			return []string{"OLLAMA_HOST=" + s.URL, "LOCALMODEL_MODEL=" + model}
		}},
		{"Ollama's /v1", func(t *testing.T, o server) []string {
			s, model := ollama(t, o)
			return []string{"LOCALMODEL_LOCAL=openai", "LOCALMODEL_LOCAL_URL=" + s.URL + "/v1", "LOCALMODEL_MODEL=" + model}
		}},
		{"LiteLLM's group free", func(t *testing.T, o server) []string {
			s, model := ollama(t, o)
			stack := &litellmtest.Stack{Ollama: s}
			var stop func()
			stack.Provider, stop = litellmtest.NewProvider()
			t.Cleanup(stop)
			s.Copy(t, model, litellmtest.Local)
			proxy := litellmtest.New(t, litellmtest.Config(t, "config.yaml"), stack.Env()...)
			return []string{"LOCALMODEL_LOCAL=proxy", "LITELLM_BASE_URL=" + proxy.URL + "/v1", "LITELLM_MASTER_KEY=" + proxy.Key}
		}},
		{"llama.cpp's server", func(t *testing.T, o server) []string {
			return []string{"LOCALMODEL_LOCAL=openai", "LOCALMODEL_LOCAL_URL=" + llamaCpp(t, o), "LOCALMODEL_MODEL=steered"}
		}},
	}
}

func ollama(t *testing.T, o server) (s *ollamatest.Server, model string) {
	t.Helper()
	s = ollamatest.New(t, fmt.Sprintf("OLLAMA_CONTEXT_LENGTH=%d", o.window))
	if o.small {
		return s, s.SmolLM(t)
	}
	return s, ollamatest.Steered
}

// llamaCpp starts llama.cpp's server with a model that it calls "steered".
func llamaCpp(t *testing.T, o server) (url string) {
	t.Helper()
	bin := parts.Need(t, parts.LlamaCpp)
	model := filepath.Join(t.TempDir(), "steered.gguf")
	if o.small {
		model = parts.Need(t, parts.SmolLM)
	} else {
		var weights bytes.Buffer
		if err := ollamatest.WriteSteered(&weights); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(model, weights.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port, err := testkit.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-m", model, "--alias", "steered", "--host", "127.0.0.1", "--port", fmt.Sprint(port), //nolint:gosec,noctx // the part; ended below
		"-c", fmt.Sprint(o.window), "-np", "1", "-t", "1")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	server, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Kill()
		if t.Failed() {
			t.Logf("llama.cpp's server:\n%.4000s", log.String())
		}
	})
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	testkit.Eventually(t, "llama.cpp's server is ready", func() bool {
		resp, err := http.Get(url + "/health") //nolint:noctx // bounded by Eventually
		if err != nil {
			return false
		}
		_ = resp.Body.Close() // only the status counts
		return resp.StatusCode == http.StatusOK
	})
	return url
}

// program is the built program in a project of its own.
type program struct {
	t    *testing.T
	root string
	env  []string
}

func newProgram(t *testing.T, env ...string) *program {
	t.Helper()
	p := &program{t: t, root: t.TempDir()}
	p.env = binary.Env(t, append([]string{"CLAUDE_PROJECT_DIR=" + p.root, fmt.Sprintf("LOCALMODEL_NUM_CTX=%d", window),
		"LOCALMODEL_CLOUD=never", "LOCALMODEL_STATE=" + filepath.Join(p.root, "state", "journal.db")},
		append(binary.Patient(), env...)...)...)
	p.write("main.go", "package main\n\nfunc main() {}\n")
	return p
}

func (p *program) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.root, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) ticket(id, body string) string {
	p.t.Helper()
	p.write(id+".md", fmt.Sprintf("---\nid: %s\naffected_files: [main.go]\n---\n# %s: Crash when the list is empty\n\n%s\n\n"+
		"## Acceptance Criteria\n- [ ] AC-1: An empty list is no error\n", id, id, body))
	return id + ".md"
}

func (p *program) run(args ...string) string {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, binary.Path(p.t), args...) //nolint:gosec // the program under test
	cmd.Dir, cmd.Env = p.root, p.env
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s%s", args, err, out, errOut.String())
	}
	return string(out)
}

func (p *program) call(tool string, arguments map[string]any) gjson.Result {
	p.t.Helper()
	raw, err := json.Marshal(arguments)
	if err != nil {
		p.t.Fatal(err)
	}
	return gjson.Parse(p.run("call", tool, string(raw)))
}

// A ticket goes through health, classification, plan, gates and export, and the
// local tier does all of it.
func TestFlowOnEachLocalTier(t *testing.T) {
	for _, tier := range tiers() {
		t.Run(tier.name, func(t *testing.T) {
			t.Parallel() // each has servers of its own
			p := newProgram(t, tier.start(t, server{window: window})...)
			if h := p.call("check_local_health", map[string]any{"deep": true}); !h.Get("ok").Bool() || !h.Get("ollama.ok").Bool() {
				t.Errorf("health: %s", h.Raw)
			}
			path := p.ticket("T-1", "The program stops.")
			row := p.call("classify_ticket", map[string]any{"ticket_paths": []string{path}, "route": "local", "explain": true}).Get("tickets.0")
			if row.Get("by").Str != "local" || row.Get("complexity").Str != "medium" || !row.Get("local").Bool() {
				t.Errorf("classified: %s", row.Raw)
			}
			plan := p.call("plan_ticket", map[string]any{"ticket_path": path, "route": "local"})
			if plan.Get("by").Str != "local" || plan.Get("owner").Str != "local" || plan.Get("answer.remote").Bool() {
				t.Errorf("planned: %s", plan.Raw)
			}
			var done gjson.Result
			for _, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
				done = p.call("record_gate_outcome", map[string]any{"ticket_id": "T-1", "gate": gate, "outcome": "pass"})
			}
			if done.Get("action").Str != "complete" || done.Get("stats.successCount").Int() != 1 || done.Get("stats.escalatedToCloud").Int() != 0 {
				t.Errorf("after the commit: %s", done.Raw)
			}
			for line := range strings.Lines(p.run("export")) {
				if gjson.Get(line, "model_alias").Str != "free" || gjson.Get(line, "status").Str != "ok" || gjson.Get(line, "cost_usd").Float() != 0 {
					t.Errorf("exported: %s", line)
				}
			}
		})
	}
}

// A prompt that is longer than a server's window is no answer, whether the
// server says so, cuts it in silence, or reports its window before.
func TestLongPrompt_IsNotCut(t *testing.T) {
	for _, tier := range tiers() {
		t.Run(tier.name, func(t *testing.T) {
			switch tier.name {
			case "Ollama":
				t.Skip("Ollama's own interface: the program's window is the server's")
			case "LiteLLM's group free":
				t.Skip("LiteLLM: its configuration states the window, and its own check counts")
			}
			p := newProgram(t, tier.start(t, server{window: 1024})...)
			path := p.ticket("T-1", strings.Repeat("Every word of this counts. ", 200))
			row := p.call("classify_ticket", map[string]any{"ticket_paths": []string{path}, "route": "local", "explain": true}).Get("tickets.0")
			reason := row.Get("answer.reason").Str
			if row.Get("by").Str != "rules" || !strings.Contains(reason, "window") {
				t.Errorf("a prompt of 5 kB, about as many tokens, for a window of 1024: by %s, %s", row.Get("by"), reason)
			}
			t.Log(reason)
		})
	}
}

// What one classification takes with the small real model: its first call
// loads, the ones after it find prompt and model in memory.
func TestMeasureSmallModel(t *testing.T) {
	testkit.Measure(t)
	for _, tier := range tiers() {
		t.Run(tier.name, func(t *testing.T) {
			p := newProgram(t, append(tier.start(t, server{small: true, window: 8192}), "LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_MIN_CONFIDENCE=0")...)
			var took []string
			for i := range 4 {
				path := p.ticket(fmt.Sprint("T-", i), "The program stops.")
				start := time.Now()
				row := p.call("classify_ticket", map[string]any{"ticket_paths": []string{path}, "route": "local", "explain": true}).Get("tickets.0")
				took = append(took, fmt.Sprintf("%s (%s)", time.Since(start).Round(10*time.Millisecond), row.Get("by")))
			}
			t.Logf("measured: %s: one classification took %s", tier.name, strings.Join(took, ", "))
		})
	}
}
