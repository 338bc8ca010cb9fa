// Package clients starts localmodel from the configuration file of each client,
// the way that client would.
package clients

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

var update = flag.Bool("update", false, "rewrite the configuration files")

// anyProject is used in the files where a client wants a fixed directory.
const anyProject = "/path/to/your/project"

// what is known of each client: where its servers are listed, how it spells the
// project's directory, and whether it starts servers there.
var clients = []struct {
	name, file, servers string
	spelling            string
	inProject           bool
	wants               map[string]string // what else the client insists on
}{
	{name: "claude-code", file: "claude-code.json", servers: "mcpServers", inProject: true, wants: map[string]string{"alwaysLoad": "true"}},
	{name: "claude-desktop", file: "claude-desktop.json", servers: "mcpServers", spelling: anyProject},
	{name: "codex", file: "codex.toml", servers: "mcp_servers", inProject: true},
	{name: "copilot-cli", file: "copilot-cli.json", servers: "mcpServers", inProject: true, wants: map[string]string{"type": "local", "tools.0": "*"}},
	{name: "cursor", file: "cursor.json", servers: "mcpServers", spelling: "${workspaceFolder}"},
	{name: "gemini", file: "gemini.json", servers: "mcpServers", inProject: true},
	{name: "vscode", file: "vscode.json", servers: "servers", spelling: "${workspaceFolder}", wants: map[string]string{"type": "stdio"}},
	{name: "zed", file: "zed.json", servers: "context_servers", inProject: true},
}

// The files here are what install writes where there is none.
func TestFilesAreWhatInstallWrites(t *testing.T) {
	for _, c := range clients {
		args := []string{"install", c.name, "--print", "--command", "localmodel"}
		if c.spelling == anyProject {
			args = append(args, "--env", "CLAUDE_PROJECT_DIR="+anyProject)
		}
		cmd := exec.CommandContext(t.Context(), binary.Path(t), args...)
		cmd.Env = binary.Env(t)
		want, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(c.file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(have)); d != "" {
			t.Errorf("%s (-install +file):\n%s", c.file, d)
		}
	}
}

// server reads the file as its client does: JSON as plain JSON, since not every
// client allows comments.
func server(t *testing.T, file, servers string) gjson.Result {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) == ".toml" {
		var all map[string]any
		if err := toml.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		if data, err = json.Marshal(all); err != nil {
			t.Fatal(err)
		}
	}
	if !gjson.ValidBytes(data) {
		t.Fatalf("%s is no JSON", file)
	}
	all := gjson.ParseBytes(data)
	if n := len(all.Map()); n != 1 {
		t.Errorf("%s has %d keys at the top, only %s is ours", file, n, servers)
	}
	return all.Get(servers + ".localmodel")
}

func TestEachClientStartsAWorkingServer(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			s := server(t, c.file, c.servers)
			for path, want := range c.wants {
				if got := s.Get(path).String(); got != want {
					t.Errorf("%s = %q, want %q", path, got, want)
				}
			}
			if got := s.Get("args.0").Str; s.Get("command").Str != "localmodel" || got != "serve" {
				t.Fatalf("the entry starts %s", s)
			}
			project := t.TempDir()
			ticket := "---\nid: BUG-7\ntitle: Fix it\ncomplexity: simple\n---\n# BUG-7: Fix it\n"
			if err := os.WriteFile(filepath.Join(project, "BUG-7.md"), []byte(ticket), 0o600); err != nil {
				t.Fatal(err)
			}
			env := binary.Env(t, "OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://127.0.0.1:9")
			s.Get("env").ForEach(func(k, v gjson.Result) bool {
				env = append(env, k.Str+"="+strings.ReplaceAll(v.Str, c.spelling, project))
				return true
			})
			dir := t.TempDir()
			if c.inProject {
				dir = project
			}
			tools, row := talk(t, dir, env)
			if d := cmp.Diff([]string{"check_local_health", "classify_ticket", "plan_ticket", "record_gate_outcome"}, tools); d != "" {
				t.Errorf("tools (-want +got):\n%s", d)
			}
			// The ticket is found by its name: the server knows the project.
			if row.Get("id").Str != "BUG-7" || row.Get("category").Str != "BUG" || row.Get("error").Exists() {
				t.Errorf("the project's ticket is %s", row)
			}
		})
	}
}

// talk starts the server as the entry says, lists its tools and classifies the
// project's ticket.
func talk(t *testing.T, dir string, env []string) (tools []string, row gjson.Result) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary.Path(t), "serve")
	cmd.Dir, cmd.Env = dir, env
	var in bytes.Buffer
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/list"}`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"classify_ticket","arguments":{"ticket_paths":["BUG-7.md"]}}}`,
	} {
		fmt.Fprintln(&in, line)
	}
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		switch r := gjson.Parse(line); r.Get("id").Int() {
		case 2:
			for _, name := range r.Get("result.tools.#.name").Array() {
				tools = append(tools, name.Str)
			}
		case 3:
			row = r.Get("result.structuredContent.tickets.0")
		}
	}
	return tools, row
}
