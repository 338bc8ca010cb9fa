package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// These tests run without a LiteLLM. The bodies are those that versions 1.83.14,
// 1.89.0 and 1.102.4 sent.

const proxyTestKey = "sk-secret-of-the-test"

type openHands struct{ calls []routing.CallRecord }

func (o *openHands) Call(_ context.Context, c routing.CallRecord) error {
	o.calls = append(o.calls, c)
	return nil
}

func (o *openHands) Reserve(context.Context, policy.Tier, float64) (func(context.Context, float64) error, error) {
	return func(context.Context, float64) error { return nil }, nil
}

// proxyAt makes a router whose only tier is a group of the proxy at a URL.
func proxyAt(url string, local bool, tiers ...policy.Tier) (*routing.Router, *openHands) {
	kept := &openHands{}
	server := New(Config{URL: url, Key: proxyTestKey, NumCtx: 4096, ConnectTimeout: 5 * time.Second, Version: "1.2.3"})
	if local {
		tiers = append([]policy.Tier{policy.Local}, tiers...)
	}
	var backends []routing.Backend
	for _, t := range tiers {
		backends = append(backends, server.Tier(t))
	}
	return routing.New(routing.Config{CloudAllowed: true}, backends, kept, kept), kept
}

func serveProxy(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return s.URL
}

func failedAttempt(t *testing.T, err error) routing.Attempt {
	t.Helper()
	var u *routing.Unanswered
	if !errors.As(err, &u) || len(u.Attempts) != 1 {
		t.Fatalf("not one failed attempt: %v", err)
	}
	return u.Attempts[0]
}

