package faults

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
)

// limits are the settings of a cell, small enough to run out in a test.
const (
	patience = 300 * time.Millisecond // first token, next token
	deadline = 55 * time.Second
	short    = 12 * time.Second // the whole call, where something hangs for good
)

// localFault is one row: how Ollama fails, what must be said of it, and how
// long it may hold a call up.
type localFault struct {
	name   string
	fake   string // what the fake imitates; "" = nothing is faked
	url    func(t *testing.T) string
	kind   routing.Kind
	reason string
	holds  time.Duration
	hangs  bool // it holds a call up until its deadline if no other tier answers
}

// ollama imitates a server with a loaded model whose generation is given.
func ollama(chat http.HandlerFunc) func(*testing.T) string { return ollamaLoading(chat, nil) }

// ollamaLoading imitates a server whose model is cold, if load is given.
func ollamaLoading(chat, load http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case r.URL.Path == "/api/ps" && load != nil:
				fmt.Fprint(w, `{"models":[]}`)
			case r.URL.Path == "/api/ps":
				fmt.Fprint(w, `{"models":[{"name":"tiny:latest","context_length":4096}]}`)
			case r.URL.Path == "/api/tags":
				fmt.Fprint(w, `{"models":[{"name":"tiny:latest","digest":"abc"}]}`)
			case r.URL.Path == "/api/show":
				fmt.Fprint(w, `{"capabilities":["completion"]}`)
			case r.URL.Path == "/api/version":
				fmt.Fprint(w, `{"version":"0.24.0"}`)
			case load != nil && strings.Contains(string(body), `"messages":[]`):
				load(w, r)
			default:
				chat(w, r)
			}
		})
	}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func chunk(content string) string {
	return fmt.Sprintf(`{"message":{"role":"assistant","content":%q},"done":false}`+"\n", content)
}

func end(reason string) string {
	return fmt.Sprintf(`{"message":{"role":"assistant","content":""},"done":true,"done_reason":%q,"prompt_eval_count":700,"eval_count":60}`+"\n", reason)
}

const answered = `{"category":"BUG","complexity":"low"}`

// breaks sends a beginning, then lets go of the connection: with a reset, or as
// a process that ends.
func breaks(withReset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, chunk(`{"category":`))
		w.(http.Flusher).Flush()
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		if tcp, ok := conn.(*net.TCPConn); ok && withReset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

