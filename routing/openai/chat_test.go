package openai

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// asked is what a server got, by path.
type asked struct {
	mu     sync.Mutex
	bodies []string
	paths  []string
}

func (a *asked) note(r *http.Request) string {
	body, _ := io.ReadAll(r.Body) // an empty one is seen by the test
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paths = append(a.paths, r.URL.Path)
	if len(body) > 0 {
		a.bodies = append(a.bodies, string(body))
	}
	return string(body)
}

const wordSchema = `{"type":"object","properties":{"a":{"type":"string","maxLength":5}},"required":["a"],"additionalProperties":false}`

func withSchema() routing.Request {
	q := proxyQuestion()
	q.Schema = json.RawMessage(wordSchema)
	return q
}

// What a paid call cost, for every end it may have. The reservation is what the
// estimate says; "" for a header = none is sent.
func TestCostOfACall(t *testing.T) {
	question := proxyQuestion()
	estimate := prices.Estimate(policy.Cheap, len(question.System)+len(question.User), question.MaxTokens)
	const listPrice = (1000*1 + 100*5) / 1e6
	usage := func(in, out any) string {
		return fmt.Sprintf(`{"model":"cheap","choices":[{"finish_reason":"stop","message":{"content":"x"}}],"usage":{"prompt_tokens":%v,"completion_tokens":%v}}`, in, out)
	}
	for _, c := range []struct {
		name   string
		status int
		header string
		body   string
		want   float64
	}{
		{"stated", 200, "0.00046", usage(1000, 100), 0.00046},
		{"nothing stated: usage and list price", 200, "", usage(1000, 100), listPrice},
		{"infinite", 200, "Inf", usage(1000, 100), listPrice},
		{"not a number", 200, "NaN", usage(1000, 100), listPrice},
		{"absurd", 200, "1e308", usage(1000, 100), listPrice},
		{"negative", 200, "-5", usage(1000, 100), listPrice},
		{"neither cost nor usage", 200, "", `{"choices":[{"finish_reason":"stop","message":{"content":"x"}}]}`, estimate},
		{"negative usage", 200, "", usage(-1000000000, 5), estimate},
		{"absurd usage", 200, "", usage("1e300", "1e300"), estimate},
		{"usage of another type", 200, "", usage(`"many"`, `[]`), estimate},
		{"stated, not JSON", 200, "0.25", `<html>`, 0.25},
		{"not JSON", 200, "", `<html>`, estimate},
		{"stated, cut answer", 200, "0.25", `{"choices":[{"finish_reason":"length","message":{"content":"x"}}]}`, 0.25},
		{"stated with a failure", 500, "0.25", passedOn("InternalServerError", "x"), 0.25},
		{"stated with a refusal", 400, "0.25", passedOn("BadRequestError", "x"), 0.25},
		{"a failure that the proxy says cost nothing", 500, "0", passedOn("InternalServerError", "x"), 0},
		{"a failure of which nothing is known", 500, "", `<html>`, estimate},
		{"a timeout, whatever the proxy says", 408, "0", passedOn("Timeout", "x"), estimate},
		{"a gateway's timeout", 504, "", `<html>`, estimate},
		{"a gateway's timeout, whatever the proxy says", 504, "0", passedOn("Timeout", "x"), estimate},
		{"refused before a model was asked", 401, "", ownRefusal("auth_error", "Authentication Error, Key is blocked."), 0},
		{"rate limited", 429, "", passedOn("RateLimitError", "x"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serveProxy(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("x-litellm-response-cost", c.header)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			r, kept := proxyAt(url, false, policy.Cheap)
			answer, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion())
			spent := answer.CostUSD
			if err != nil {
				spent = failedAttempt(t, err).CostUSD
			}
			if len(kept.calls) != 1 || spent != c.want || kept.calls[0].CostUSD != c.want {
				t.Errorf("got $%g, recorded %+v, want $%g", spent, kept.calls, c.want)
			}
		})
	}
}

