package silence

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// A ticket of 2 MB by path is answered or refused with its size, never cut, and
// its memory is given back.
func TestLargeTicketByPath(t *testing.T) {
	server := ollamatest.Shared(t)
	root := t.TempDir()
	head := "---\nid: N-2\ntitle: A long story\n---\n\n# A long story\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n| main.go | modify | |\n\n## Acceptance Criteria\n\n- [ ] AC-1: It ends.\n\n## Implementation Notes\n\n"
	for name, size := range map[string]int{"fits.md": 2<<20 - 1024, "over.md": 2<<20 + 1024} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(head+strings.Repeat("a line of the story\n", (size-len(head))/20)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := serve(t, root, server.URL)
	for _, call := range []struct{ name, arguments, by, says string }{
		{"classify_ticket", `{"ticket_paths":["fits.md"],"explain":true}`, "rules", "too long for the window of 4096"},
		{"plan_ticket", `{"ticket_path":"fits.md"}`, "template", "too long for the window of 4096"},
	} {
		r := c.call(t, call.name, call.arguments)
		if text := r.Get("structuredContent").Raw; !strings.Contains(text, `"by":"`+call.by+`"`) || !strings.Contains(text, call.says) || !strings.Contains(text, "the prompt of 209") {
			t.Errorf("%s: %.600s", call.name, r.Raw)
		}
	}
	row := c.call(t, "classify_ticket", `{"ticket_paths":["over.md"]}`).Get("structuredContent.tickets.0.error").Str
	plan := c.call(t, "plan_ticket", `{"ticket_path":"over.md"}`).Get("content.0.text").Str
	for _, text := range []string{row, plan} {
		if !strings.Contains(text, "E_TICKET_TOO_LARGE") || !strings.Contains(text, "20981") || !strings.Contains(text, "2097152") {
			t.Errorf("no size and limit in %q", text)
		}
	}
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc: this system has none")
	}
	most := memory(t, c.cmd.Process.Pid, "VmHWM")
	testkit.Eventually(t, "memory under 40 MB", func() bool { return memory(t, c.cmd.Process.Pid, "VmRSS") < 40<<10 })
	t.Logf("memory %d kB after, %d kB at most", memory(t, c.cmd.Process.Pid, "VmRSS"), most)
}

// client speaks to a server as an MCP client does, one call at a time.
type client struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *bufio.Reader
	ids int
}

func serve(t *testing.T, root, ollama string) *client {
	t.Helper()
	cmd := exec.Command(binary.Path(t), "serve") //nolint:gosec,noctx // ended below
	cmd.Env = binary.Env(t, "CLAUDE_PROJECT_DIR="+root, "OLLAMA_HOST="+ollama, "LOCALMODEL_MODEL="+ollamatest.TinyQwen,
		"LOCALMODEL_NUM_CTX=4096", "LOCALMODEL_CLOUD=never")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	c := &client{cmd: cmd, in: json.NewEncoder(in), out: bufio.NewReaderSize(out, 1<<20)}
	c.send(t, "initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`)
	if err := c.in.Encode(json.RawMessage(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) call(t *testing.T, tool, arguments string) gjson.Result {
	t.Helper()
	return c.send(t, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
}

func (c *client) send(t *testing.T, method, params string) gjson.Result {
	t.Helper()
	c.ids++
	if err := c.in.Encode(json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, c.ids, method, params))); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(3*time.Minute, func() { _ = c.cmd.Process.Kill() })
	defer deadline.Stop()
	for {
		line, err := c.out.ReadBytes('\n')
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if r := gjson.ParseBytes(line); r.Get("id").Int() == int64(c.ids) {
			if r.Get("error").Exists() {
				t.Fatalf("%s: %.600s", method, line)
			}
			return r.Get("result")
		}
	}
}

// memory is a process's figure of /proc/PID/status, in kB.
func memory(t *testing.T, pid int, name string) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s", name)
	return 0
}
