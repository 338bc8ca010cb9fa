package openai

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Commands and words that mend what the proxy says is wrong.
const (
	fixKey      = "export LITELLM_MASTER_KEY=<the key the proxy was started with>"
	fixProvider = "set the provider's key (ANTHROPIC_API_KEY) for the proxy and restart it"
	fixTags     = "remove enable_tag_filtering from the proxy's configuration and restart it"
	fixBudget   = "raise the group's max_budget in the proxy's configuration and restart it, or wait until its budget_duration has passed"
	fixGroup    = "add the group to model_list in the proxy's configuration and restart it"
	fixContext  = "shorten the ticket, or give the group a model with a larger window (max_input_tokens)"
	fixCooling  = "wait; the proxy's log says which failures put the deployment to rest (cooldown_time)"
	fixRate     = "wait, or raise the provider's rate limit"
	fixAccess   = "allow this key the model group in the proxy"
	fixTimeout  = "raise the group's timeout in the proxy's configuration"
	fixOutage   = "wait; the provider's status page says more"
	fixUpstream = "look at what the proxy's group stands on: its log names the address"
)

var (
	tryAgain     = regexp.MustCompile(`Try again in (\d+) seconds`)
	missingModel = regexp.MustCompile(`model '([^']+)' not found`)
)

// refusal is an error of the proxy: its status and its words.
type refusal struct {
	status       int
	text, kind   string // message and type
	low          string // the message in lower case
	withoutACode bool   // what an unhandled error looks like
}

func (r refusal) has(words ...string) bool {
	for _, w := range words {
		if strings.Contains(r.low, w) {
			return true
		}
	}
	return false
}

// refused sorts the proxy's errors by status and text: neither says enough
// alone (a wrong key is 400 without a database, 401 may be tags or the
// provider's key, 429 may be a budget or a deployment at rest).
func (p *Server) refused(status int, h http.Header, data []byte) *routing.Error {
	doc := gjson.GetBytes(data, "error")
	r := refusal{status: status, text: p.hide(httpclient.Flatten(doc)), kind: doc.Get("type").String(), withoutACode: !doc.Get("code").Exists()}
	r.low = strings.ToLower(r.text)
	e := r.sort()
	if e.Kind == "" {
		e = &routing.Error{Kind: routing.Unavailable, Fix: e.Fix, Reason: fmt.Sprintf("the proxy answers %d: %s", status, policy.Shorten(r.text, 140))}
	}
	if m := tryAgain.FindStringSubmatch(r.text); m != nil {
		e.RetryAfter = time.Duration(n(m[1])) * time.Second
	} else if s := n(h.Get("retry-after")); s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
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

// sort finds the kind, the reason and what mends it; without a kind the
// endpoint is out of order in a way of its own.
func (r refusal) sort() *routing.Error {
	mended := func(kind routing.Kind, reason, fix string) *routing.Error {
		return &routing.Error{Kind: kind, Reason: reason, Fix: fix}
	}
	switch {
	case r.has("tags configuration"):
		return mended(routing.Auth, "the proxy refuses the request's tags (tag filtering)", fixTags)
	case r.status < 500 && (r.kind == "no_db_connection" || r.has("no connected db")):
		return mended(routing.Auth, "the proxy does not know our key", fixKey)
	case r.status == http.StatusInternalServerError && r.kind == "internal_server_error" && r.withoutACode:
		return mended(routing.Auth, "the proxy got no key", fixKey)
	case r.has("budget has been exceeded", "crossed budget"), r.kind == "budget_exceeded":
		return mended(routing.BudgetSpent, "the proxy's own budget is spent", fixBudget)
	case r.has("contextwindowexceeded", "context_length_exceeded"), httpclient.SaysTooLong(r.low):
		return mended(routing.ContextOverflow, "the prompt does not fit the model's context window", fixContext)
	case r.has("invalid model name"):
		return mended(routing.ModelMissing, "the proxy has no such model group", fixGroup)
	case r.has("no deployments available", "no healthy deployments"):
		return mended(routing.Busy, "the proxy's deployment rests after failures", fixCooling)
	}
	return r.byStatus(mended)
}

func (r refusal) byStatus(mended func(routing.Kind, string, string) *routing.Error) *routing.Error {
	switch r.status {
	case http.StatusUnauthorized:
		if r.kind == "token_not_found_in_db" || r.kind == "expired_key" || r.kind == "auth_error" || r.has("virtual key", "invalid proxy server token") {
			return mended(routing.Auth, "the proxy does not accept our key", fixKey)
		}
		return mended(routing.Auth, "the provider does not accept the proxy's key", fixProvider)
	case http.StatusForbidden:
		return mended(routing.Auth, "our key may not use the group", fixAccess)
	case http.StatusNotFound:
		if m := missingModel.FindStringSubmatch(r.text); m != nil {
			return mended(routing.ModelMissing, "the group's host does not have model "+policy.Shorten(m[1], 60), "ollama pull "+policy.Shorten(m[1], 60)+", on the host that the proxy asks")
		}
		return mended(routing.ModelMissing, "the provider does not have the group's model", fixGroup)
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return mended(routing.Timeout, "the proxy's own time-out ran out", fixTimeout)
	case http.StatusTooManyRequests:
		return mended(routing.Busy, "rate limited", fixRate)
	}
	switch {
	case r.has("apiconnectionerror"):
		return mended(routing.Unavailable, "the proxy does not reach what stands behind the group", fixUpstream)
	case r.has("internalservererror", "serviceunavailableerror", "badgatewayerror"):
		return mended(routing.Unavailable, fmt.Sprintf("the provider fails (%d): %s", r.status, policy.Shorten(r.provider(), 100)), fixOutage)
	}
	return &routing.Error{}
}

// provider is what the provider said, out of the proxy's wrapping.
func (r refusal) provider() string {
	if i := strings.IndexByte(r.text, '{'); i >= 0 {
		// Only the first value counts; more text follows it.
		if said := httpclient.Flatten(gjson.Parse(r.text[i:])); !strings.HasPrefix(said, "{") && said != "" {
			return said
		}
	}
	return r.text
}

// hide keeps the key out of a text the proxy may have put it in.
func (p *Server) hide(text string) string {
	if len(p.cfg.Key) < 4 {
		return text
	}
	return strings.ReplaceAll(text, p.cfg.Key, "[key]")
}

// faults remembers how each tier's last call was refused, since no free probe
// sees a provider's key, a budget or tag filtering.
type faults struct {
	mu   sync.Mutex
	last map[policy.Tier]noted
}

type noted struct {
	fault *routing.Error
	at    time.Time
}

// rememberFault is how long a refusal is reported when no later call succeeds.
const rememberFault = 10 * time.Minute

func (f *faults) note(t policy.Tier, fault *routing.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[policy.Tier]noted{}
	}
	f.last[t] = noted{fault, time.Now()}
}

func (f *faults) forget(t policy.Tier) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, t)
}

// recent is the last refusal of a tier, nil = none. What passes by itself is
// not reported.
func (f *faults) recent(t policy.Tier) (fault *routing.Error, ago time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, ok := f.last[t]
	if ago = time.Since(last.at); !ok || ago > rememberFault {
		return nil, 0
	}
	switch last.fault.Kind {
	case routing.Auth, routing.BudgetSpent, routing.ModelMissing:
		return last.fault, ago
	}
	return nil, 0
}