// A call that nobody can have got costs nothing; one that was broken off may
// have been served.
func TestCostOfACallThatWasNotAnswered(t *testing.T) {
	hangUp := serveProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close()
		}
	})
	plainHTTP := serveProxy(t, func(http.ResponseWriter, *http.Request) {})
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	untrusted.Config.ErrorLog = nil
	for name, c := range map[string]struct {
		url  string
		paid bool
	}{
		"hung up":                 {hangUp, true},
		"connection refused":      {"http://127.0.0.1:9", false},
		"name not found":          {"http://no-such-host.invalid", false},
		"TLS to a plain port":     {strings.Replace(plainHTTP, "http:", "https:", 1), false},
		"certificate not trusted": {untrusted.URL, false},
		"connection times out":    {"http://192.0.2.1:81", false},
	} {
		t.Run(name, func(t *testing.T) {
			kept := &openHands{}
			server := New(Config{URL: c.url, Key: proxyTestKey, ConnectTimeout: 300 * time.Millisecond})
			r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{server.Tier(policy.Cheap)}, kept, kept)
			_, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion())
			if a := failedAttempt(t, err); (a.CostUSD > 0) != c.paid || (kept.calls[0].CostUSD > 0) != c.paid {
				t.Errorf("got %+v, want paid %v", a, c.paid)
			}
		})
	}
}

// Users paste the address that OpenAI's clients want, or the one that LiteLLM's
// documentation names.
func TestBaseURL_WithAndWithoutV1(t *testing.T) {
	var got asked
	url := serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		got.note(r)
		fmt.Fprint(w, completion("cheap", "x", "stop"))
	})
	for _, end := range []string{"", "/", "/v1", "/v1/", "//v1//", "/v1/chat/completions"} {
		got.paths = nil
		r, _ := proxyAt(url+end, false, policy.Cheap)
		if _, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion()); err != nil {
			t.Errorf("%q: %v", end, err)
		}
		if len(got.paths) != 1 || got.paths[0] != "/v1/chat/completions" {
			t.Errorf("%q asks %v", end, got.paths)
		}
	}
}

// A provider that refuses response_format is asked once more without; what it
// answers is judged as ever, and the next question leaves it out at once.
func TestRefusedResponseFormat(t *testing.T) {
	var got asked
	reply := `{"a":"x"}`
	url := serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		if body := got.note(r); gjson.Get(body, "response_format").Exists() {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, passedOn("BadRequestError", "BedrockException - output_config.format: Extra inputs are not permitted"))
			return
		}
		fmt.Fprint(w, completion("cheap", reply, "stop"))
	})
	r, kept := proxyAt(url, false, policy.Cheap)
	q := withSchema()
	q.ConfidenceFields = []string{"a"} // probabilities do not pass the proxy, so there is nothing to leave out for them
	for i, want := range []int{2, 3} {
		if _, err := r.Complete(t.Context(), policy.OnlyCloud, q); err != nil || len(got.bodies) != want {
			t.Fatalf("question %d: %v after %d requests, want %d", i, err, len(got.bodies), want)
		}
	}
	if last := gjson.Get(got.bodies[1], "messages.1.content").Str; !strings.Contains(last, wordSchema) {
		t.Errorf("the second request does not say what the reply must fit: %s", last)
	}
	if len(kept.calls) != 2 {
		t.Errorf("%d calls are recorded, want one for each question", len(kept.calls))
	}
	reply = `{"a":"too long for it"}`
	if _, err := r.Complete(t.Context(), policy.OnlyCloud, withSchema()); err == nil {
		t.Error("a reply beyond the bounds of the schema counts")
	}
}

