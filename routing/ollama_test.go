package routing

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// askLocal asks a router that has the local tier alone.
func askLocal(t *testing.T, cfg Config, req Request) (Answer, Attempt) {
	t.Helper()
	r, _ := newRouter(t, cfg)
	a, err := r.Complete(within(t, time.Minute), OnlyLocal, req)
	if err == nil {
		return a, a.Attempts[len(a.Attempts)-1]
	}
	var none *Unanswered
	if !errors.As(err, &none) || len(none.Attempts) != 1 {
		t.Fatalf("got %v", err)
	}
	return a, none.Attempts[0]
}

func TestWholeReplyCounts(t *testing.T) {
	f := newFake(t, says(200, good()))
	a, last := askLocal(t, testConfig(t, f.URL), question1())
	if string(a.Text) != `{"complexity":"low"}` || a.Tier != Local || last.Kind != "" || a.TokensIn != 700 || a.TokensOut != 9 || a.FellBack() {
		t.Errorf("got %+v", a)
	}
	sent := f.sent(t)[0]
	want := map[string]any{"num_ctx": 4096.0, "num_predict": 60.0, "temperature": 0.2, "seed": 42.0, "repeat_penalty": 1.05}
	if diff := cmp.Diff(want, sent.Options); diff != "" {
		t.Error(diff)
	}
	if sent.Truncate == nil || *sent.Truncate || sent.Shift == nil || *sent.Shift {
		t.Error("truncate and shift must be sent, and be false")
	}
	if len(sent.Think) > 0 {
		t.Errorf("think %s was sent to a model without a thinking mode", sent.Think)
	}
}