func stall(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, chunk(`{"category":`))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// gigabyte sends an answer whose first line does not end for 1 GB.
func gigabyte(w http.ResponseWriter, r *http.Request) {
	part := []byte(strings.Repeat("x", 64<<10))
	for sent := 0; sent < 1<<30 && r.Context().Err() == nil; sent += len(part) {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

// unsure answers with probabilities that are near each other.
func unsure(w http.ResponseWriter, _ *http.Request) {
	p := func(token string, alternatives ...string) string {
		var top []string
		for _, a := range append([]string{token}, alternatives...) {
			top = append(top, fmt.Sprintf(`{"token":%q,"logprob":-1}`, a))
		}
		return fmt.Sprintf(`{"token":%q,"logprob":-1,"top_logprobs":[%s]}`, token, strings.Join(top, ","))
	}
	fmt.Fprintf(w, `{"message":{"content":%q},"logprobs":[%s,%s,%s,%s,%s],"done":false}`+"\n%s", answered,
		p(`{"category":"`), p("BUG", "FEAT", "TASK"), p(`","complexity":"`), p("low", "medium", "high"), p(`"}`), end("stop"))
}

func at(url string) func(*testing.T) string { return func(*testing.T) string { return url } }

// refused is an address where nobody listens, nor will: a port just given back
// may be another test's a moment later.
func refused(*testing.T) string { return "http://127.0.0.1:9" }

func localFaults() []localFault {
	const (
		unavailable = routing.Unavailable
		invalid     = routing.InvalidOutput
		overflow    = routing.ContextOverflow
		tooLong     = "the prompt does not fit the model's context window"
	)
	return []localFault{
		{name: "refused", url: refused, kind: unavailable, reason: "(connection refused)"},
		{name: "DNS failure", url: at("http://ollama.invalid:11434"), kind: unavailable, reason: "(host name not"},
		{name: "model missing", fake: "0.24.0", url: ollama(says(404, `{"error":"model 'tiny' not found"}`)), kind: routing.ModelMissing, reason: "model tiny is not there"},
		{name: "loading", fake: "a load that takes longer than the call", url: ollamaLoading(nil, hang), kind: routing.Loading, reason: "the model is", hangs: true},
		{name: "503 busy", fake: "0.24.0", url: ollama(says(503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`)), kind: routing.Busy, reason: "Ollama answers 503: server busy", holds: 600 * time.Millisecond},
		{name: "500 empty body", fake: "a handler that panics, 0.17.4", url: ollama(says(500, "")), kind: unavailable, reason: "Ollama answers 500"},
		{name: "500 invalid format", fake: "0.24.0", url: ollama(says(500, `{"error":"invalid JSON schema in format"}`)), kind: unavailable, reason: "Ollama answers 500: invalid JSON schema in format"},
		{name: "200 empty body", fake: "a proxy in between", url: ollama(says(200, "")), kind: unavailable, reason: "the stream ended before the answer was done"},
		{name: "200 HTML", fake: "a portal in between", url: ollama(says(200, "<html><body>Sign in</body></html>")), kind: unavailable, reason: "no chat chunk"},
		{name: "200 `done:false`", fake: "0.24.0, the guard against repetition", url: ollama(says(200, chunk(answered))), kind: unavailable, reason: "the stream ended before the answer was done"},
		{name: "length cut", fake: "0.24.0", url: ollama(says(200, chunk(answered)+end("length"))), kind: invalid, reason: "the answer was cut at 60 tokens"},
		{name: "schema-invalid", fake: "a thinking model up to 0.31.1, which ignores format", url: ollama(says(200, chunk("I would say it is a bug.")+end("stop"))), kind: invalid, reason: "the reply is not JSON"},
		{name: "empty content", fake: "a thinking model that thought until its end", url: ollama(says(200, end("stop"))), kind: invalid, reason: "the reply is empty"},
		{name: "context overflow, to 0.29", fake: "0.24.0", url: ollama(says(400, `{"error":"the input length exceeds the context length"}`)), kind: overflow, reason: tooLong},
		{name: "context overflow, from 0.30", fake: "0.30.0 by its source", url: ollama(says(400, `{"error":"{\"error\":{\"code\":400,\"message\":\"request (5302 tokens) exceeds the available context size (4096 tokens), try increasing it\"}}"}`)), kind: overflow, reason: tooLong},
		{name: "context overflow, from 0.30.9", fake: "0.30.9 by its source", url: ollama(says(400, `{"error":"the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length"}`)), kind: overflow, reason: tooLong},
		{name: "context overflow, OpenAI style", fake: "a server of another make", url: ollama(says(400, `{"error":{"message":"maximum context length is 4096 tokens, the request is too long","code":"context_length_exceeded"}}`)), kind: overflow, reason: tooLong},
		{name: "slow first byte", fake: "a machine that swaps", url: ollama(hang), kind: routing.Timeout, reason: "no first token within 300ms (LOCALMODEL_FIRST_TOKEN_TIMEOUT)", holds: patience},
		{name: "stall in mid-stream", fake: "a runner that is stopped", url: ollama(stall), kind: routing.Timeout, reason: "no next token within 300ms (LOCALMODEL_TOKEN_TIMEOUT)", holds: patience},
		{name: "reset in mid-stream", fake: "a network that breaks", url: ollama(breaks(true)), kind: unavailable, reason: "the stream broke before the answer was done"},
		{name: "runner killed", fake: "0.24.0", url: ollama(says(200, chunk("{")+`{"error":"an error was encountered while running the model: unexpected EOF"}`+"\n")), kind: unavailable, reason: "Ollama broke the answer off: an error was encountered"},
		{name: "server killed", fake: "0.24.0", url: ollama(breaks(false)), kind: unavailable, reason: "before the answer was done"},
		{name: "garbage bytes", fake: "another program on the port", url: ollama(says(200, "\x00\xff\xfe\x01\n\x7f\x80")), kind: unavailable, reason: "no chat chunk"},
		{name: "1 GB answer", fake: "a server gone mad", url: ollama(gigabyte), kind: unavailable, reason: "a line of the reply has more than 1048576 bytes"},
		{name: "401, no key", fake: "a server in front that asks for one", url: ollama(says(401, "<html>401</html>")), kind: routing.Auth, reason: "answers 401"},
		{name: "403", fake: "a server in front", url: ollama(says(403, "<html>403</html>")), kind: routing.Forbidden, reason: "answers 403"},
		{name: "503 of a gateway", fake: "a server in front", url: ollama(says(503, "<html>503</html>")), kind: unavailable, reason: "answers 503, but not as an Ollama server does"},
		{name: "redirect", fake: "a server in front that wants TLS", url: ollama(says(301, "<html>301</html>")), kind: unavailable, reason: "answers 301"},
		{name: "JSON nested without end", fake: "a server gone mad", url: ollama(says(200, strings.Repeat("[", 1<<19)+"\n")), kind: unavailable, reason: "no chat chunk"},
		{name: "low confidence", fake: "0.24.0", url: ollama(unsure), kind: routing.LowConfidence, reason: "low confidence .33"},
	}
}
