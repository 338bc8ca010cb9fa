package proxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/litellmtest"
)

// said is what the proxy answers to a call.
type said struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

func (s said) get(path string) string { return gjson.Get(s.body, path).String() }

// raw calls the proxy as any client may, without localmodel.
func raw(t *testing.T, p *litellmtest.Proxy, key, method, path string, body any) said {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return said{resp.StatusCode, resp.Header, string(out), time.Since(start)}
}

type fields map[string]any

// chat asks a group of the proxy; more adds to the body.
func chat(t *testing.T, p *litellmtest.Proxy, group, user string, more fields) said {
	t.Helper()
	body := fields{"model": group, "messages": []fields{{"role": "user", "content": user}}, "max_tokens": 50}
	maps.Copy(body, more)
	return raw(t, p, p.Key, http.MethodPost, "/v1/chat/completions", body)
}

func TestExplore(t *testing.T) {
	s := litellmtest.Shared(t)
	show := func(name string, r said) {
		h := http.Header{}
		for k, v := range r.header {
			switch k {
			case "X-Litellm-Model-Group", "X-Litellm-Model-Id", "X-Litellm-Attempted-Fallbacks", "X-Litellm-Attempted-Retries", "X-Litellm-Response-Cost", "Retry-After":
				h[k] = v
			}
		}
		t.Logf("== %s: %d %v %v\n%.600s", name, r.status, r.took, h, r.body)
	}
	schema := fields{"type": "json_schema", "json_schema": fields{"name": "x", "strict": true, "schema": json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`)}}
	show("free", chat(t, s.Proxy, "free", "hi", nil))
	show("cheap", chat(t, s.Proxy, "cheap", "hi", nil))
	s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: `{"a":"x"}`})
	show("cheap schema", chat(t, s.Proxy, "cheap", "hi", fields{"response_format": schema}))
	s.Provider.Says(t, "claude-haiku-5-5", litellmtest.Said{Text: `{"a":"x"}`})
	show("unknown price schema", chat(t, s.Proxy, "cheap-unknown-price", "hi", fields{"response_format": schema}))
	show("openai", chat(t, s.Proxy, "openai-shape", "hi", nil))
	show("openai", chat(t, s.Proxy, "openai-shape", "hi", fields{"response_format": schema}))
	for _, g := range []string{"free-down", "free-missing", "free-small", "short-window"} {
		show(g, chat(t, s.Proxy, g, string(bytes.Repeat([]byte("word "), 300)), nil))
	}
	s.Provider.Says(t, "slow", litellmtest.Said{Text: "x", After: 10 * time.Second})
	show("slow", chat(t, s.Proxy, "slow", "hi", nil))
	s.Provider.Says(t, "bad-key", litellmtest.Said{Status: 401, Error: "authentication_error: invalid x-api-key"})
	show("provider-key", chat(t, s.Proxy, "provider-key", "hi", nil))
	show("provider-key", chat(t, s.Proxy, "provider-key", "hi", nil))
	s.Provider.Says(t, "rate-limited", litellmtest.Said{Status: 429, Error: "rate_limit_error: This request would exceed your organization's rate limit"})
	show("rate-limited", chat(t, s.Proxy, "rate-limited", "hi", nil))
	show("rate-limited", chat(t, s.Proxy, "rate-limited", "hi", nil))
	show("over-budget", chat(t, s.Proxy, "over-budget", "hi", nil))
	show("over-budget", chat(t, s.Proxy, "over-budget", "hi", nil))
	s.Provider.Says(t, "too-long", litellmtest.Said{Status: 400, Error: "invalid_request_error: prompt is too long: 210000 tokens > 200000 maximum"})
	show("too-long", chat(t, s.Proxy, "too-long", "hi", nil))
	s.Provider.Says(t, "broken", litellmtest.Said{Status: 500, Error: "api_error: Internal server error"})
	show("broken", chat(t, s.Proxy, "broken", "hi", nil))
	s.Provider.Says(t, "broken", litellmtest.Said{Status: 529, Error: "overloaded_error: Overloaded"})
	show("overloaded", chat(t, s.Proxy, "broken", "hi", nil))
	show("tagged", chat(t, s.Proxy, "tagged", "hi", fields{"metadata": fields{"tags": []string{"ticket:1"}}}))
	show("tagged, none", chat(t, s.Proxy, "tagged", "hi", nil))
	show("tagged, default", chat(t, s.Proxy, "tagged-default", "hi", fields{"metadata": fields{"tags": []string{"ticket:1"}}}))
	show("nope", chat(t, s.Proxy, "nope", "hi", nil))
	show("wrong key", raw(t, s.Proxy, "sk-wrong", "POST", "/v1/chat/completions", fields{"model": "cheap", "messages": []fields{{"role": "user", "content": "x"}}}))
	show("no key", raw(t, s.Proxy, "", "POST", "/v1/chat/completions", fields{"model": "cheap", "messages": []fields{{"role": "user", "content": "x"}}}))
	show("wrong key models", raw(t, s.Proxy, "sk-wrong", "GET", "/v1/models", nil))
	show("no key models", raw(t, s.Proxy, "", "GET", "/v1/models", nil))
	show("odd key models", raw(t, s.Proxy, "nosk", "GET", "/v1/models", nil))
	show("models", raw(t, s.Proxy, s.Proxy.Key, "GET", "/v1/models", nil))
	show("ready", raw(t, s.Proxy, "", "GET", "/health/readiness", nil))
	for _, a := range s.Provider.Asked("") {
		t.Logf("%+v", a)
	}
}
