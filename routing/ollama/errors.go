package ollama

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// midAnswer is used as the status of an error in the middle of a 200.
const midAnswer = 0

// busyPause is how soon a server that is busy may be asked again: it does not
// say.
const busyPause = 500 * time.Millisecond

// refused sorts a refusal by its status and by the code in it, where it has
// one. Words in its text only go into the reason.
func (o *Backend) refused(status int, header http.Header, body []byte) *routing.Error {
	doc := gjson.Result{}
	if httpclient.ValidJSON(body) {
		doc = gjson.GetBytes(body, "error")
	}
	if !doc.Exists() && status != midAnswer {
		return o.notOllama(status, header, body)
	}
	text := httpclient.Flatten(doc)
	reason := fmt.Sprintf("Ollama answers %d", status)
	if status == midAnswer {
		reason = "Ollama broke the answer off"
	}
	if text != "" {
		reason += ": " + policy.Shorten(text, 160)
	}
	if (status < 500 || status == midAnswer) && tooLong(doc, text) {
		return routing.Fail(routing.ContextOverflow, "the prompt does not fit the model's context window", nil)
	}
	e := &routing.Error{Kind: routing.Unavailable, Reason: reason}
	switch status {
	case http.StatusNotFound:
		e.Kind, e.Reason, e.Fix = routing.ModelMissing, "model "+o.shown()+" is not there", "ollama pull "+o.cfg.Model
	case http.StatusUnauthorized:
		e.Kind, e.Fix = routing.Auth, o.fixKey()
		if gjson.GetBytes(body, "signin_url").Exists() {
			e.Fix = "ollama signin"
		}
	case http.StatusForbidden:
		e.Kind, e.Fix = routing.Forbidden, "allow this key the model, on the server that answers"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = routing.Busy, busyPause
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		e.Kind = routing.InvalidOutput // the server is healthy
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		e.Kind = routing.Timeout
	}
	return e
}

// notOllama describes an answer that is not in Ollama's form: something is in
// its place or in front of it.
func (o *Backend) notOllama(status int, header http.Header, body []byte) *routing.Error {
	e := &routing.Error{Kind: routing.Unavailable, Reason: fmt.Sprintf("%s answers %d, but not as an Ollama server does", o.cfg.URL, status)}
	if len(body) == 0 { // a handler of Ollama's that crashed answers so
		e.Reason = fmt.Sprintf("Ollama answers %d", status)
	}
	via := httpclient.WebProxy(o.cfg.URL)
	switch {
	case httpclient.PlainOnTLS(status, body):
		e.Reason, e.Fix = o.cfg.URL+" speaks TLS on that port", httpclient.FixTLS
	case via != "" && (status >= 500 || status == http.StatusProxyAuthRequired || status == http.StatusForbidden):
		e.Reason = fmt.Sprintf("the web proxy %s (HTTP_PROXY) answers %d in Ollama's place", policy.Shorten(via, 80), status)
		e.Fix = "export NO_PROXY=" + o.host()
	case status == http.StatusUnauthorized:
		e.Kind, e.Fix = routing.Auth, o.fixKey()
	case status == http.StatusForbidden:
		e.Kind, e.Fix = routing.Forbidden, "allow this machine on the server in front of Ollama"
	case status >= 300 && status < 400:
		e.Fix = "export OLLAMA_HOST=<the address it redirects to>"
		if to, err := url.Parse(header.Get("Location")); err == nil && to.Host != "" {
			e.Reason += "; it redirects to " + policy.Shorten(to.Host, 80) + ", which is not followed"
		}
	case status == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = routing.Busy, busyPause
	case status == http.StatusGatewayTimeout:
		e.Kind = routing.Timeout
	}
	return e
}

