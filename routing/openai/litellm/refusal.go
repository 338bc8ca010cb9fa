// Package litellm reads what a LiteLLM proxy answers beside the model's words:
// why it refuses, and where the deployments of a model group run. It sends
// nothing.
package litellm

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// What to do about what the proxy refuses: FixGroup where it has no such group. None asks for the proxy's master
// key: a key of one's own is enough, and what it may not do its owner decides.
const (
	fixKey      = "export LITELLM_MASTER_KEY=<a key that the proxy accepts; a virtual key will do>"
	fixExpired  = "get a new key from whoever runs the proxy"
	fixAccess   = "ask whoever runs the proxy to allow the model group, or name others in LOCALMODEL_FALLBACK"
	fixBlocked  = "ask whoever runs the proxy why, and to unblock it"
	fixProvider = "set the provider's key (ANTHROPIC_API_KEY) for the proxy and restart it"
	fixCredit   = "add credit to the account at the provider" //nolint:gosec // words, no credential
	fixTags     = "remove enable_tag_filtering from the proxy's configuration and restart it"
	fixBudget   = "raise the group's max_budget in the proxy's configuration and restart it, or wait until its budget_duration has passed"
	FixGroup    = "add the group to model_list in the proxy's configuration and restart it"
	fixContext  = "shorten the ticket, or give the group a model with a larger window (max_input_tokens)"
	fixCooling  = "wait; the proxy's log says which failures put the deployment to rest (cooldown_time)"
	fixRate     = "wait, or raise the provider's rate limit"
	fixTimeout  = "raise the group's timeout in the proxy's configuration"
	fixOutage   = "wait; the provider's status page says more"
	fixUpstream = "look at the upstream of the proxy's group: the proxy's log names the address"
	fixLog      = "look into the proxy's log"
)

var (
	tryAgain     = lazy.Regexp(`Try again in (\d+) seconds`)
	missingModel = lazy.Regexp(`model '([^']+)' not found`)
	plainName    = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,59}$`) // a name that a shell takes as it is
	wrapped      = lazy.Regexp(`^litellm\.(\w+)`)
	keyVariable  = lazy.Regexp(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_API_KEY\b`)
	spentBy      = lazy.Regexp(`(?i)(?:budget has been exceeded!|exceeded\w*budget:)\s*(end user|teammember|team|user|key|organization|project|tag)\b`)
)

// refusal is an error of the proxy, or one of a provider that it passes on.
type refusal struct {
	status     int
	kind, code string // error.type and error.code
	text, low  string // the message, and in lower case
	class      string // litellm's exception around a provider's error; "" = the proxy's own
	inner      string // the provider's error type
	keySent    bool
}

func (r refusal) has(words ...string) bool {
	for _, w := range words {
		if strings.Contains(r.low, w) {
			return true
		}
	}
	return false
}

// Refused sorts an answer that is not 200: by the error's type and code, by the
// exception that wraps a provider's error, and by status. Where none of them
// says (a blocked key and a wrong one are both auth_error) the proxy's own
// sentence does. key is ours, "" = none was sent; no text shows it.
func Refused(status int, header http.Header, body []byte, key string) *routing.Error {
	doc, text := httpclient.ErrorIn(body, key)
	r := refusal{status: status, kind: doc.Get("type").String(), code: doc.Get("code").String(),
		text: text, low: strings.ToLower(text), keySent: key != ""}
	if m := wrapped().FindStringSubmatch(text); m != nil {
		r.class, r.inner = m[1], r.within().Get("error.type").Str
	}
	e := r.sort()
	e.RetryAfter = httpclient.RetryAfter(header, time.Now())
	if m := tryAgain().FindStringSubmatch(text); m != nil {
		seconds, _ := strconv.Atoi(m[1]) // digits alone; the largest number where they are too many
		e.RetryAfter = time.Duration(min(seconds, int(httpclient.MaxRetryAfter/time.Second))) * time.Second
	}
	if e.RetryAfter > 0 {
		e.Reason += ", again in " + e.RetryAfter.String()
	}
	if e.Fix == fixCooling {
		// Nothing to wait for: after its rest the deployment may fail as before.
		// The proxy refuses until then by itself, at once and at no cost.
		e.RetryAfter = 0
	}
	return e
}

