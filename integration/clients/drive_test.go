package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
)

const (
	// spyEnv makes this test's program a relay between a client and the server and
	// write what they say into the file that it names.
	spyEnv = "LOCALMODEL_TEST_SPY"
	// clientLimit bounds one client's run; it is reached only when it hangs.
	clientLimit = 4 * time.Minute
	// slowWord marks the ticket whose classification never ends.
	slowWord = "unanswerable"
)

// The ticket that is worked on, and one that the local model never answers.
const (
	bugTicket  = "---\nid: BUG-1\ntitle: Fix it\ncomplexity: simple\n---\n\n# BUG-1: Fix it\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n| main.go | create | All of it |\n\n## Acceptance Criteria\n- [ ] AC-1: It works\n"
	slowTicket = "# An " + slowWord + " question\n\nSomething happens somewhere in `main.go`.\n"
)

// rig is what one client runs in: a project, a home, a model of its own, and an
// Ollama server that answers all but one ticket.
type rig struct {
	project, home string
	spied         string // file with every line that the client sent
	server        []string
	env           map[string]string // what the server's entry has to set
	model         *modelStub
	interrupts    bool // the call that is never answered ends by an interrupt of the client
	row           *row

	ollama *fakeserver.Server
	asked  chan struct{} // closed when the slow ticket has reached Ollama
	hungUp chan struct{} // closed when it was given up there
}

func newRig(t *testing.T, name, part string) *rig {
	t.Helper()
	r := &rig{project: t.TempDir(), home: t.TempDir(), row: &row{Client: name, Version: version(t, part)}, asked: make(chan struct{}), hungUp: make(chan struct{})}
	r.spied = filepath.Join(r.home, "spied.jsonl")
	write(t, filepath.Join(r.project, "BUG-1.md"), bugTicket)
	asked := sync.OnceFunc(func() { close(r.asked) })
	hungUp := sync.OnceFunc(func() { close(r.hungUp) })
	ready := make(chan struct{}) // the handler sees the server that it belongs to
	r.ollama = fakeserver.New(t, func(w http.ResponseWriter, req *http.Request) {
		<-ready
		last := r.ollama.Requests(t)
		for _, m := range last[len(last)-1].Messages {
			if strings.Contains(m.Content, slowWord) {
				asked()
				<-req.Context().Done()
				hungUp()
				return
			}
		}
		fakeserver.Says(http.StatusOK, fakeserver.Chunk("no JSON")+fakeserver.End("stop", 700, 9))(w, req)
	})
	close(ready)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.server = []string{self, binary.Path(t), "serve"}
	r.env = map[string]string{
		spyEnv: r.spied, "OLLAMA_HOST": r.ollama.URL, "LOCALMODEL_MODEL": fakeserver.Model, "LOCALMODEL_CLOUD": "never",
		"LOCALMODEL_NUM_CTX": "4096", "LOCALMODEL_FIRST_TOKEN_TIMEOUT": "5m", "LOCALMODEL_DEADLINE": "5m",
	}
	return r
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a client's program in the project and returns what it printed.
func (r *rig) run(t *testing.T, vars []string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), clientLimit)
	defer stop()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = r.project
	cmd.Env = append(binary.Environ(r.home, "PWD="+r.project), vars...)
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.row.CanceledBy = fmt.Sprintf("its own limit (%d s)", timeout)
	if r.interrupts {
		r.row.CanceledBy = "Ctrl-C"
		go func() {
			select {
			case <-r.asked:
				_ = cmd.Process.Signal(os.Interrupt) // it may have ended
			case <-ctx.Done():
			}
		}()
	}
	if err := cmd.Wait(); err != nil && !r.interrupts {
		t.Errorf("%s: %v\n%.4000s", filepath.Base(args[0]), err, out.String())
	}
	return out.String()
}

// entry is the server's entry in the shape that most clients share.
func (r *rig) entry() map[string]any {
	return map[string]any{"command": r.server[0], "args": r.server[1:], "env": r.env}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestMain is the spy where a client has started it.
func TestMain(m *testing.M) {
	if os.Getenv(spyEnv) != "" {
		os.Exit(spy())
	}
	os.Exit(m.Run())
}

// spy runs the server of its arguments and keeps what it is sent.
func spy() int {
	log, err := os.OpenFile(os.Getenv(spyEnv), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...) //nolint:gosec // the program under test
	cmd.Stdin = io.TeeReader(os.Stdin, log)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return 1
	}
	return 0
}

// said lists what the client sent with a method.
func (r *rig) said(t *testing.T, method string) (lines []gjson.Result) {
	t.Helper()
	text, err := os.ReadFile(r.spied)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if l := gjson.Parse(line); l.Get("method").Str == method {
			lines = append(lines, l)
		}
	}
	return lines
}