// tooLong recognises a prompt that does not fit. From 0.30 on the runner's own
// error says so by its type; before, the whole text is the only sign.
func tooLong(doc gjson.Result, text string) bool {
	for range 4 {
		if doc.Type == gjson.String && httpclient.ValidJSON([]byte(doc.Str)) {
			doc = gjson.Parse(doc.Str)
		}
		for _, code := range []string{doc.Get("type").Str, doc.Get("code").Str} {
			if code == "exceed_context_size_error" || code == "context_length_exceeded" {
				return true
			}
		}
		if inner := doc.Get("error"); inner.Exists() {
			doc = inner
		}
	}
	return slices.ContainsFunc(overflows, func(overflow func() *regexp.Regexp) bool { return overflow().MatchString(text) })
}

// overflows are whole texts of versions that give no code.
var overflows = []func() *regexp.Regexp{
	lazy.Regexp(`^the input length exceeds the context length$`),
	lazy.Regexp(`^the prompt is longer than the context length currently available to the model;`),
	lazy.Regexp(`^request \(\d+ tokens\) exceeds the available context size \(\d+ tokens\)`),
}

// unreachable describes a request that got no answer.
func (o *Backend) unreachable(ctx context.Context, err error) *routing.Error {
	var limit routing.LimitError
	switch {
	case httpclient.DialTimeout(err):
		limit = routing.LimitError{What: "connection to " + o.cfg.URL, Limit: o.cfg.ConnectTimeout,
			Setting: "LOCALMODEL_CONNECT_TIMEOUT"}
		return &routing.Error{Kind: routing.Timeout, Reason: limit.Error(), Fix: o.fixStart(), Err: err}
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &limit):
		return routing.Fail(routing.Timeout, limit.Error(), err)
	}
	cause, fix := httpclient.Cause(err)
	switch via := httpclient.WebProxy(o.cfg.URL); {
	case via != "" && httpclient.ThroughProxy(err):
		cause, fix = cause+", at the web proxy "+policy.Shorten(via, 80), "export NO_PROXY="+o.host()
	case fix == "" && httpclient.WantsTLS(ctx, o.cfg.URL, err):
		cause, fix = "the server speaks TLS on that port", httpclient.FixTLS
	case fix == "":
		fix = o.fixStart()
	}
	return &routing.Error{
		Kind: routing.Unavailable, Fix: fix, Err: err,
		Reason: "Ollama is not reachable at " + o.cfg.URL + " (" + cause + ")",
	}
}

// fixStart is how the server is started, where that can be done from here.
func (o *Backend) fixStart() string {
	if place.Loopback(o.cfg.URL) {
		return "ollama serve"
	}
	return "start Ollama on " + o.host() + ", listening on that address (OLLAMA_HOST there)"
}

func (o *Backend) fixKey() string {
	if o.cfg.Key != "" {
		return "export OLLAMA_API_KEY=<a key that the server at " + o.host() + " accepts>"
	}
	return "export OLLAMA_API_KEY=<the key that the server at " + o.host() + " asks for>"
}

// host is the server's host, without its port.
func (o *Backend) host() string {
	u, err := url.Parse(o.cfg.URL)
	if err != nil {
		return ""
	}
	return policy.Shorten(u.Hostname(), 80)
}

// shown is the model's name, bounded.
func (o *Backend) shown() string { return policy.Shorten(o.cfg.Model, 80) }

// plainName is a name that a shell takes as it is.
var plainName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,80}$`)

// missing describes that the model is not there. Where another one is installed it
// is named: it works at once, and a pull may be 18 GB.
func (o *Backend) missing(tags gjson.Result) (reason, fix string) {
	other := ""
	var most int64
	tags.Get("models").ForEach(func(_, m gjson.Result) bool {
		name, size := m.Get("name").Str, m.Get("size").Int()
		embeds := strings.Contains(m.Get("details.family").Str, "bert")
		if remoteHost(m) == "" && !place.CloudName(name) && !embeds && plainName().MatchString(name) && (other == "" || size > most) {
			other, most = name, size
		}
		return true
	})
	reason = "model " + o.shown() + " is not there"
	if other == "" {
		return reason, "ollama pull " + o.cfg.Model
	}
	return reason + "; you have " + other + ": set LOCALMODEL_MODEL", "export LOCALMODEL_MODEL=" + other
}
