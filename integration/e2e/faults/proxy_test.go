package faults

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxyFault is one column: how the LiteLLM proxy answers every paid group,
// and what must be said of it. "" = it answers. Bodies are of LiteLLM 1.102.4
// as recorded, and of its error reference where that version shows another.
type proxyFault struct {
	name   string
	url    func(t *testing.T) string
	reason string
	holds  time.Duration
	hangs  bool
}

// litellm imitates the proxy: what it answers to a chat.
func litellm(chat http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see its client hang up
			chat(w, r)
		})
	}
}

func litellmError(status int, message, kind string) func(*testing.T) string {
	return litellm(says(status, fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":"%d"}}`, message, kind, status)))
}

// upFor answers what a schema asks for; without one, a word.
func upFor(schema []byte) http.HandlerFunc {
	content := answered
	switch {
	case schema == nil:
		content = "OK"
	case strings.Contains(string(schema), "pattern"):
		content = `{"n":"0"}`
	case !strings.Contains(string(schema), "complexity"):
		content = `{"steps":[{"file":"a.go"}],"n":0}`
		if strings.Contains(string(schema), `"n"`) {
			content = `{"n":0}`
		}
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"model":"claude-haiku-4-5","choices":[{"finish_reason":"stop","message":{"role":"assistant","content":%q}}],"usage":{"prompt_tokens":700,"completion_tokens":12}}`, content)
	}
}

func up(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("x-litellm-response-cost", "0.0001")
	fmt.Fprintf(w, `{"model":"claude-haiku-4-5","choices":[{"finish_reason":"stop","message":{"role":"assistant","content":%q}}],"usage":{"prompt_tokens":700,"completion_tokens":12}}`, answered)
}

// limited says 429 with Retry-After once, and answers when asked again.
func limited(t *testing.T) string {
	var mu sync.Mutex
	asked := 0
	return litellm(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		first := asked == 1
		mu.Unlock()
		if !first {
			up(w, r)
			return
		}
		w.Header().Set("Retry-After", "1")
		says(429, `{"error":{"message":"litellm.RateLimitError: slow down","type":"throttling_error","param":null,"code":"429"}}`)(w, r)
	})(t)
}

// withoutFormat refuses a reply schema, and answers without one.
func withoutFormat(t *testing.T) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a broken one has no schema either
		if strings.Contains(string(body), `"response_format"`) {
			says(400, `{"error":{"message":"litellm.BadRequestError: output_config.format: Extra inputs are not permitted","type":"None","param":null,"code":"400"}}`)(w, r)
			return
		}
		up(w, r)
	})
}

func patient(seconds string) func(*testing.T) string {
	return litellm(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", seconds)
		says(429, `{"error":{"message":"No deployments available for selected model, Try again in `+seconds+` seconds","type":"None","param":null,"code":"429"}}`)(w, r)
	})
}

func proxyFaults() []proxyFault {
	return []proxyFault{
		{name: "up", url: litellm(up)},
		{name: "refused", url: refused, reason: "(connection refused)"},
		{name: "401", url: litellmError(401, "Authentication Error, Invalid proxy server token passed", "token_not_found_in_db"), reason: "the proxy does not accept our key"},
		{name: "400 no_db_connection", url: litellmError(400, "No connected db.", "no_db_connection"), reason: "the proxy does not know our key"},
		{name: "403", url: litellmError(403, "key not allowed to access model", "key_model_access_denied"), reason: "our key may not use the group"},
		{name: "404", url: litellmError(404, "litellm.NotFoundError: model not found", "None"), reason: "the provider does not have the group's model"},
		{name: "408", url: litellmError(408, "litellm.Timeout: Request timed out", "None"), reason: "the proxy's own time-out ran out"},
		{name: "429, Retry-After 1", url: limited, holds: time.Second},
		{name: "429, Retry-After 60", url: patient("60"), reason: "again in 1m0s"},
		{name: "429", url: litellmError(429, "litellm.RateLimitError: too many", "throttling_error"), reason: "rate limited"},
		{name: "401, key blocked", url: litellmError(401, "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.", "auth_error"), reason: "our key is blocked at the proxy"},
		{name: "403, of the team", url: litellmError(403, "team not allowed to access model", "team_model_access_denied"), reason: "our key's team may not use the group"},
		{name: "no credit", url: litellmError(400, `litellm.BadRequestError: AnthropicException - {"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}`, "None"), reason: "the provider's account is out of credit"},
		{name: "no key for the provider", url: litellmError(401, "litellm.AuthenticationError: Missing Anthropic API Key - no key is set. Please set `ANTHROPIC_API_KEY`", "None"), reason: "the proxy has no key for the provider"},
		{name: "budget, by team", url: litellmError(400, "Budget has been exceeded! Team=t1 Current cost: 11.0, Max budget: 10.0", "budget_exceeded"), reason: "the proxy's own budget is spent: that of our key's team"},
		{name: "response_format refused", url: withoutFormat},
		{name: "budget, by key", url: litellmError(429, "Budget has been exceeded! Current cost: 5.1, Max budget: 5.0", "budget_exceeded"), reason: "the proxy's own budget is spent"},
		{name: "budget, by deployment", url: litellmError(429, "No deployments available - crossed budget for provider", "None"), reason: "the proxy's own budget is spent"},
		{name: "500", url: litellmError(500, "litellm.APIConnectionError: Cannot connect to host", "None"), reason: "the proxy does not reach the group's upstream"},
		{name: "503", url: litellmError(503, "litellm.ServiceUnavailableError: overloaded", "None"), reason: "the provider fails (503)"},
		{name: "hang", url: litellm(hang), reason: "(LOCALMODEL_DEADLINE)", hangs: true},
		{name: "HTML 200", url: litellm(says(200, "<html>gateway</html>")), reason: "not JSON"},
		{name: "empty choices", url: litellm(says(200, `{"model":"x","choices":[],"usage":{}}`)), reason: "no choices"},
		{name: "truncated JSON", url: litellm(says(200, `{"model":"x","choices":[{"finish_reason":"stop","mess`)), reason: "not JSON"},
	}
}