// What does not count, each by its kind and its words.
func TestRepliesThatDoNotCount(t *testing.T) {
	huge := strings.Repeat("x", 4096)
	for name, c := range map[string]struct {
		chat http.HandlerFunc
		kind Kind
		says string
	}{
		"empty body":          {says(200, ""), Unavailable, "ended before the answer was done"},
		"html":                {says(200, "<html><body>portal</body></html>"), Unavailable, "no chat chunk"},
		"garbage":             {says(200, "\x00\xff\xfe\x01garbage\n"), Unavailable, "no chat chunk"},
		"json of no chat":     {says(200, "[1,2]\n"), Unavailable, "no chat chunk"},
		"done false":          {says(200, chunk(`{"complexity":"low"}`)), Unavailable, "ended before the answer was done"},
		"done without reason": {says(200, chunk(`{"complexity":"low"}`)+`{"done":true}`+"\n"), InvalidOutput, "broke the answer off"},
		"reason null":         {says(200, chunk(`{"complexity":"low"}`)+`{"done":true,"done_reason":null}`+"\n"), InvalidOutput, "broke the answer off"},
		"cut by length":       {says(200, chunk(`{"compl`)+end("length", 700, 60)), InvalidOutput, "cut at 60 tokens"},
		"empty content":       {says(200, end("stop", 700, 1)), InvalidOutput, "the reply is empty"},
		"white content":       {says(200, chunk(" \n\t")+end("stop", 700, 1)), InvalidOutput, "the reply is empty"},
		"free text":           {says(200, chunk("It is low.")+end("stop", 700, 4)), InvalidOutput, "it is not JSON"},
		"off the schema":      {says(200, chunk(`{"complexity":"tiny"}`)+end("stop", 700, 4)), InvalidOutput, "at /complexity: rule enum"},
		"two values":          {says(200, chunk(`{"complexity":"low"}{"a":1}`)+end("stop", 700, 4)), InvalidOutput, "it is not JSON"},
		"line without end":    {says(200, strings.Repeat(huge, 300)), Unavailable, "a line of the reply has more than 1048576 bytes"},
		"reply without end":   {endless(chunk(huge)), Unavailable, "the reply has more than 8388608 bytes"},
		"error in mid-stream": {says(200, chunk("{")+`{"error":"an error was encountered while running the model: unexpected EOF"}`+"\n"), Unavailable, "broke the answer off: an error was encountered"},
		"500 empty body":      {says(500, ""), Unavailable, "Ollama answers 500"},
		"500 format":          {says(500, `{"error":"invalid JSON schema in format"}`), InvalidOutput, "invalid JSON schema"},
		"400":                 {says(400, `{"error":"\"tiny\" does not support thinking"}`), InvalidOutput, "does not support thinking"},
		"401":                 {says(401, `{"error":"unauthorized","signin_url":"https://x"}`), Auth, "401: unauthorized"},
		"403":                 {says(403, `{"error":"forbidden"}`), Auth, "403"},
		"404 of the model":    {says(404, `{"error":"model 'tiny' not found"}`), ModelMissing, "model tiny is not there"},
		"404 of the path":     {says(404, "404 page not found"), Unavailable, "Ollama answers 404"},
		"302":                 {redirect("http://192.0.2.1/"), Unavailable, "Ollama answers 302"},
		"503":                 {says(503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`), Busy, "server busy"},
		"reset in mid-stream": {reset(chunk("{")), Unavailable, "broke before the answer was done (connection broken off)"},
		"reset at once":       {reset(""), Unavailable, "not reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, c.chat)
			_, got := askLocal(t, testConfig(t, f.URL), question1())
			if got.Kind != c.kind || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s %q, want %s %q", got.Kind, got.Reason, c.kind, c.says)
			}
			if len(got.Reason) > 300 {
				t.Errorf("a reason of %d bytes", len(got.Reason))
			}
		})
	}
}

func endless(line string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(line)); err != nil {
				return
			}
		}
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// reset sends a beginning and then a TCP reset.
func reset(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if beginning != "" {
			fmt.Fprint(w, beginning)
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}

// What servers of other versions say where the prompt is too long. Texts of
// 0.17 to 0.24 were recorded from running servers; those of 0.30 on are read
// from its source.
func TestContextOverflowInEverySpelling(t *testing.T) {
	for version, c := range map[string]struct {
		status int
		body   string
	}{
		"0.17.4": {400, `{"error":"the input length exceeds the context length"}`},
		"0.24.0": {400, `{"error":"the input length exceeds the context length"}`},
		"0.30.0, llama-server's JSON as a string":      {400, `{"error":"{\"error\":{\"code\":400,\"message\":\"request (302 tokens) exceeds the available context size (256 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":302,\"n_ctx\":256}}"}`},
		"0.30.9, shift false":                          {400, `{"error":"the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length"}`},
		"0.33.0-rc2, as an object":                     {413, `{"error":{"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"}}`},
		"an OpenAI-style server":                       {400, `{"error":{"message":"This model's maximum context length is 8192 tokens; your request is too long","code":"context_length_exceeded"}}`},
		"0.24.0, in the middle of an answer":           {200, chunk("{") + `{"error":"the input length exceeds the context length"}` + "\n"},
		"a runner that says too large without a class": {500, `{"error":"prompt too large for context"}`},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, says(c.status, c.body))
			_, got := askLocal(t, testConfig(t, f.URL), question1())
			if got.Kind != ContextOverflow || got.Reason != "the prompt does not fit the model's context window" {
				t.Errorf("got %s %q", got.Kind, got.Reason)
			}
		})
	}
}

func TestUnreachableServers(t *testing.T) {
	for name, c := range map[string]struct {
		url, says string
		kind      Kind
	}{
		"refused": {"http://127.0.0.1:9", "(connection refused)", Unavailable},
		"no name": {"http://ollama.invalid:11434", "(host name not found)", Unavailable},
		"no url":  {"http://%zz", "address is not valid", Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := askLocal(t, testConfig(t, c.url), question1())
			if got.Kind != c.kind || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s %q", got.Kind, got.Reason)
			}
		})
	}
}

// think:false goes to models that have a thinking mode, and to no other.
func TestThinkIsSentWhereCapabilitiesAskForIt(t *testing.T) {
	f := newFake(t, says(200, good()))
	f.capabilities = `["completion","tools","thinking"]`
	cfg := testConfig(t, f.URL)
	r, _ := newRouter(t, cfg)
	for range 2 {
		if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range f.sent(t) {
		if string(sent.Think) != "false" {
			t.Errorf("think is %q", sent.Think)
		}
	}
	if n := f.seen("/api/show"); n != 1 {
		t.Errorf("capabilities asked for %d times", n)
	}
}

// A server that cannot say what its model can is asked again by the next call.
func TestUnknownCapabilitiesAreAskedForAgain(t *testing.T) {
	f := newFake(t, says(200, good()))
	f.control = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/show" {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		f.healthy(w, r)
	}
	r, _ := newRouter(t, testConfig(t, f.URL))
	for range 2 {
		if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.seen("/api/show"); n != 2 {
		t.Errorf("capabilities asked for %d times", n)
	}
}

// Each limit is named with the setting that moves it.
func TestTimeoutsNameTheirLimit(t *testing.T) {
	const short = 60 * time.Millisecond
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stall := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, chunk("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		cfg   func(*Config)
		setup func(*fakeOllama)
		says  string
	}{
		"first token": {func(c *Config) { c.FirstTokenTimeout = short }, func(f *fakeOllama) { f.chat = hang }, "no first token within 60ms (LOCALMODEL_FIRST_TOKEN_TIMEOUT)"},
		"next token":  {func(c *Config) { c.TokenTimeout = short }, func(f *fakeOllama) { f.chat = stall }, "no next token within 60ms (LOCALMODEL_TOKEN_TIMEOUT)"},
		"load":        {func(c *Config) { c.LoadTimeout = short }, func(f *fakeOllama) { f.loaded = false; f.load = hang }, "no loaded model within 60ms (LOCALMODEL_LOAD_TIMEOUT)"},
		"control":     {func(c *Config) { c.ConnectTimeout = short }, func(f *fakeOllama) { f.control = hang }, "no answer from Ollama's control API within 60ms (LOCALMODEL_CONNECT_TIMEOUT)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, says(200, good()))
			c.setup(f)
			cfg := testConfig(t, f.URL)
			c.cfg(&cfg)
			_, got := askLocal(t, cfg, question1())
			if got.Kind != Timeout || got.Reason != c.says {
				t.Errorf("got %s %q, want %q", got.Kind, got.Reason, c.says)
			}
		})
	}
}
