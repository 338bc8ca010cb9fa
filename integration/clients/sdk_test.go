package clients

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

func TestPythonSDK(t *testing.T) {
	part := parts.Need(t, parts.PythonSDK)
	python := filepath.Join(filepath.Dir(part), "venv", "bin", "python")
	if runtime.GOOS == "windows" {
		python = filepath.Join(filepath.Dir(part), "venv", "Scripts", "python.exe")
	}
	newRig(t, "Python SDK", parts.PythonSDK).drive(t, part, python, filepath.Join("sdk", "client.py"))
}

func TestTypeScriptSDK(t *testing.T) {
	part := parts.Need(t, parts.TypeScriptSDK)
	newRig(t, "TypeScript SDK", parts.TypeScriptSDK).drive(t, part, node(t), filepath.Join("sdk", "client.mjs"))
}

// plan is what a program beneath sdk is given, as JSON: how it starts the server,
// the calls of its steps in their order, and the call that it cancels once it has
// read a line. It prints a line of JSON for each.
type plan struct {
	SDK     string            `json:"sdk"` // where its packages lie
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
	Cwd     string            `json:"cwd"`
	Steps   []planned         `json:"steps"`
	Slow    planned           `json:"slow"`
}

type planned struct {
	Tool string          `json:"tool"`
	Args json.RawMessage `json:"args"`
}

// drive runs a program of an SDK and checks every line that it prints.
func (r *rig) drive(t *testing.T, sdk string, program ...string) {
	t.Helper()
	r.env["HOME"] = r.home // an SDK hands on few variables
	p := plan{SDK: sdk, Command: r.server[0], Args: r.server[1:], Env: r.env, Cwd: r.project,
		Slow: planned{"classify_ticket", slowArgs()}}
	for _, s := range steps {
		p.Steps = append(p.Steps, planned{s.tool, json.RawMessage(s.args)})
	}
	p.Steps = append(p.Steps, planned{"plan_ticket", json.RawMessage(failingArgs)})
	cmd := exec.CommandContext(t.Context(), program[0], append(program[1:], toJSON(t, p))...) //nolint:gosec // a program of this package
	cmd.Env = binary.Environ(r.home)
	cmd.Stderr = t.Output()
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
	go func() { // the cancel, once there is something to cancel
		select {
		case <-r.asked:
		case <-t.Context().Done():
		}
		_, _ = in.Write([]byte("cancel\n")) // a program that has ended is seen below
	}()
	r.row.CanceledBy = "its cancel"
	var called int
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := gjson.ParseBytes(lines.Bytes()); {
		case line.Get("tools").Exists():
			r.row.Tools = len(line.Get("tools").Array())
		case line.Get("canceled").Exists():
			r.row.Canceled = line.Get("canceled").Str
			r.canceled(t)
			_ = in.Close()
		case line.Get("error").Bool():
			r.row.Error = line.Get("text").Str
		case called < len(steps):
			s := steps[called]
			called++
			for _, path := range []string{"structured", "text"} {
				reply := line.Get(path)
				if reply.Type == gjson.String {
					reply = gjson.Parse(reply.Str)
				}
				if got := reply.Get(s.path).String(); got != s.want {
					t.Errorf("%s: %s of its %s is %q, want %q: %s", s.tool, s.path, path, got, s.want, line.Raw)
				}
			}
			r.row.Called++
		default:
			t.Errorf("unexpected: %s", line.Raw)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	r.finish(t)
}
