package litellmtest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// Provider is a fake of the paid providers, in the wire formats of Anthropic
// (POST /v1/messages) and OpenAI (POST /v1/chat/completions): nobody pays for a
// test, and no real one fails on demand. It answers by the model's name.
type Provider struct {
	URL string

	mu      sync.Mutex
	answers map[string]answer // by model
	asked   []Asked
	done    chan struct{}
}

type answer struct {
	to   func(Asked) Said
	over chan struct{} // closed when the test that set it ends
}

// Asked is one call that reached the provider.
type Asked struct {
	Path, Model, System, User string
	Schema                    string // the reply schema, however it was sent; "" = none
	Tool                      bool   // it came as a tool that must be used
	MaxTokens                 int
	Key                       string
	Body                      string
}

// Said is how the provider answers. The zero value is an empty answer.
type Said struct {
	Text    string
	In, Out int    // tokens; 0 = 100 in, 10 out
	Stop    string // in Anthropic's words; "" = it ended by itself
	Status  int    // 0 = 200
	Error   string // type and message of a failure, "type: message"
	Raw     string // the whole body instead
	After   time.Duration
}

// NewProvider starts a fake; close ends it.
func NewProvider() (p *Provider, closeIt func()) {
	p = &Provider{answers: map[string]answer{}, done: make(chan struct{})}
	server := httptest.NewServer(p)
	p.URL = server.URL
	return p, func() { close(p.done); server.CloseClientConnections(); server.Close() }
}

// Answer sets how a model answers until the test ends. An answer that is still
// waited for then comes at once: the proxy waits on where its caller has gone, and
// would put the deployment to rest in the middle of another test.
func (p *Provider) Answer(t testing.TB, model string, to func(Asked) Said) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	before, now := p.answers[model], answer{to, make(chan struct{})}
	p.answers[model] = now
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.answers[model] = before
		close(now.over)
	})
}

// Says sets one answer for every call.
func (p *Provider) Says(t testing.TB, model string, said Said) {
	t.Helper()
	p.Answer(t, model, func(Asked) Said { return said })
}

// Asked lists the calls that came for a model, "" = for any.
func (p *Provider) Asked(model string) []Asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Asked
	for _, a := range p.asked {
		if model == "" || a.Model == model {
			out = append(out, a)
		}
	}
	return out
}

// Forget drops the calls seen so far.
func (p *Provider) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = nil
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	a := readAsked(r, body)
	p.mu.Lock()
	p.asked = append(p.asked, a)
	answer := p.answers[a.Model]
	p.mu.Unlock()
	said := Said{Text: "OK"}
	if answer.to != nil {
		said = answer.to(a)
	}
	if said.After > 0 {
		select {
		case <-time.After(said.After):
		case <-answer.over:
		case <-r.Context().Done():
			return
		case <-p.done:
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case said.Raw != "":
		w.WriteHeader(cmp.Or(said.Status, http.StatusOK))
		_, _ = io.WriteString(w, said.Raw)
	case cmp.Or(said.Status, http.StatusOK) != http.StatusOK:
		kind, message, _ := strings.Cut(said.Error, ": ")
		w.WriteHeader(said.Status)
		write(w, map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": message}})
	case a.Path == "/v1/messages":
		write(w, anthropic(a, said))
	default:
		write(w, openAI(a, said))
	}
}

func readAsked(r *http.Request, body []byte) Asked {
	doc := gjson.ParseBytes(body)
	a := Asked{Path: r.URL.Path, Model: doc.Get("model").Str, MaxTokens: int(doc.Get("max_tokens").Int()),
		Key: cmp.Or(r.Header.Get("x-api-key"), r.Header.Get("Authorization")), Body: string(body)}
	a.System = text(doc.Get("system"))
	for _, m := range doc.Get("messages").Array() {
		switch m.Get("role").Str {
		case "system":
			a.System = text(m.Get("content"))
		case "user":
			a.User = text(m.Get("content"))
		}
	}
	for _, path := range []string{"output_format.schema", "output_config.format.schema", "response_format.json_schema.schema"} {
		if s := doc.Get(path); s.Exists() {
			a.Schema = s.Raw
		}
	}
	if s := doc.Get("tools.0.input_schema"); s.Exists() {
		a.Schema, a.Tool = s.Raw, true
	}
	return a
}

// text is a content that may be a string or a list of blocks.
func text(content gjson.Result) string {
	if content.Type == gjson.String {
		return content.Str
	}
	var b strings.Builder
	for _, block := range content.Get("#.text").Array() {
		b.WriteString(block.Str)
	}
	return b.String()
}

func anthropic(a Asked, s Said) map[string]any {
	content := map[string]any{"type": "text", "text": s.Text}
	stop := cmp.Or(s.Stop, "end_turn")
	if a.Tool {
		content = map[string]any{"type": "tool_use", "id": "toolu_1", "name": gjson.Get(a.Body, "tools.0.name").Str, "input": json.RawMessage(s.Text)}
		stop = cmp.Or(s.Stop, "tool_use")
	}
	return map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": a.Model, "content": []any{content},
		"stop_reason": stop, "stop_sequence": nil, "usage": map[string]int{"input_tokens": cmp.Or(s.In, 100), "output_tokens": cmp.Or(s.Out, 10)}}
}

func openAI(a Asked, s Said) map[string]any {
	in, out := cmp.Or(s.In, 100), cmp.Or(s.Out, 10)
	return map[string]any{"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": a.Model,
		"choices": []any{map[string]any{"index": 0, "finish_reason": cmp.Or(s.Stop, "stop"), "message": map[string]string{"role": "assistant", "content": s.Text}}},
		"usage":   map[string]int{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}}
}

func write(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) } // the caller may be gone
