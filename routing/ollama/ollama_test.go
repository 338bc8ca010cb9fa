package ollama_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// askLocal asks a router that has the local tier alone.
func askLocal(t *testing.T, cfg tiers.Config, req routing.Request) (routing.Answer, routing.Attempt) {
	t.Helper()
	r, _ := tiers.NewKept(t, cfg)
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req)
	if err == nil {
		return a, a.Attempts[len(a.Attempts)-1]
	}
	var none *routing.Unanswered
	if !errors.As(err, &none) || len(none.Attempts) != 1 {
		t.Fatalf("got %v", err)
	}
	return a, none.Attempts[0]
}

func TestWholeReplyCounts(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	a, last := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question())
	if string(a.Text) != `{"complexity":"low"}` || a.Tier != policy.Local || last.Kind != "" || a.TokensIn != 700 || a.TokensOut != 9 || a.FellBack() {
		t.Errorf("got %+v", a)
	}
	sent := f.Requests(t)[0]
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

// Free text is drawn as the model's maker recommends: what the model's file
// carries is not sent, so that the server applies it.
func TestSample_ByPurpose(t *testing.T) {
	for name, c := range map[string]struct {
		parameters string
		sampling   routing.Sampling
		want       map[string]any
	}{
		"a choice": {"temperature 0.7", routing.Sampling{}, map[string]any{"temperature": 0.2, "seed": 42.0, "repeat_penalty": 1.05}},
		"free text": {"", routing.Sampling{Free: true},
			map[string]any{"temperature": 0.7, "top_p": 0.8, "seed": 42.0, "repeat_penalty": 1.05}},
		"free text, the maker's": {"temperature                    0.7\ntop_p    0.8\ntop_k 20\nrepeat_penalty 1.1\nstop \"x\"",
			routing.Sampling{Free: true, Seed: 1}, map[string]any{"seed": 43.0}},
		"free text, the maker's in part": {"temperature 1", routing.Sampling{Free: true},
			map[string]any{"top_p": 0.8, "seed": 42.0, "repeat_penalty": 1.05}},
		"as asked for": {"temperature 0.7\ntop_p 0.8", routing.Sampling{Free: true, Temperature: 0.5},
			map[string]any{"temperature": 0.5, "seed": 42.0, "repeat_penalty": 1.05}},
		"both as asked for": {"temperature 0.7\ntop_p 0.8", routing.Sampling{Free: true, Temperature: 0.5, TopP: 0.95},
			map[string]any{"temperature": 0.5, "top_p": 0.95, "seed": 42.0, "repeat_penalty": 1.05}},
		"top_p as asked for": {"temperature 0.6\ntop_p 0.8", routing.Sampling{Free: true, TopP: 0.95},
			map[string]any{"top_p": 0.95, "seed": 42.0, "repeat_penalty": 1.05}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
			f.Control = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/show" {
					f.Healthy(w, r)
					return
				}
				text, _ := json.Marshal(c.parameters)
				fmt.Fprintf(w, `{"capabilities":["completion"],"model_info":{},"parameters":%s}`, text)
			}
			q := fakeserver.Question()
			q.Sampling = c.sampling
			askLocal(t, tiers.Patient(t, f.URL), q)
			c.want["num_ctx"], c.want["num_predict"] = 4096.0, 60.0
			if diff := cmp.Diff(c.want, f.Requests(t)[0].Options); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What does not count, each by its kind and its words.
func TestRepliesThatDoNotCount(t *testing.T) {
	huge := strings.Repeat("x", 4096)
	for name, c := range map[string]struct {
		chat http.HandlerFunc
		kind routing.Kind
		says string
	}{
		"empty body":          {fakeserver.Says(200, ""), routing.Unavailable, "ended before the answer was done"},
		"html":                {fakeserver.Says(200, "<html><body>portal</body></html>"), routing.Unavailable, "no chat chunk"},
		"garbage":             {fakeserver.Says(200, "\x00\xff\xfe\x01garbage\n"), routing.Unavailable, "no chat chunk"},
		"json of no chat":     {fakeserver.Says(200, "[1,2]\n"), routing.Unavailable, "no chat chunk"},
		"done false":          {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"}`)), routing.Unavailable, "ended before the answer was done"},
		"done without reason": {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"}`)+`{"done":true}`+"\n"), routing.InvalidOutput, "broke the answer off"},
		"reason null":         {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"}`)+`{"done":true,"done_reason":null}`+"\n"), routing.InvalidOutput, "broke the answer off"},
		"cut by length":       {fakeserver.Says(200, fakeserver.Chunk(`{"compl`)+fakeserver.End("length", 700, 60)), routing.InvalidOutput, "cut at 60 tokens"},
		"empty content":       {fakeserver.Says(200, fakeserver.End("stop", 700, 1)), routing.InvalidOutput, "the reply is empty"},
		"white content":       {fakeserver.Says(200, fakeserver.Chunk(" \n\t")+fakeserver.End("stop", 700, 1)), routing.InvalidOutput, "the reply is empty"},
		"free text":           {fakeserver.Says(200, fakeserver.Chunk("It is low.")+fakeserver.End("stop", 700, 4)), routing.InvalidOutput, "the reply is not JSON"},
		"off the schema":      {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"tiny"}`)+fakeserver.End("stop", 700, 4)), routing.InvalidOutput, "at /complexity: rule enum"},
		"two values":          {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"}{"a":1}`)+fakeserver.End("stop", 700, 4)), routing.InvalidOutput, "the reply is not JSON"},
		"megabytes of spaces": {fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"`)+strings.Repeat(fakeserver.Chunk(strings.Repeat(" ", 4096)), 300)+fakeserver.Chunk("}")+fakeserver.End("stop", 700, 4)), routing.InvalidOutput, "the reply has more than 1048576 bytes"},
		"line without end":    {fakeserver.Says(200, strings.Repeat(huge, 300)), routing.Unavailable, "a line of the reply has more than 1048576 bytes"},
		"reply without end":   {endless(fakeserver.Chunk(huge)), routing.Unavailable, "the reply has more than 8388608 bytes"},
		"error in mid-stream": {fakeserver.Says(200, fakeserver.Chunk("{")+`{"error":"an error was encountered while running the model: unexpected EOF"}`+"\n"), routing.Unavailable, "broke the answer off: an error was encountered"},
		"500 empty body":      {fakeserver.Says(500, ""), routing.Unavailable, "Ollama answers 500"},
		"500 format":          {fakeserver.Says(500, `{"error":"invalid JSON schema in format"}`), routing.Unavailable, "invalid JSON schema"},
		"400":                 {fakeserver.Says(400, `{"error":"\"tiny\" does not support thinking"}`), routing.InvalidOutput, "does not support thinking"},
		"401":                 {fakeserver.Says(401, `{"error":"unauthorized","signin_url":"https://x"}`), routing.Auth, "401: unauthorized"},
		"403":                 {fakeserver.Says(403, `{"error":"forbidden"}`), routing.Forbidden, "403"},
		"404 of the model":    {fakeserver.Says(404, `{"error":"model 'tiny' not found"}`), routing.ModelMissing, "model tiny is not there"},
		"404 of the path":     {fakeserver.Says(404, "404 page not found"), routing.Unavailable, "answers 404, but not as an Ollama"},
		"302":                 {redirect("http://192.0.2.1/"), routing.Unavailable, "redirects to 192.0.2.1, which is not followed"},
		"503":                 {fakeserver.Says(503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`), routing.Busy, "server busy"},
		"reset in mid-stream": {reset(fakeserver.Chunk("{")), routing.Unavailable, "broke before the answer was done (connection broken off)"},
		"reset at once":       {reset(""), routing.Unavailable, "not reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fakeserver.New(t, c.chat)
			_, got := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question())
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
		"0.30.0, llama-server's JSON as a string": {400, `{"error":"{\"error\":{\"code\":400,\"message\":\"request (302 tokens) exceeds the available context size (256 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":302,\"n_ctx\":256}}"}`},
		"0.30.9, shift false":                     {400, `{"error":"the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length"}`},
		"0.33.0-rc2, as an object":                {413, `{"error":{"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"}}`},
		"an OpenAI-style server":                  {400, `{"error":{"message":"This model's maximum context length is 8192 tokens; your request is too long","code":"context_length_exceeded"}}`},
		"0.24.0, in the middle of an answer":      {200, fakeserver.Chunk("{") + `{"error":"the input length exceeds the context length"}` + "\n"},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := fakeserver.New(t, fakeserver.Says(c.status, c.body))
			_, got := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question())
			if got.Kind != routing.ContextOverflow || got.Reason != "the prompt does not fit the model's context window" {
				t.Errorf("got %s %q", got.Kind, got.Reason)
			}
		})
	}
}

func TestUnreachableServers(t *testing.T) {
	for name, c := range map[string]struct {
		url, says string
		kind      routing.Kind
	}{
		"refused": {"http://127.0.0.1:9", "(connection refused)", routing.Unavailable},
		"no name": {"http://ollama.invalid:11434", "(host name not found)", routing.Unavailable},
		"no url":  {"http://%zz", "address is not valid", routing.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := tiers.Patient(t, c.url)
			cfg.CloudAllowed, cfg.LocalRemote = true, true
			_, got := askLocal(t, cfg, fakeserver.Question())
			if got.Kind != c.kind || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s %q", got.Kind, got.Reason)
			}
		})
	}
}

// think:false goes to models that have a thinking mode, and to no other.
// A server that was restarted has closed the connections that were kept. The
// first question after it is asked again, and no paid tier in its place.
func TestBackend_ServerRestarted(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	var broken atomic.Int32
	used := sync.Map{} // connections that have answered
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, again := used.LoadOrStore(r.RemoteAddr, true); again && r.Method == http.MethodPost {
			broken.Add(1)
			panic(http.ErrAbortHandler) // closes it without an answer
		}
		f.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b := backend(t, ollama.Config{URL: s.URL})
	for range 3 {
		if _, err := ask(t, b); err != nil {
			t.Fatal(err)
		}
	}
	if broken.Load() == 0 {
		t.Error("no kept connection was used for a question")
	}
}

func TestThinkIsSentWhereCapabilitiesAskForIt(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	f.Capabilities = `["completion","tools","thinking"]`
	cfg := tiers.Patient(t, f.URL)
	r, _ := tiers.NewKept(t, cfg)
	for range 2 {
		if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question()); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range f.Requests(t) {
		if string(sent.Think) != "false" {
			t.Errorf("think is %q", sent.Think)
		}
	}
}

// A server that cannot say where its model runs is sent nothing.
func TestServerThatDoesNotTellTheModelsHostIsSentNothing(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	f.Control = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/show" {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		f.Healthy(w, r)
	}
	_, a := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question())
	if a.Kind != routing.Unavailable || len(f.Requests(t)) != 0 {
		t.Errorf("%s %q, %d questions sent", a.Kind, a.Reason, len(f.Requests(t)))
	}
}

// Each limit is named with the setting that moves it.
func TestTimeoutsNameTheirLimit(t *testing.T) {
	const short = 60 * time.Millisecond
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stall := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, fakeserver.Chunk("{"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		cfg   func(*tiers.Config)
		setup func(*fakeserver.Server)
		says  string
	}{
		"first token": {func(c *tiers.Config) { c.FirstTokenTimeout = short }, func(f *fakeserver.Server) { f.Chat = hang }, "no first token within 60ms (LOCALMODEL_FIRST_TOKEN_TIMEOUT)"},
		"next token":  {func(c *tiers.Config) { c.TokenTimeout = short }, func(f *fakeserver.Server) { f.Chat = stall }, "no next token within 60ms (LOCALMODEL_TOKEN_TIMEOUT)"},
		"load":        {func(c *tiers.Config) { c.LoadTimeout = short }, func(f *fakeserver.Server) { f.Loaded = false; f.Load = hang }, "no loaded model within 60ms (LOCALMODEL_LOAD_TIMEOUT)"},
		"control":     {func(c *tiers.Config) { c.ConnectTimeout = short }, func(f *fakeserver.Server) { f.Control = hang }, "no answer from Ollama's control API within 60ms (LOCALMODEL_CONNECT_TIMEOUT)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
			c.setup(f)
			cfg := tiers.Patient(t, f.URL)
			c.cfg(&cfg)
			_, got := askLocal(t, cfg, fakeserver.Question())
			if got.Kind != routing.Timeout || got.Reason != c.says {
				t.Errorf("got %s %q, want %q", got.Kind, got.Reason, c.says)
			}
		})
	}
}

// Numbers that cannot be true are none, and more tokens than any reply has are not
// kept.
func TestHostileReply_IsBounded(t *testing.T) {
	tokens := `{"message":{"content":""},"logprobs":[` + strings.Repeat("{},", 200_000) +
		`{"top_logprobs":[` + strings.Repeat("{},", 50_000) + "{}]}]}\n"
	chat := fakeserver.Chunk(`{"complexity":"low"}`) + tokens + tokens
	for end, want := range map[string]int{fakeserver.End("stop", -1<<62, -1): 0, fakeserver.End("stop", 1<<62, 1<<62): 0, fakeserver.End("stop", 7, 7): 7} {
		f := fakeserver.New(t, fakeserver.Says(200, chat+end))
		b := ollama.New(ollama.Config{URL: f.URL, Model: fakeserver.Model, NumCtx: fakeserver.NumCtx})
		t.Cleanup(b.Close)
		reply, fault := b.Ask(fakeserver.Within(t, time.Minute), routing.Question{Request: fakeserver.Question(), Alone: true, Messages: []routing.Message{{Role: "user", Content: "x"}}})
		if fault != nil || reply.In != want || reply.Out != want {
			t.Errorf("%d and %d tokens, want %d; %v", reply.In, reply.Out, want, fault)
		}
		kept := 0
		for _, p := range reply.Probs {
			kept += 1 + len(p.Top)
		}
		if len(reply.Probs) == 0 || kept > 21*judge.MaxTokens {
			t.Errorf("%d probabilities are kept", kept)
		}
	}
}
