package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// marker is in the prompt of the conversation that the script leads. Any
// other request, such as one for a title or of a sub-agent, gets a plain text.
const marker = "[scripted]"

// maxRequest bounds a request's body, in bytes: prompts of clients take 200 kB.
const maxRequest = 16 << 20

// toolCall is one tool call of the model.
type toolCall struct {
	ID        string // set when it is sent
	Name      string // the client's name of the tool
	Arguments json.RawMessage
}

// toolResult is what the client gave the model for a call.
type toolResult struct {
	Text    string
	IsError bool // where the API can say so
}

// modelRequest is one request in the words that all the APIs share.
type modelRequest struct {
	Model   string       // that is to answer, where the request names it
	Tools   []string     // names of the tools offered
	Texts   []string     // what the system and the user say
	Turns   int          // turns of the model with tool calls so far
	Results []toolResult // of the latest of them, in the order of its calls
}

// modelTurn is one turn of the model: calls, or a text that ends the conversation.
type modelTurn struct {
	ID    string // differs by request: clients join messages of one id
	Text  string
	Calls []toolCall
}

// modelStub plays the model behind a coding client, so that the real client runs
// offline: it serves the model's HTTP API and answers with the calls of a script.
// A script is straight code that sees what a model would see.
type modelStub struct {
	URL string

	mu      sync.Mutex
	count   int         // of requests
	answers []modelTurn // by turn: a client that asks again gets the same
	next    func() (modelTurn, bool)
	model   *scriptedModel
	aside   func(modelRequest) modelTurn
	usage   stubUsage
	asides  []string // the first words of what others asked
	unknown []string // requests that no API here has
}

// stubUsage is what the client's requests cost, in bytes: four are about a token. Each
// request counts whole, since a model reads its conversation again at every turn.
type stubUsage struct {
	Requests      int
	Read, Written int // requests' bodies; texts and calls of the answers
}

// String gives it in tokens.
func (u stubUsage) String() string {
	return fmt.Sprintf("%d requests, %d tokens read, %d written", u.Requests, u.Read/4, u.Written/4)
}

// newModelStub starts a stub whose marked conversation follows the script. Others get
// what aside answers; nil = "ok".
func newModelStub(t testing.TB, script func(*scriptedModel), aside func(modelRequest) modelTurn) *modelStub {
	t.Helper()
	s := &modelStub{aside: aside, model: &scriptedModel{}}
	if aside == nil {
		s.aside = func(modelRequest) modelTurn { return modelTurn{Text: "ok"} }
	}
	next, stop := iter.Pull(func(yield func(modelTurn) bool) {
		s.model.yield = yield
		script(s.model)
	})
	s.next = next
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		stop()
	})
	return s
}

// stubAPIs are the wire formats, by how a request's path ends; the first that fits
// is taken.
var stubAPIs = []struct {
	path  string
	read  func(body []byte) modelRequest
	write func(w http.ResponseWriter, r *http.Request, body []byte, a modelTurn)
}{
	{"/messages", readAnthropic, writeAnthropic},
	{"/responses", readResponses, writeResponses},
	{":streamGenerateContent", readGemini, writeGemini},
	{":generateContent", readGemini, writeGemini},
}

// ServeHTTP answers a request of any of the APIs.
func (s *modelStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, api := range stubAPIs {
		if strings.HasSuffix(r.URL.Path, api.path) && r.Method == http.MethodPost {
			asked := api.read(body)
			api.write(w, r, body, s.answer(asked, len(body)))
			return
		}
	}
	s.mu.Lock()
	s.unknown = append(s.unknown, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/models") {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"scripted","object":"model"}],"models":[]}`)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"type":"error","error":{"type":"not_found_error","message":"not here"}}`)
}

// answer returns the turn of the script that is due to a request of that size.
func (s *modelStub) answer(a modelRequest, size int) modelTurn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	answer := s.due(a)
	answer.ID = strconv.Itoa(s.count)
	s.usage.Requests++
	s.usage.Read += size
	s.usage.Written += len(answer.Text)
	for _, c := range answer.Calls {
		s.usage.Written += len(c.Name) + len(c.Arguments)
	}
	return answer
}

func (s *modelStub) due(a modelRequest) modelTurn {
	all := strings.Join(a.Texts, "\n")
	if len(a.Tools) == 0 || !strings.Contains(all, marker) {
		s.asides = append(s.asides, fmt.Sprintf("%d tools: %.80q", len(a.Tools), all))
		out := s.aside(a)
		for i := range out.Calls {
			out.Calls[i].ID = fmt.Sprintf("aside_%d_%d", s.count, i+1)
		}
		return out
	}
	if a.Turns < len(s.answers) {
		return s.answers[a.Turns]
	}
	s.model.asked = a
	out, more := s.next()
	if !more {
		out = modelTurn{Text: "The script has ended."}
	}
	for i := range out.Calls {
		out.Calls[i].ID = fmt.Sprintf("call_%d_%d", a.Turns+1, i+1)
	}
	s.answers = append(s.answers, out)
	return out
}

// Log is what happened, for a test's log: the steps of the script, and what was
// asked beside it.
func (s *modelStub) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.model.log.String()
	for _, line := range s.asides {
		out += "aside: " + line + "\n"
	}
	for _, line := range s.unknown {
		out += "not served: " + line + "\n"
	}
	return out
}

// Usage is what all requests cost so far.
func (s *modelStub) Usage() stubUsage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage
}

// Fault is the first fault that the script met.
func (s *modelStub) Fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.model.err
}

// Ended says whether the script has come to its end.
func (s *modelStub) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.model.ended
}

// scriptedModel is what a script leads. Its methods are for the script alone.
type scriptedModel struct {
	yield func(modelTurn) bool
	asked modelRequest
	log   strings.Builder
	err   error
	ended bool
}

// Tool is the client's name for a tool of ours, or "": clients put the server's
// name before it.
func (m *scriptedModel) Tool(name string) string {
	for _, t := range m.asked.Tools {
		if t == name || strings.HasSuffix(t, name) {
			return t
		}
	}
	return ""
}

// Use makes one call, a tool by its own or its last words, and returns its
// result.
func (m *scriptedModel) Use(name string, arguments any) toolResult {
	full := m.Tool(name)
	if full == "" {
		full = name
	}
	raw, err := json.Marshal(arguments)
	if err != nil {
		m.Fail("%s: %v", name, err)
	}
	fmt.Fprintf(&m.log, "> %s %s\n", full, raw)
	m.yield(modelTurn{Calls: []toolCall{{Name: full, Arguments: raw}}})
	if len(m.asked.Results) == 0 {
		m.Fail("%s: the client gave no result", name)
		return toolResult{}
	}
	r := m.asked.Results[0]
	mark := "<"
	if r.IsError {
		mark = "< error:"
	}
	fmt.Fprintf(&m.log, "%s %s\n", mark, strings.TrimSpace(r.Text))
	return r
}

// Note writes a line into the log.
func (m *scriptedModel) Note(format string, a ...any) { fmt.Fprintf(&m.log, format+"\n", a...) }

// Fail keeps the script's first fault, which Ended returns.
func (m *scriptedModel) Fail(format string, a ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, a...)
	}
	m.Note("fault: "+format, a...)
}

// End ends the conversation with a text.
func (m *scriptedModel) End(text string) {
	m.ended = true
	m.Note("says: %s", text)
	m.yield(modelTurn{Text: text})
}