// Other refusals are not repeated, nor is one without a schema.
func TestRefusalsAreNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		q      routing.Request
		status int
		body   string
	}{
		"no schema":     {proxyQuestion(), 400, passedOn("BadRequestError", "bad")},
		"too long":      {withSchema(), 400, passedOn("ContextWindowExceededError", "x")},
		"our key":       {withSchema(), 403, ownRefusal("key_model_access_denied", "no")},
		"out of credit": {withSchema(), 400, passedOn("BadRequestError", "Your credit balance is too low")},
		"failure":       {withSchema(), 500, passedOn("InternalServerError", "x")},
	} {
		var got asked
		r, _ := proxyAt(serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
			got.note(r)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}), false, policy.Cheap)
		if _, err := r.Complete(t.Context(), policy.OnlyCloud, c.q); err == nil || len(got.bodies) != 1 {
			t.Errorf("%s: %v after %d requests, want one", name, err, len(got.bodies))
		}
	}
	// Refused with and without: nothing is remembered.
	var got asked
	r, _ := proxyAt(serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		got.note(r)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, passedOn("BadRequestError", "bad"))
	}), false, policy.Cheap)
	for range 2 {
		_, _ = r.Complete(t.Context(), policy.OnlyCloud, withSchema()) // refused, as it is told
	}
	if n := len(got.bodies); n != 4 || !gjson.Get(got.bodies[2], "response_format").Exists() {
		t.Errorf("%d requests, want 4, the third with its response_format", n)
	}
}

func TestCutPrompt(t *testing.T) {
	words := func(n int) routing.Question {
		return routing.Question{Messages: []routing.Message{{Role: "user", Content: strings.Repeat("word ", n)}}}
	}
	for _, c := range []struct {
		name       string
		words, in  int
		window     int
		wantReason string
	}{
		{"whole", 3000, 3010, 8192, ""},
		{"the window is full", 3000, 4096, 4096, "its context window of 4096 tokens"},
		{"fewer tokens than words", 6000, 2048, 0, "read 2048 tokens of at least 6000"},
		{"half a window that is reported", 6000, 2048, 4096, "read 2048 tokens of at least 6000"},
		{"not counted", 6000, 0, 4096, ""},
		{"too short to be cut", 600, 12, 0, ""},
		{"too short for a window that is reported", 600, 12, 32768, ""},
	} {
		fault := cutPrompt(words(c.words), c.in, c.window)
		got := ""
		if fault != nil {
			got = fault.Reason
		}
		if (got == "") != (c.wantReason == "") || !strings.Contains(got, c.wantReason) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.wantReason)
		}
	}
}

// llama.cpp's server takes a code fence off the text and leaves its tokens.
func TestProbsOf_TokensAroundTheText(t *testing.T) {
	list := func(tokens ...string) gjson.Result {
		var all []string
		for _, s := range tokens {
			all = append(all, fmt.Sprintf(`{"token":%q,"logprob":-1,"top_logprobs":[{"token":"other","logprob":-2}]}`, s))
		}
		return gjson.Parse("[" + strings.Join(all, ",") + "]")
	}
	for _, c := range []struct {
		name string
		list gjson.Result
		text string
		want string
	}{
		{"the text itself", list(`{"a`, `":`, `1}`), `{"a":1}`, `{"a|":|1}`},
		{"a code fence taken off", list("```", "json\n", `{"a`, `":1}`, "\n```"), `{"a":1}`, `{"a|":1}`},
		{"the fence and the text share a token", list("```json\n{", `"a":1}`), `{"a":1}`, ""},
		{"other tokens", list("x", "y"), `{"a":1}`, ""},
		{"none", gjson.Result{}, `{"a":1}`, ""},
		{"no text", list("x"), "", ""},
	} {
		var got []string
		for _, p := range probsOf(c.list, []byte(c.text)) {
			got = append(got, p.Token)
			if len(p.Top) != 1 || p.Top[0].Logprob != -2 {
				t.Errorf("%s: alternatives %+v", c.name, p.Top)
			}
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// A reply of millions of empty tokens takes no more memory than its text.
func TestProbsOf_MoreThanAnyReply(t *testing.T) {
	for name, list := range map[string]string{
		"tokens":       "[" + strings.Repeat("{},", 2<<20) + "{}]",
		"alternatives": `[{"token":"x","top_logprobs":[` + strings.Repeat("{},", 2<<20) + "{}]}]",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		probs := probsOf(gjson.Parse(list), []byte("x"))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4*uint64(len(list)) {
			t.Errorf("%s: %d MB of %d MB", name, used>>20, len(list)>>20)
		}
		if len(probs) > 0 && len(probs[0].Top) > judge.MaxTop {
			t.Errorf("%s: %d alternatives", name, len(probs[0].Top))
		}
	}
}
