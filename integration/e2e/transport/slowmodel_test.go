package transport

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"
	"time"
)

// slowModel imitates an Ollama server whose model is loaded and slow: its chats
// wait to be let go. Real ones cannot be told when to answer.
type slowModel struct {
	*httptest.Server
	mu      sync.Mutex
	begun   map[string]bool // ids of tickets whose chat arrived
	now     int             // chats under way
	changed chan struct{}   // closed and renewed when the two above change
	let     chan struct{}   // closed: chats are answered
	token   time.Duration   // how long each of 6 tokens takes, once let go
}

var ticketID = regexp.MustCompile(`id: (T-[0-9]+)`)

func newSlowModel(t *testing.T) *slowModel {
	t.Helper()
	m := &slowModel{begun: map[string]bool{}, changed: make(chan struct{}), let: make(chan struct{})}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

// environment points a server at the model, with room for slots calls at once.
func (m *slowModel) environment(slots int) []string {
	return []string{"OLLAMA_HOST=" + m.URL, "LOCALMODEL_MODEL=slow:1b", fmt.Sprintf("LOCALMODEL_SLOTS=%d", slots),
		"LOCALMODEL_DEADLINE=5m", "LOCALMODEL_FIRST_TOKEN_TIMEOUT=5m", "LOCALMODEL_TOKEN_TIMEOUT=5m"}
}

func (m *slowModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/version":
		fmt.Fprint(w, `{"version":"0.24.0"}`)
	case "/api/tags":
		fmt.Fprint(w, `{"models":[{"name":"slow:1b","digest":"sha256:51"}]}`)
	case "/api/ps":
		fmt.Fprint(w, `{"models":[{"name":"slow:1b","context_length":32768}]}`)
	case "/api/show":
		fmt.Fprint(w, `{"capabilities":["completion"]}`)
	case "/api/chat":
		m.chat(w, r)
	default:
		http.NotFound(w, r)
	}
}

// chat answers that a ticket is of low complexity.
func (m *slowModel) chat(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := ""
	if found := ticketID.FindSubmatch(body); found != nil {
		id = string(found[1])
	}
	m.change(func() { m.begun[id] = true; m.now++ })
	defer m.change(func() { m.now-- })
	select {
	case <-m.let:
	case <-r.Context().Done():
		return
	}
	for _, piece := range []string{`{`, `\"complexity\"`, `:`, `\"`, `low`, `\"}`} {
		select {
		case <-time.After(m.token):
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, `{"model":"slow:1b","message":{"role":"assistant","content":"%s"},"done":false}`+"\n", piece)
		w.(http.Flusher).Flush()
	}
	fmt.Fprint(w, `{"model":"slow:1b","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":6}`+"\n")
}

func (m *slowModel) change(what func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what()
	close(m.changed)
	m.changed = make(chan struct{})
}

// until waits for a state of the model.
func (m *slowModel) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(patience)
	for {
		m.mu.Lock()
		done, changed := holds(), m.changed
		m.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the model never had %s", what)
		}
	}
}

// hasBegun says whether the chat about a ticket ever arrived.
func (m *slowModel) hasBegun(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun[id]
}

// slowTicket is the arguments of a classification that has to ask the model:
// the complexity is neither stated nor given by a rule. The id is in the
// body too, which is what a model sees.
func slowTicket(n int) string {
	return fmt.Sprintf(`{"ticket":"---\nid: T-%[1]d\ntype: bug\naffected_files: [a.go]\n---\n# Fix it\n\nid: T-%[1]d\n"}`, n)
}

// statedTicket is one that needs no model.
const statedTicket = `{"ticket":"---\nid: S-1\ntype: bug\ncomplexity: low\n---\n# Fix it\n"}`
