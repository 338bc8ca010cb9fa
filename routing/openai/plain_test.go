package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// server imitates a plain server by path; what is not listed is 404, as
// llama.cpp, vLLM and Ollama answer it.
func server(t *testing.T, got *asked, paths map[string]string) string {
	t.Helper()
	return serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		got.note(r)
		body, ok := paths[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if status, rest, cut := strings.Cut(body, " "); cut && len(status) == 3 {
			w.WriteHeader(atoiOrZero(status))
			body = rest
		}
		fmt.Fprint(w, body)
	})
}

func localAt(url, key, model string) (*routing.Router, routing.Backend) {
	kept := &openHands{}
	b := NewLocal(Config{URL: url, Key: key, Model: model, NumCtx: 32768, ConnectTimeout: 5 * time.Second})
	return routing.New(routing.Config{CloudAllowed: false}, []routing.Backend{b}, kept, kept), b
}

const chatPath = "/v1/chat/completions"

var answered = completion("m", `{"a":"x"}`, "stop")

// What each make of server reports of itself, in its own words.
func TestCheck_MakesOfServers(t *testing.T) {
	for _, c := range []struct {
		name, model string
		paths       map[string]string
		want        routing.Check
		note        bool
	}{
		{"llama.cpp", "smol", map[string]string{
			"/v1/models": `{"data":[{"id":"/models/smol.gguf","aliases":["/models/smol.gguf"],"owned_by":"llamacpp","meta":{"n_ctx":4096,"n_params":1,"size":2}}]}`,
			"/props":     `{"default_generation_settings":{"n_ctx":4096},"build_info":"b11434-x"}`,
		}, routing.Check{OK: true, Present: true, Loaded: true, ContextLength: 4096, Version: "b11434-x"}, false},
		{"vLLM", "org/model", map[string]string{
			"/v1/models": `{"object":"list","data":[{"id":"org/model","owned_by":"vllm","root":"org/model","max_model_len":8192}]}`,
		}, routing.Check{OK: true, Present: true, Loaded: true, ContextLength: 8192}, false},
		{"LM Studio", "qwen3-8b", map[string]string{
			"/v1/models":     `{"data":[{"id":"qwen3-8b"},{"id":"other"}]}`,
			"/api/v0/models": `{"data":[{"id":"other","loaded_context_length":1},{"id":"qwen3-8b","state":"loaded","max_context_length":40960,"loaded_context_length":16384}]}`,
		}, routing.Check{OK: true, Present: true, Loaded: true, ContextLength: 16384}, false},
		{"Ollama's /v1", "qwen3:8b", map[string]string{
			"/v1/models": `{"data":[{"id":"qwen3:8b","owned_by":"library"}]}`,
			"/api/tags":  `{"models":[{"name":"qwen3:8b","digest":"sha256:abc"}]}`, "/api/version": `{"version":"0.24.0"}`,
			"/api/ps": `{"models":[{"name":"qwen3:8b","context_length":4096}]}`,
		}, routing.Check{OK: true, Present: true, Loaded: true, ContextLength: 4096, Version: "0.24.0", Digest: "abc"}, false},
		{"a cloud model behind Ollama's /v1", "alias", map[string]string{
			"/v1/models": `{"data":[{"id":"alias:latest"}]}`,
			"/api/tags":  `{"models":[{"name":"alias:latest","digest":"d","remote_host":"https://ollama.com","remote_model":"big"}]}`,
		}, routing.Check{OK: true, Present: true, Digest: "d", Remote: "https://ollama.com"}, true},
		{"one that reports no window", "m", map[string]string{"/v1/models": `{"data":[{"id":"m"}]}`},
			routing.Check{OK: true, Present: true}, true},
		{"another model", "mine", map[string]string{"/v1/models": `{"data":[{"id":"other"}]}`},
			routing.Check{Error: "the local server does not have model mine; it has other", Fix: "export LOCALMODEL_MODEL=other"}, false},
		{"no model", "mine", map[string]string{"/v1/models": `{"data":[]}`},
			routing.Check{Error: "the local server does not have model mine", Fix: "load a model into the local server"}, false},
		{"a model with an odd name", "mine", map[string]string{"/v1/models": `{"data":[{"id":"it's $HOME"}]}`},
			routing.Check{Error: "the local server does not have model mine; it has it's $HOME", Fix: `export LOCALMODEL_MODEL='it'\''s $HOME'`}, false},
		{"a key is wanted", "m", map[string]string{"/v1/models": `401 {"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}`},
			routing.Check{Error: "the local server wants a key", Fix: "export LOCALMODEL_LOCAL_KEY=<the key of the local server>"}, false},
		{"loading", "m", map[string]string{"/v1/models": `503 {"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`},
			routing.Check{Error: "the model is being loaded"}, false},
		{"a web page", "m", map[string]string{"/v1/models": `<html>`},
			routing.Check{Error: "answers, but not with JSON", Fix: "start the server that LOCALMODEL_LOCAL_URL names"}, false},
		{"not there", "m", nil, routing.Check{Error: "has no chat completions (404)", Fix: "check LOCALMODEL_LOCAL_URL"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, b := localAt(server(t, &asked{}, c.paths), "", c.model)
			got := b.Check(t.Context())
			if got.OK != c.want.OK || got.Present != c.want.Present || got.Loaded != c.want.Loaded || got.ContextLength != c.want.ContextLength ||
				got.Version != c.want.Version || got.Remote != c.want.Remote || got.Fix != c.want.Fix || !strings.Contains(got.Error, c.want.Error) ||
				c.want.Digest != "" && got.Digest != c.want.Digest || (got.Note != "") != c.note {
				t.Errorf("got %+v\nwant %+v, a note: %v", got, c.want, c.note)
			}
			if b.Paid() || b.Tier() != policy.Local {
				t.Error("it is not the local tier")
			}
		})
	}
}

