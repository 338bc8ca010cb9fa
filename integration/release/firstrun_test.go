package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }

// firstRun is a new user's way from a package to a client that gets a local
// answer: setup, then the server as the client's file starts it. start is how
// the package is run, entry what the client's file must name.
type firstRun struct {
	env   []string // beside that of a clean user
	start []string
	entry string
}

// check runs both. It does without a real Ollama only where that is skipped.
func (f firstRun) check(t *testing.T) {
	t.Helper()
	s := ollamatest.Shared(t)
	home, project := t.TempDir(), t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, ".claude"), 0o700)) // Claude Code is installed
	env := slices.Concat(binary.Environ(home), f.env)

	setup := slices.Concat(f.start, []string{"setup", "--yes", "--json", "--model", ollamatest.Steered})
	report := gjson.Parse(runIn(t, project, append(env, "OLLAMA_HOST="+s.URL), "", setup))
	if report.Get("exit").Int() != 0 || !strings.HasPrefix(report.Get("model").Str, ollamatest.Steered) {
		t.Fatalf("setup: %s", report.Raw)
	}
	var client struct {
		MCPServers map[string]struct {
			Command string
			Args    []string
		}
	}
	must(t, json.Unmarshal(read(t, filepath.Join(project, ".mcp.json")), &client))
	e := client.MCPServers["localmodel"]
	command := append([]string{e.Command}, e.Args...)
	if got := strings.Join(command, " "); got != f.entry {
		t.Errorf("the client starts %q, want %q", got, f.entry)
	}
	// The client knows nothing of the variable that setup was run with.
	answers := runIn(t, project, env, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"classify_ticket","arguments":{"ticket":"# The cart crashes\nIt divides by zero.","route":"local"}}}
`, command)
	if !strings.Contains(answers, `"by":"local"`) {
		t.Errorf("the server classified without the local model: %s", answers)
	}
}

// runIn runs a command as a client does and returns its standard output.
func runIn(t *testing.T, dir string, env []string, input string, command []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...) //nolint:gosec // what is tested
	for _, v := range env {
		if path, found := strings.CutPrefix(v, "PATH="); found { // a program that the client would find
			for _, place := range filepath.SplitList(path) {
				if _, err := os.Stat(filepath.Join(place, command[0])); err == nil && !strings.Contains(command[0], "/") {
					cmd.Path, cmd.Err = filepath.Join(place, command[0]), nil
				}
			}
		}
	}
	var said strings.Builder
	cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &said
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = io.WriteString(stdin, input)
	must(t, err)
	var out strings.Builder
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadString('\n')
		out.WriteString(line)
		if err != nil {
			break
		}
		if input != "" && gjson.Get(line, "id").Int() == 2 { // the end of its input cancels a server's call
			must(t, stdin.Close())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s%s", command, err, out.String(), said.String())
	}
	return out.String()
}
