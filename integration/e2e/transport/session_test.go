// Package transport proves the stdio transport on the binary itself, spawned as
// a client spawns it, in both protocol eras: the handshake of 2025-11-25
// (initialize) and the stateless form of 2026-07-28 (server/discover, then
// every request with its own _meta and no initialize).
//
// It proves: what is no message, no method, no tool or no argument is answered
// in words and the session goes on; a line that is too long costs no memory; a
// hundred calls run side by side; progress comes before its result; a cancel
// finds its call wherever that is; the end of input leaves no call without
// its answer; a signal ends the process with exit 0 at once and loses nothing
// that was acknowledged; standard output carries nothing but JSON-RPC.
//
// Where a call has to be slow or to hang, a small HTTP server imitates an
// Ollama with a slow model: a real one cannot be told when to answer.
package transport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// patience bounds every wait. It is long because it is only reached when
// something is broken.
const patience = time.Minute

// era is a way of speaking MCP.
type era string

const (
	legacy era = "2025-11-25" // initialize, then requests
	modern era = "2026-07-28" // server/discover, then requests that each carry _meta
)

// inBothEras runs a test once an era, side by side.
func inBothEras(t *testing.T, test func(t *testing.T, e era)) {
	t.Helper()
	for _, e := range []era{legacy, modern} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

const modernMeta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
	`"io.modelcontextprotocol/clientInfo":{"name":"transport-test","version":"1"}`

// request words one request. params is an object without its braces; it must
// not hold _meta, token is that of progress, "" = none. id and token are JSON.
func (e era) request(id, method, params, token string) string {
	var meta []string
	if e == modern {
		meta = append(meta, modernMeta)
	}
	if token != "" {
		meta = append(meta, `"progressToken":`+token)
	}
	var fields []string
	if params != "" {
		fields = append(fields, params)
	}
	if len(meta) > 0 {
		fields = append(fields, `"_meta":{`+strings.Join(meta, ",")+`}`)
	}
	line := `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `"`
	if len(fields) > 0 {
		line += `,"params":{` + strings.Join(fields, ",") + `}`
	}
	return line + "}\n"
}

// sign is the cheapest request that has an answer: 2026-07-28 has no ping.
func (e era) sign() string {
	if e == modern {
		return "server/discover"
	}
	return "ping"
}

// call words one call of a tool.
func (e era) call(id, tool, arguments string) string {
	return e.request(id, "tools/call", `"name":"`+tool+`","arguments":`+arguments, "")
}

// cancel words the notification that gives a request up.
func cancel(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `,"reason":"test"}}` + "\n"
}

// session is one spawned server. Every line it writes is checked to be a
// JSON-RPC message and kept.
type session struct {
	t    *testing.T
	era  era
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	errs bytes.Buffer // read only once ended is closed

	mu      sync.Mutex
	lines   []gjson.Result // every line of stdout so far
	ready   chan struct{}  // closed and renewed at every line
	ended   chan struct{}
	endedAt time.Time
}

// spawn starts a server that knows no model and no proxy but what environment
// says, in a project of its own, and opens the session.
func spawn(t *testing.T, e era, environment ...string) *session {
	t.Helper()
	s := start(t, e, t.TempDir(), environment...)
	s.open()
	return s
}

// start starts the server and says nothing to it yet.
func start(t *testing.T, e era, project string, environment ...string) *session {
	t.Helper()
	s := &session{t: t, era: e, ready: make(chan struct{}), ended: make(chan struct{})}
	s.cmd = exec.Command(binary.Path(t))
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = project, surroundings(t, project, environment...), &s.errs
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, out
	go s.read(out)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("stderr:\n%s", s.errs.String())
		}
	})
	return s
}

// surroundings is an environment that leads nowhere: nothing listens on port 1.
func surroundings(t *testing.T, project string, more ...string) []string {
	t.Helper()
	return binary.Env(t, append([]string{
		"CLAUDE_PROJECT_DIR=" + project, "OLLAMA_HOST=127.0.0.1:1", "LITELLM_BASE_URL=http://127.0.0.1:1",
		"LOCALMODEL_CLOUD=never", "LOCALMODEL_LOG=debug",
		"LOCALMODEL_STATE=" + filepath.Join(project, "state", "journal.db"), "LOCALMODEL_STATE_FILE=on",
	}, more...)...)
}