func TestAsk_PlainServer(t *testing.T) {
	var got asked
	url := server(t, &got, map[string]string{"/v1/models": `{"data":[{"id":"/m/mine.gguf","meta":{"n_ctx":4096}}]}`, chatPath: answered})
	r, b := localAt(url+"/v1/", "local-key", "mine")
	q := withSchema()
	q.ConfidenceFields = []string{"a"}
	a, err := r.Complete(t.Context(), policy.OnlyLocal, q)
	if err != nil || string(a.Text) != `{"a":"x"}` || a.Tier != policy.Local || a.CostUSD != 0 || a.Remote || a.Digest == "" {
		t.Fatalf("got %+v, %v", a, err)
	}
	sent := gjson.Parse(got.bodies[len(got.bodies)-1])
	for path, want := range map[string]string{"model": "/m/mine.gguf", "logprobs": "true", "top_logprobs": "20", "max_tokens": "10",
		"response_format.json_schema.schema": wordSchema, "metadata": "", "user": "", "disable_fallbacks": ""} {
		if sent.Get(path).String() != want {
			t.Errorf("%s is %q, want %q", path, sent.Get(path), want)
		}
	}
	if b.Window() != 4096 {
		t.Errorf("window %d, want what the server reported", b.Window())
	}
}

// Token probabilities are left out before the reply schema is.
func TestAsk_WithoutWhatIsRefused(t *testing.T) {
	for name, refuses := range map[string]string{"probabilities": "logprobs", "schema": "response_format"} {
		var got asked
		url := serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
			body := got.note(r)
			switch {
			case r.URL.Path == "/v1/models":
				fmt.Fprint(w, `{"data":[{"id":"m","max_model_len":4096}]}`)
			case r.URL.Path != chatPath:
				http.NotFound(w, r)
			case gjson.Get(body, refuses).Exists():
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"error":{"message":"%s is not supported"}}`, refuses)
			default:
				fmt.Fprint(w, answered)
			}
		})
		r, _ := localAt(url, "", "m")
		q := withSchema()
		q.ConfidenceFields = []string{"a"}
		if _, err := r.Complete(t.Context(), policy.OnlyLocal, q); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		last := gjson.Parse(got.bodies[len(got.bodies)-1])
		if last.Get("logprobs").Exists() || last.Get("response_format").Exists() != (refuses == "logprobs") {
			t.Errorf("%s refused: %s", name, last.Raw)
		}
	}
}

// Nothing is sent to a model that runs elsewhere, nor to one that is not there.
func TestAsk_NothingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		list, tags string
		kind       routing.Kind
	}{
		"a cloud model":       {`{"data":[{"id":"m"}]}`, `{"models":[{"name":"m","digest":"d","remote_host":"https://ollama.com"}]}`, routing.Remote},
		"another model":       {`{"data":[{"id":"other"}]}`, `{}`, routing.ModelMissing},
		"nothing is reported": {`401 {"error":{"message":"no"}}`, `{}`, routing.Auth},
	} {
		var got asked
		r, _ := localAt(server(t, &got, map[string]string{"/v1/models": c.list, "/api/tags": c.tags, chatPath: answered}), "", "m")
		_, err := r.Complete(t.Context(), policy.OnlyLocal, proxyQuestion())
		if a := failedAttempt(t, err); a.Kind != c.kind || len(got.bodies) != 0 {
			t.Errorf("%s: %s: %s, after %d questions", name, a.Kind, a.Reason, len(got.bodies))
		}
	}
}

func TestRefusals_PlainServer(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		kind         routing.Kind
		reason       string
	}{
		{"llama.cpp: too long", `400 {"error":{"code":400,"message":"request (15019 tokens) exceeds the available context size (8192 tokens), try increasing it","type":"exceed_context_size_error"}}`,
			routing.ContextOverflow, "does not fit the server's context window"},
		{"vLLM: too long", `400 {"error":{"message":"This model's maximum context length is 8192 tokens","type":"BadRequestError","code":"context_length_exceeded"}}`,
			routing.ContextOverflow, "does not fit the server's context window"},
		{"Ollama: not there", `404 {"error":{"message":"model 'm' not found","type":"api_error","param":null,"code":null}}`,
			routing.ModelMissing, "does not have model m"},
		{"a wrong key", `401 {"error":{"message":"Invalid API Key","type":"authentication_error"}}`, routing.Auth, "does not accept our key"},
		{"forbidden", `403 {"error":"no"}`, routing.Forbidden, "forbids it: no"},
		{"queue full", `429 {"error":{"message":"busy"}}`, routing.Busy, "is busy"},
		{"no path", `404 page not found`, routing.Unavailable, "has no chat completions"},
		{"failure", `500 {"error":{"message":"unsupported file format"}}`, routing.Unavailable, "answers 500: unsupported file format"},
		{"TLS port", "400 Client sent an HTTP request to an HTTPS server.\n", routing.Unavailable, "speaks TLS on that port"},
		{"cut", completion("m", "x", "length"), routing.InvalidOutput, "the answer was cut"},
		{"no end", `{"choices":[{"message":{"content":"x"},"finish_reason":null}]}`, routing.InvalidOutput, "the answer ended with"},
		{"no choices", `{"choices":[]}`, routing.InvalidOutput, "no choices"},
		{"deep", strings.Repeat("[", 100_000), routing.Unavailable, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := server(t, &asked{}, map[string]string{"/v1/models": `{"data":[{"id":"m","max_model_len":4096}]}`, chatPath: c.answer})
			r, _ := localAt(url, "local-key", "m")
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			_, err := r.Complete(ctx, policy.OnlyLocal, proxyQuestion())
			if a := failedAttempt(t, err); a.Kind != c.kind || !strings.Contains(a.Reason, c.reason) {
				t.Errorf("got %s: %s, want %s: %s", a.Kind, a.Reason, c.kind, c.reason)
			}
		})
	}
}

// A message may be a list of parts, and reasoning is in one of two fields.
func TestRead_ShapesOfReplies(t *testing.T) {
	for name, message := range map[string]string{
		"text":             `{"content":"{\"a\":\"x\"}"}`,
		"parts":            `{"content":[{"type":"text","text":"{\"a\":"},{"type":"text","text":"\"x\"}"}]}`,
		"in the reasoning": `{"content":"","reasoning_content":"{\"a\":\"x\"}"}`,
		"vLLM's reasoning": `{"content":null,"reasoning":"{\"a\":\"x\"}"}`,
		"fenced":           `{"content":"` + "```json\\n{\\\"a\\\":\\\"x\\\"}\\n```" + `"}`,
	} {
		reply := `{"model":"m","choices":[{"finish_reason":"stop","message":` + message + `}],"usage":{"prompt_tokens":5,"completion_tokens":3}}`
		if !json.Valid([]byte(reply)) {
			t.Fatalf("%s: the case is no JSON", name)
		}
		url := server(t, &asked{}, map[string]string{"/v1/models": `{"data":[{"id":"m","max_model_len":4096}]}`, chatPath: reply})
		r, _ := localAt(url, "", "m")
		if a, err := r.Complete(t.Context(), policy.OnlyLocal, withSchema()); err != nil || string(a.Text) != `{"a":"x"}` {
			t.Errorf("%s: %q, %v", name, a.Text, err)
		}
	}
}
