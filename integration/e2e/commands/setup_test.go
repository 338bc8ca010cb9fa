package commands

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// mcpEntry is what a client's configuration says of localmodel.
type mcpEntry struct {
	MCPServers map[string]struct {
		Command string
		Args    []string
	}
}

// classifyAs starts the server as Claude Code's file in the project says, asks
// for one classification and returns who answered.
func classifyAs(t *testing.T, p *project, env []string) string {
	t.Helper()
	var entry mcpEntry
	data, err := os.ReadFile(filepath.Join(p.root, ".mcp.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &entry); err != nil {
		t.Fatal(err)
	}
	e := entry.MCPServers["localmodel"]
	cmd := exec.CommandContext(t.Context(), e.Command, e.Args...) //nolint:gosec // what is tested
	cmd.Dir, cmd.Env = p.root, slices.Concat(env, []string{"CLAUDE_PROJECT_DIR=" + p.root})
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"classify_ticket","arguments":{"ticket":"# The cart crashes\nIt divides by zero.","route":"local"}}}
`)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), `"structuredContent"`)
	_, by, found := strings.Cut(rest, `"by":"`)
	if !found {
		t.Fatalf("no answer in %s", out)
	}
	return by[:strings.IndexByte(by, '"')]
}

func TestSetup_FromNothingToAClientThatAnswers(t *testing.T) {
	s := ollamatest.Shared(t)
	home := t.TempDir()
	p := &project{root: t.TempDir(), env: binary.Environ(home, "OLLAMA_HOST="+s.URL, "LOCALMODEL_DEADLINE=5m")}
	if err := os.MkdirAll(filepath.Join(home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, said := p.run(t, "setup", "--yes", "--json", "--model", ollamatest.Steered)
	var r setup.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, said)
	}
	for _, step := range r.Steps {
		want, tried := map[string]string{setup.StepProof: "BUG, medium", setup.StepPlan: "planned in "}[step.Name]
		if tried && (step.State != setup.Done || !strings.Contains(step.Text, want)) {
			t.Errorf("%s: %+v", step.Name, step)
		}
	}
	config := configFile(t, p)
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	// The client knows nothing of this shell's variables.
	if by := classifyAs(t, p, binary.Environ(home)); by != "local" {
		t.Errorf("classified by %s", by)
	}
	client, err := os.ReadFile(filepath.Join(p.root, ".mcp.json"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, said := p.run(t, "setup", "--yes", "--model", ollamatest.Steered); code != 0 || !strings.Contains(out, "needs no change") {
		t.Errorf("again: exit %d\n%s%s", code, out, said)
	}
	for path, want := range map[string][]byte{config: before, filepath.Join(p.root, ".mcp.json"): client} {
		if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
			t.Errorf("another run changed %s: %v\n%s", path, err, got)
		}
	}
	if left, err := os.ReadDir(p.root); err != nil || len(left) != 1 {
		t.Errorf("left in the project: %v, %v", left, err)
	}
}

// configFile is where localmodel reads its settings.
func configFile(t *testing.T, p *project) string {
	t.Helper()
	_, out, _ := p.run(t, "config", "--json")
	var c struct{ File string }
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	return c.File
}

func TestSetup_ReadOnlyConfigDirectory(t *testing.T) {
	s := ollamatest.Shared(t)
	home := t.TempDir()
	p := &project{root: t.TempDir(), env: binary.Environ(home, "OLLAMA_HOST="+s.URL, "NO_COLOR=1")}
	dir := filepath.Dir(filepath.Dir(configFile(t, p)))
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	// A file in the directory's place holds for root, too.
	if err := os.WriteFile(dir, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	code, out, said := p.run(t, "setup", "--yes", "--skip", "proof", "--model", ollamatest.Steered)
	flat := strings.Join(strings.Fields(out), " ")
	if code != setup.ExitFailed || !strings.Contains(flat, "✗ config") || !strings.Contains(flat, `model = "steered`) {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
}

func TestSetup_WithoutATerminal(t *testing.T) {
	s := ollamatest.Shared(t)
	home := t.TempDir()
	p := &project{root: t.TempDir(), env: binary.Environ(home, "OLLAMA_HOST="+s.URL)}
	if code, out, said := p.run(t, "setup"); code != setup.ExitNobody || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("without a terminal: exit %d\n%s%s", code, out, said)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
