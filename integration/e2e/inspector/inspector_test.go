// Package inspector drives the server with the MCP Inspector, as a stranger's
// client would: through the shipped mcp.json, its schemas linted, every result
// checked against its output schema.
package inspector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// inspect runs one method in a project directory. The command of mcp.json is
// found on the PATH, as after `go install`.
func inspect(t *testing.T, project string, args ...string) (out gjson.Result, said string, code int) {
	t.Helper()
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	args = append([]string{"--cli", "-q", "--config", filepath.Join(root, "mcp.json"), "--server", "localmodel", "--format", "json"}, args...)
	cmd := exec.CommandContext(ctx, parts.Need(t, parts.Inspector), args...)
	cmd.Dir = project
	cmd.Env = binary.Env(t, "MCP_INSPECTOR_SECRET_STORE=memory",
		"PATH="+filepath.Dir(binary.Path(t))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://127.0.0.1:9", "CLAUDE_PROJECT_DIR="+project)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return gjson.ParseBytes(stdout.Bytes()), stderr.String(), cmd.ProcessState.ExitCode()
}

func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "---\nid: BUG-1\ntitle: Fix it\ncomplexity: simple\n---\n\n# BUG-1: Fix it\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n| main.go | create | All of it |\n\n## Acceptance Criteria\n- [ ] AC-1: It works\n"
	if err := os.WriteFile(filepath.Join(dir, "BUG-1.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSchemasArePortable(t *testing.T) {
	for _, era := range []string{"legacy", "modern"} {
		out, said, code := inspect(t, project(t), "--method", "tools/list", "--strict", "--protocol-era", era)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", era, code, said)
		}
		if n := len(out.Get("result.tools").Array()); n != 4 {
			t.Errorf("%s: %d tools", era, n)
		}
		if low := strings.ToLower(said); strings.Contains(low, "warn") && !strings.Contains(low, "ebadengine") {
			t.Errorf("%s: the linter warns: %s", era, said)
		}
	}
}

func TestEveryToolThroughMCPJSON(t *testing.T) {
	for _, call := range []struct {
		tool, args, path, want string
	}{
		{"check_local_health", `{}`, "ollama.state", "down"},
		{"classify_ticket", `{"ticket_paths":["BUG-1.md"],"explain":true}`, "tickets.0.complexity", "medium"},
		{"plan_ticket", `{"ticket_path":"BUG-1.md"}`, "by", "template"},
		{"record_gate_outcome", `{"ticket_id":"BUG-1","gate":"plan","outcome":"pass","event_id":"BUG-1:plan:1"}`, "next_event_id", "BUG-1:implement:1"},
	} {
		for _, era := range []string{"legacy", "modern"} {
			out, said, code := inspect(t, project(t), "--method", "tools/call", "--tool-name", call.tool, "--tool-args-json", call.args, "--protocol-era", era)
			if code != 0 {
				t.Errorf("%s (%s): exit %d: %s", call.tool, era, code, said)
				continue
			}
			result := out.Get("result")
			if got := result.Get("structuredContent." + call.path).String(); got != call.want {
				t.Errorf("%s (%s): %s is %q, want %q in %s", call.tool, era, call.path, got, call.want, result.Raw)
			}
			var text, structured any
			if json.Unmarshal([]byte(result.Get("content.0.text").Str), &text) != nil || json.Unmarshal([]byte(result.Get("structuredContent").Raw), &structured) != nil {
				t.Fatalf("%s: %s", call.tool, result.Raw)
			}
			a, _ := json.Marshal(text)
			b, _ := json.Marshal(structured)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: text and structured content differ:\n%s\n%s", call.tool, a, b)
			}
		}
	}
}

func TestErrorsReachTheInspector(t *testing.T) {
	_, said, code := inspect(t, project(t), "--method", "tools/call", "--tool-name", "plan_ticket", "--tool-args-json", `{"ticket_pth":"x"}`)
	if code != 5 { // the Inspector's word for isError
		t.Errorf("exit %d, want 5: %s", code, said)
	}
	if runtime.GOOS != "windows" && !strings.Contains(said, "tool_is_error") {
		t.Errorf("got %s", said)
	}
}