// ownRefusal is an error of the proxy itself.
func ownRefusal(kind, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q}}`, message, kind)
}

// passedOn is a provider's error in the proxy's wrapping.
func passedOn(class, said string) string { return ownRefusal("None", "litellm."+class+": "+said) }

func proxyQuestion() routing.Request {
	return routing.Request{Purpose: "plan", TicketID: "T-1", System: "sys", User: "usr", MaxTokens: 10}
}

// answering replies as the proxy does, and keeps the request.
func answering(t *testing.T, header map[string]string, body string, sent *[]byte, got *http.Header) string {
	return serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if sent != nil {
			*sent, *got = data, r.Header
		}
		for name, value := range header {
			w.Header().Set(name, value)
		}
		fmt.Fprint(w, body)
	})
}

func completion(model, text, finish string) string {
	return fmt.Sprintf(`{"model":%q,"choices":[{"finish_reason":%q,"message":{"content":%q}}],"usage":{"prompt_tokens":1000,"completion_tokens":100}}`, model, finish, text)
}

func TestRequestToTheProxy(t *testing.T) {
	var sent []byte
	var header http.Header
	url := answering(t, nil, completion("cheap", `{"a":"x"}`, "stop"), &sent, &header)
	q := proxyQuestion()
	q.Schema = json.RawMessage(`{"type":"object","properties":{"a":{"type":"string","maxLength":5}},"required":["a"],"additionalProperties":false}`)
	r, _ := proxyAt(url, false, policy.Cheap)
	if _, err := r.Complete(t.Context(), policy.OnlyCloud, q); err != nil {
		t.Fatal(err)
	}
	doc := gjson.ParseBytes(sent)
	for path, want := range map[string]string{
		"model": "cheap", "num_retries": "0", "disable_fallbacks": "true", "max_tokens": "10", "temperature": "0.2", "user": "localmodel",
		"metadata.tags": `["gate:plan","ticket:T-1"]`, "messages.0.role": "system", "messages.1.content": "usr",
		"response_format.json_schema.schema.properties.a": `{"description":"maxLength 5","type":"string"}`,
	} {
		if got := doc.Get(path).String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if session := doc.Get("litellm_session_id").Str; !strings.HasPrefix(session, "localmodel-") {
		t.Errorf("session %q", session)
	}
	if header.Get("Authorization") != "Bearer "+proxyTestKey || header.Get("User-Agent") != "localmodel/1.2.3" {
		t.Errorf("headers %v", header)
	}

	// The local group: the proxy's own retries reach another host, and Ollama
	// keeps the bounds.
	r, _ = proxyAt(url, true)
	if _, err := r.Complete(t.Context(), policy.OnlyLocal, q); err != nil {
		t.Fatal(err)
	}
	doc = gjson.ParseBytes(sent)
	if doc.Get("model").Str != "free" || doc.Get("num_retries").Exists() || !doc.Get("disable_fallbacks").Bool() || doc.Get("response_format.json_schema.schema.properties.a.maxLength").Int() != 5 {
		t.Errorf("to the local group: %s", sent)
	}
}

func TestWhoAnsweredAndAtWhatCost(t *testing.T) {
	id := func(id string, more ...string) map[string]string {
		h := map[string]string{"x-litellm-model-id": id}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	for _, c := range []struct {
		name      string
		tier      policy.Tier
		header    map[string]string
		model     string
		wantModel string
		usd       float64
		estimated bool
	}{
		{"cost from the header", policy.Cheap, id("cheap-haiku-4-5", "x-litellm-response-cost", "0.00045999999999999996"), "cheap", "cheap-haiku-4-5", 0.00046, false},
		{"in exponents", policy.Cheap, id("cheap-haiku-4-5", "x-litellm-response-cost", "1.5e-05"), "cheap", "cheap-haiku-4-5", 0.000015, false},
		{"no header: the table", policy.Cheap, id("cheap-haiku-5-5"), "cheap", "cheap-haiku-5-5", 0.00015, true},
		{"zero for a paid tier: the table", policy.Balanced, id("b", "x-litellm-response-cost", "0.0"), "claude-sonnet-4-6", "claude-sonnet-4-6", 0.0045, true},
		{"an unknown model: the tier's price", policy.Balanced, id("3b1f295403144b"), "balanced", "3b1f295403144b", 0.0045, true},
		{"free costs nothing", policy.Local, id("free-ollama"), "free", "free-ollama", 0, false},
	} {
		r, kept := proxyAt(answering(t, c.header, completion(c.model, "text", "stop"), nil, nil), c.tier == policy.Local, c.tier)
		route := policy.OnlyCloud
		if c.tier == policy.Local {
			route = policy.OnlyLocal
		}
		a, err := r.Complete(t.Context(), route, proxyQuestion())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if a.Model != c.wantModel || a.CostUSD != c.usd || a.CostEstimated != c.estimated || a.TokensIn != 1000 || a.TokensOut != 100 {
			t.Errorf("%s: %+v", c.name, a)
		}
		if k := kept.calls[0]; k.CostUSD != c.usd || k.Paid != (c.tier != policy.Local) || k.Estimated != c.estimated || k.Result != "ok" {
			t.Errorf("%s: recorded %+v", c.name, k)
		}
	}
}

// A paid model never answers as local, even where the proxy does not do as it
// is told; what it cost is counted.
func TestPaidAnswerForLocalDoesNotCount(t *testing.T) {
	for name, header := range map[string]map[string]string{
		"the group says so":    {"x-litellm-model-group": "cheap", "x-litellm-attempted-fallbacks": "1", "x-litellm-response-cost": "0.01"},
		"only the count of it": {"x-litellm-attempted-fallbacks": "1", "x-litellm-response-cost": "0.01"},
	} {
		r, kept := proxyAt(answering(t, header, completion("claude-haiku-4-5", "text", "stop"), nil, nil), true)
		_, err := r.Complete(t.Context(), policy.OnlyLocal, proxyQuestion())
		if a := failedAttempt(t, err); a.Kind != routing.InvalidOutput || a.CostUSD != 0.01 || kept.calls[0].CostUSD != 0.01 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// Its own hosts may take over from each other.
	own := map[string]string{"x-litellm-model-group": "free", "x-litellm-attempted-fallbacks": "1"}
	r, _ := proxyAt(answering(t, own, completion("free", "text", "stop"), nil, nil), true)
	if _, err := r.Complete(t.Context(), policy.OnlyLocal, proxyQuestion()); err != nil {
		t.Error(err)
	}
}

// A call that broke off after it was sent may have been billed.
func TestBrokenOffCallCountsAtItsEstimate(t *testing.T) {
	hangUp := serveProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	})
	for name, c := range map[string]struct {
		url  string
		paid bool
	}{"hung up": {hangUp, true}, "never connected": {"http://127.0.0.1:9", false}} {
		r, kept := proxyAt(c.url, false, policy.Cheap)
		_, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion())
		if a := failedAttempt(t, err); (a.CostUSD > 0) != c.paid || (kept.calls[0].CostUSD > 0) != c.paid {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestPortableSchema(t *testing.T) {
	got := portable([]byte(`{"type":"object","required":["pattern"],"additionalProperties":false,"properties":{
		"pattern":{"type":"string","maxLength":9,"description":"a name"},
		"list":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"object","properties":{"n":{"type":"integer","minimum":0}},"required":["n"],"additionalProperties":false}}}}`))
	want := `{"additionalProperties":false,"properties":{` +
		`"list":{"description":"minItems 1, maxItems 3","items":{"additionalProperties":false,"properties":{"n":{"description":"minimum 0","type":"integer"}},"required":["n"],"type":"object"},"type":"array"},` +
		`"pattern":{"description":"a name, maxLength 9","type":"string"}},"required":["pattern"],"type":"object"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := portable([]byte("no schema")); string(got) != "no schema" {
		t.Errorf("got %s", got)
	}
}