func (s *session) read(out io.Reader) {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			s.keep(line)
		}
		if err != nil {
			break
		}
	}
	_ = s.cmd.Wait()
	s.mu.Lock()
	s.endedAt = time.Now()
	s.mu.Unlock()
	close(s.ended)
}

func (s *session) keep(line string) {
	if what := notRPC(line); what != "" {
		s.t.Errorf("stdout has a line that is no JSON-RPC message (%s): %.300q", what, line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, gjson.Parse(strings.TrimSuffix(line, "\n")))
	close(s.ready)
	s.ready = make(chan struct{})
}

// notRPC says why a line is no message of JSON-RPC 2.0, "" if it is one.
func notRPC(line string) string {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		return err.Error()
	}
	_, result := m["result"]
	_, fault := m["error"]
	_, id := m["id"]
	_, method := m["method"]
	switch {
	case !strings.HasSuffix(line, "\n"):
		return "no newline"
	case string(m["jsonrpc"]) != `"2.0"`:
		return "jsonrpc is not 2.0"
	case method && !id && !result && !fault, id && result != fault && !method:
		return ""
	}
	return "neither a notification nor an answer"
}

// open does what a client of the era does first.
func (s *session) open() {
	s.t.Helper()
	if s.era == modern {
		s.send(s.era.request(`"server-discover-probe-1"`, "server/discover", "", ""))
		if got := s.answer(`"server-discover-probe-1"`).Get("result.supportedVersions.0").Str; got != "2026-07-28" {
			s.t.Fatalf("server/discover: first version %q", got)
		}
		return
	}
	s.send(s.era.request("0", "initialize",
		`"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"transport-test","version":"1"}`, ""))
	if got := s.answer("0").Get("result.protocolVersion").Str; got != "2025-11-25" {
		s.t.Fatalf("initialize: version %q", got)
	}
	s.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
}

// send writes text as it is, in one write.
func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatalf("the server does not read any more: %v", err)
	}
}

// wait returns the first line, from the nth on, that fits.
func (s *session) wait(what string, from int, fits func(gjson.Result) bool) (gjson.Result, int) {
	s.t.Helper()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		for ; from < len(s.lines); from++ {
			if fits(s.lines[from]) {
				line := s.lines[from]
				s.mu.Unlock()
				return line, from
			}
		}
		ready := s.ready
		s.mu.Unlock()
		select {
		case <-ready:
		case <-limit:
			s.t.Fatalf("no %s within %s", what, patience)
		case <-s.ended:
			s.mu.Lock()
			rest := from < len(s.lines)
			s.mu.Unlock()
			if !rest {
				s.t.Fatalf("the server ended without %s", what)
			}
		}
	}
}

// isAnswer says whether a line answers id, written exactly so.
func isAnswer(id string) func(gjson.Result) bool {
	return func(m gjson.Result) bool { return m.Get("id").Raw == id && !m.Get("method").Exists() }
}

// answer waits for the answer to id, which is JSON: "7" is not 7.
func (s *session) answer(id string) gjson.Result {
	s.t.Helper()
	m, _ := s.wait("answer to "+id, 0, isAnswer(id))
	return m
}

// ask sends one request and waits for its answer.
func (s *session) ask(id, method, params string) gjson.Result {
	s.t.Helper()
	s.send(s.era.request(id, method, params, ""))
	return s.answer(id)
}

// alive proves that the session goes on.
func (s *session) alive(id string) {
	s.t.Helper()
	if m := s.ask(id, s.era.sign(), ""); !m.Get("result").Exists() {
		s.t.Fatalf("%s is answered %s", s.era.sign(), m.Raw)
	}
}

// count is how many lines so far fit.
func (s *session) count(fits func(gjson.Result) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.lines {
		if fits(m) {
			n++
		}
	}
	return n
}

// end waits for the process and returns its exit code and how long it took.
func (s *session) end(since time.Time) (code int, took time.Duration) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server still runs after %s", patience)
	}
	return s.cmd.ProcessState.ExitCode(), s.endedAt.Sub(since)
}

// closes ends the input and expects exit 0.
func (s *session) closes() {
	s.t.Helper()
	if err := s.in.Close(); err != nil {
		s.t.Fatal(err)
	}
	if code, _ := s.end(time.Now()); code != 0 {
		s.t.Errorf("exit %d at the end of input, want 0", code)
	}
}