// within is the provider's own error in the proxy's wrapping, where it is JSON.
func (r refusal) within() gjson.Result {
	i := strings.IndexByte(r.text, '{')
	if i < 0 || strings.Count(r.text[i:], "{")+strings.Count(r.text[i:], "[") > 64 { // its nesting is bounded
		return gjson.Result{}
	}
	return gjson.Parse(r.text[i:]) // only the first value counts; more text follows it
}

func because(kind routing.Kind, reason, fix string) *routing.Error {
	return &routing.Error{Kind: kind, Reason: reason, Fix: fix}
}

// sort finds the kind, the reason and the fix.
func (r refusal) sort() *routing.Error {
	for _, look := range []func(refusal) *routing.Error{refusal.key, refusal.budget, refusal.request, refusal.provider} {
		if e := look(r); e != nil {
			return e
		}
	}
	return r.byStatus()
}

// key is what is wrong with our key, or what it may not do.
func (r refusal) key() *routing.Error {
	whose, denied := strings.CutSuffix(r.kind, "_model_access_denied")
	switch {
	case denied && whose == "key":
		return because(routing.Forbidden, "our key may not use the group", fixAccess)
	case denied:
		return because(routing.Forbidden, "our key's "+policy.Shorten(whose, 20)+" may not use the group", fixAccess)
	case r.has("tags configuration"):
		return because(routing.Forbidden, "the proxy refuses the request's tags (tag filtering)", fixTags)
	case r.class != "":
		return nil
	case r.status == http.StatusInternalServerError && r.kind == "internal_server_error" && r.code == "":
		if !r.keySent {
			return because(routing.Auth, "the proxy got no key", fixKey)
		}
		return because(routing.Unavailable, "the proxy fails before it looks at the request (500)", fixLog)
	case r.kind == "no_db_connection" && r.status < 500:
		return because(routing.Auth, "the proxy does not know our key", fixKey)
	case r.kind == "expired_key":
		return because(routing.Auth, "our key at the proxy has expired", fixExpired)
	case r.kind == "auth_error" && r.has("is blocked"):
		who := "key"
		for _, other := range []string{"team", "project", "user"} {
			if strings.Contains(r.low, other+"=") {
				who = "key's " + other
			}
		}
		return because(routing.Forbidden, "our "+who+" is blocked at the proxy", fixBlocked)
	case r.status == http.StatusUnauthorized && !r.keySent:
		return because(routing.Auth, "the proxy got no key", fixKey)
	}
	return nil
}

// budget is money that is spent: the proxy's, or the provider's account.
func (r refusal) budget() *routing.Error {
	m := spentBy().FindStringSubmatch(r.text)
	switch {
	case r.has("crossed budget"):
		return because(routing.BudgetSpent, "the proxy's own budget is spent: the group's", fixBudget)
	case m != nil:
		who := map[string]string{"key": "our key", "team": "our key's team", "teammember": "our key's owner in the team",
			"user": "our key's user", "end user": `the end user "localmodel"`, "organization": "our key's organization",
			"project": "our key's project", "tag": "the request's tag"}[strings.ToLower(m[1])]
		return because(routing.BudgetSpent, "the proxy's own budget is spent: that of "+who, fixBudgetOf(who))
	case r.kind == "budget_exceeded", r.has("exceededtokenbudget", "exceededbudget"):
		return because(routing.BudgetSpent, "the proxy's own budget is spent: that of our key", fixBudgetOf("our key"))
	case r.code == "insufficient_quota", r.status == http.StatusPaymentRequired, r.inner == "billing_error",
		r.class != "" && r.has("credit balance is too low", "exceeded your current quota"):
		return because(routing.BudgetSpent, "the provider's account is out of credit", fixCredit)
	}
	return nil
}

