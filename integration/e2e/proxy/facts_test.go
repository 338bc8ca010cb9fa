package proxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
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

// pinned reports whether the proxy is of the version that FINDINGS.md is about.
// What no other version does is asked of that one alone; `make proxies` runs the
// rest against older ones.
func pinned(t *testing.T) bool {
	t.Helper()
	part, err := parts.Lookup(parts.LiteLLM)
	if err != nil {
		t.Fatal(err)
	}
	dir, file, err := part.Cached()
	if err != nil {
		t.Fatal(err)
	}
	return parts.Need(t, parts.LiteLLM) == filepath.Join(dir, file)
}

type fields map[string]any

// chat asks a group of the proxy; more adds to the body.
func chat(t *testing.T, p *litellmtest.Proxy, group, user string, more fields) said {
	t.Helper()
	body := fields{"model": group, "messages": []fields{{"role": "user", "content": user}}, "max_tokens": 50}
	maps.Copy(body, more)
	return raw(t, p, p.Key, http.MethodPost, "/v1/chat/completions", body)
}

// TestFact_Groups holds what the client and the configurations depend on.
// Where one changes with a new version, FINDINGS.md and the code that relies on
// it are to be looked at again.
func TestFact_Groups(t *testing.T) {
	s := litellmtest.Shared(t)
	long := strings.Repeat("word ", 300)
	s.Provider.Says(t, "slow", litellmtest.Said{Text: "late", After: time.Minute})
	s.Provider.Says(t, "tagged", litellmtest.Said{Text: "OK"})
	withTags := func(tags ...string) fields { return fields{"num_retries": 0, "metadata": fields{"tags": tags}} }
	priced := map[string]bool{"free": true, "cheap": true, "balanced": true} // the groups with a price
	alone := fields{"disable_fallbacks": true, "num_retries": 0}
	for _, c := range []struct {
		name, group, user string
		more              fields
		status            int
		by, id            string // who answered
		says              string // in the body
		paid              int    // calls that reach the provider
	}{
		{"free answers, without a cost header", "free", "hi", nil, 200, "free", "free-ollama", `"model":"free"`, 0},
		{"a reply schema reaches Ollama", "free", "hi", fields{"response_format": fields{"type": "json_schema", "json_schema": fields{"name": "c", "schema": classSchema}}}, 200, "free", "free-ollama", `\"complexity\"`, 0},
		{"cheap names deployment and cost", "cheap", "hi", nil, 200, "cheap", "cheap-haiku-4-5", "", 1},
		{"a fallback shows in the headers", "free-down", "hi", fields{"fallbacks": []string{"cheap"}}, 200, "cheap", "cheap-haiku-4-5", `"model":"claude-haiku-4-5"`, 1},
		{"disable_fallbacks keeps it local", "free-down", "hi", fields{"fallbacks": []string{"cheap"}, "disable_fallbacks": true}, 500, "", "", "APIConnectionError", 0},
		{"the deployment's time-out ends a wait", "slow", "hi", fields{"num_retries": 0, "fallbacks": []string{"balanced"}}, 200, "balanced", "balanced-sonnet-4-6", "", 2},
		{"the context check comes before the call", "short-window", long, alone, 400, "", "", "ContextWindowExceededError", 0},
		{"an empty list of fallbacks leaves those for the context", "free", strings.Repeat("word ", 30000), fields{"fallbacks": []string{}}, 200, "cheap", "cheap-haiku-4-5", "", 1},
		{"disable_fallbacks covers those too", "free", strings.Repeat("word ", 30000), alone, 400, "", "", "ContextWindowExceededError", 0},
		{"a call for an id goes past every check", "short-window-1", long, alone, 200, "short-window-1", "short-window-1", "", 1},
		{"an unknown group", "nope", "hi", alone, 400, "", "", `"param":null`, 0},
		{"mock settings in a request are refused", "cheap", "hi", fields{"mock_testing_fallbacks": true}, 400, "", "", "dangerously_allow_mock_testing_request_params", 0},
		{"tag filtering: no tags", "tagged", "hi", alone, 200, "tagged", "tagged-1", "", 1},
		{"tag filtering: the tag", "tagged", "hi", withTags("local"), 200, "tagged", "tagged-1", "", 1},
		{"tag filtering: a spend tag", "tagged", "hi", withTags("ticket:1"), 401, "", "", "tags configuration", 0},
		{"tag filtering: a spend tag beside the tag", "tagged", "hi", withTags("ticket:1", "local"), 200, "tagged", "tagged-1", "", 1},
		{"tag filtering: a deployment for the rest", "tagged-default", "hi", withTags("ticket:1"), 200, "tagged-default", "tagged-default-1", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Provider.Forget()
			r := chat(t, s.Proxy, c.group, c.user, c.more)
			paid := len(s.Provider.Asked(""))
			if r.status != c.status || r.header.Get("x-litellm-model-group") != c.by || r.header.Get("x-litellm-model-id") != c.id ||
				!strings.Contains(r.body, c.says) || paid != c.paid {
				t.Errorf("%d by %q (%s), %d paid: %.400s", r.status, r.header.Get("x-litellm-model-group"), r.header.Get("x-litellm-model-id"), paid, r.body)
			}
			cost, fellBack := r.header.Get("x-litellm-response-cost"), r.header.Get("x-litellm-attempted-fallbacks")
			if r.status == 200 && (cost == "") != (c.by == "free") && priced[c.by] {
				t.Errorf("cost header %q", cost)
			}
			if want := map[bool]string{true: "0", false: "1"}[c.by == c.group || c.id == c.group]; r.status == 200 && fellBack != want {
				t.Errorf("fallbacks %q, want %q", fellBack, want)
			}
		})
	}
}

func TestFact_HealthRoutes(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Provider.Forget()
	for _, c := range []struct {
		name, key, path string
		status          int
		says            string
	}{
		{"readiness needs no key", "", "/health/readiness", 200, `"status":"healthy"`},
		{"liveliness needs no key", "", "/health/liveliness", 200, "alive"},
		{"health needs one", "", "/health", 500, "Internal server error"},
		{"models with the key", s.Proxy.Key, "/v1/models", 200, `"id":"free"`},
		{"models with a wrong key", "sk-wrong", "/v1/models", 400, "no_db_connection"},
		{"models without a key", "", "/v1/models", 500, `{"error":{"message":"Internal server error","type":"internal_server_error"}}`},
	} {
		if r := raw(t, s.Proxy, c.key, http.MethodGet, c.path, nil); r.status != c.status || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %.300s", c.name, r.status, r.body)
		}
	}
	if asked := s.Provider.Asked(""); len(asked) != 0 {
		t.Errorf("%d paid calls", len(asked))
	}
}