func TestKeyInARefusalIsNotShown(t *testing.T) {
	url := serveProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, ownRefusal("x", "bad thing with "+proxyTestKey))
	})
	r, _ := proxyAt(url, false, policy.Cheap)
	_, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion())
	const want = "the proxy answers 418: bad thing with [key]"
	if got := failedAttempt(t, err).Reason; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPasswordInTheAddressIsNotShown(t *testing.T) {
	r, _ := proxyAt("http://user:"+proxyTestKey+"@127.0.0.1:9", false, policy.Cheap)
	_, err := r.Complete(t.Context(), policy.OnlyCloud, proxyQuestion())
	h := r.Health(t.Context(), false).Proxy
	for _, text := range []string{failedAttempt(t, err).Reason, err.Error(), h.URL, h.Error, h.Fix} {
		if strings.Contains(text, proxyTestKey) {
			t.Errorf("the password is in %q", text)
		}
	}
}

func TestLocalHealthBehindTheProxy(t *testing.T) {
	models := serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			fmt.Fprint(w, `{"data":[{"id":"free"},{"id":"cheap"}]}`)
			return
		}
		fmt.Fprint(w, `{"status":"healthy"}`)
	})
	r, _ := proxyAt(models, true, policy.Cheap)
	if h := r.Health(t.Context(), false); !h.Ollama.OK || !h.Ollama.Fleet || h.Ollama.Model != "free" || !h.Proxy.OK || !slices.Contains(h.Proxy.Models, "cheap") {
		t.Errorf("got %+v", h)
	}
	r, _ = proxyAt("http://127.0.0.1:9", true, policy.Cheap)
	if h := r.Health(t.Context(), true); h.Ollama.OK || !strings.Contains(h.Ollama.Error, "the proxy is not reachable") || h.Ollama.Fix == "" {
		t.Errorf("without the proxy: %+v", h)
	}
	remote := routing.New(routing.Config{}, []routing.Backend{New(Config{URL: "http://proxy.example"}).Tier(policy.Local)},
		&openHands{}, &openHands{})
	if h := remote.Health(t.Context(), true); h.Ollama.OK || h.Proxy.Used || !strings.Contains(h.Ollama.Error, "LOCALMODEL_CLOUD=never") {
		t.Errorf("a remote proxy under LOCALMODEL_CLOUD=never: %+v", h)
	}
}

// The command that starts a proxy starts it where it is looked for.
func TestFixStart(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:8000":     "--host 127.0.0.1 --port 8000",
		"http://localhost:4000/v1":  "--host 127.0.0.1 --port 4000",
		"http://proxy.example:8000": "start the proxy that LITELLM_BASE_URL names",
	} {
		if got := fixStart(address); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q in it", address, got, want)
		}
	}
}