func fixBudgetOf(who string) string {
	return "wait until the budget begins anew, or ask whoever runs the proxy to raise max_budget of " + who
}

func fixMissingKey(variable string) string {
	return "set " + variable + " for the proxy and restart it"
}

// request is what is wrong with the request, or with what the proxy has for it.
func (r refusal) request() *routing.Error {
	switch {
	case r.class == "ContextWindowExceededError", r.code == "context_length_exceeded",
		r.has("contextwindowexceeded"), r.status < 500 && httpclient.SaysTooLong(r.low):
		return because(routing.ContextOverflow, "the prompt does not fit the model's context window", fixContext)
	case r.has("invalid model name", "you passed in model="):
		return because(routing.ModelMissing, "the proxy has no such model group", FixGroup)
	case r.has("no deployments available", "no healthy deployments"):
		return because(routing.Busy, "the proxy's deployment rests after failures", fixCooling)
	}
	if m := missingModel().FindStringSubmatch(r.text); m != nil {
		model, fix := policy.Shorten(m[1], 60), FixGroup
		if plainName().MatchString(m[1]) { // the proxy's word becomes part of a command
			fix = "ollama pull " + m[1] + ", on the host that the proxy asks"
		}
		return because(routing.ModelMissing, "the group's host does not have model "+model, fix)
	}
	if r.class != "" && r.has("no 'choices'") {
		return because(routing.InvalidOutput, "the proxy's answer has no choices", fixUpstream)
	}
	return nil
}

// provider is what a provider refuses the proxy.
func (r refusal) provider() *routing.Error {
	if r.class == "" {
		return nil
	}
	switch {
	case r.has("missing anthropic api key", "api_key client option must be set", "missing credentials",
		"unable to locate credentials", "no key is set"):
		fix := fixProvider
		if name := keyVariable().FindString(r.text); name != "" {
			fix = fixMissingKey(name)
		}
		return because(routing.Forbidden, "the proxy has no key for the provider", fix)
	case r.class == "AuthenticationError", r.inner == "authentication_error":
		return because(routing.Auth, "the provider does not accept the proxy's key", fixProvider)
	case r.class == "PermissionDeniedError", r.inner == "permission_error", r.status == http.StatusForbidden:
		return because(routing.Forbidden, "the provider does not let the proxy's key use the model", fixProvider)
	}
	return nil
}

func (r refusal) byStatus() *routing.Error {
	switch r.status {
	case http.StatusUnauthorized:
		return because(routing.Auth, "the proxy does not accept our key", fixKey)
	case http.StatusForbidden:
		return because(routing.Forbidden, "our key may not use the group", fixAccess)
	case http.StatusNotFound:
		if r.class == "" && r.kind == "" {
			return because(routing.Unavailable, "the proxy has nothing at that address (404)",
				"check LITELLM_BASE_URL: it is the proxy's address, with or without /v1")
		}
		return because(routing.ModelMissing, "the provider does not have the group's model", FixGroup)
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return because(routing.Timeout, "the proxy's own time-out ran out", fixTimeout)
	case http.StatusTooManyRequests:
		return because(routing.Busy, "rate limited", fixRate)
	}
	switch r.class {
	case "APIConnectionError":
		return because(routing.Unavailable, "the proxy does not reach the group's upstream", fixUpstream)
	case "InternalServerError", "ServiceUnavailableError", "BadGatewayError":
		reason := fmt.Sprintf("the provider fails (%d): %s", r.status, policy.Shorten(r.said(), 100))
		return because(routing.Unavailable, reason, fixOutage)
	}
	return because(routing.Unavailable, httpclient.Answers("the proxy", r.status, r.text), "")
}

// said is what the provider said, out of the proxy's wrapping.
func (r refusal) said() string {
	if said := httpclient.Flatten(r.within()); said != "" && !strings.HasPrefix(said, "{") {
		return said
	}
	return r.text
}
