package ollama

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// controlTimeout bounds a control call, which a healthy server answers at once.
func (o *Backend) controlTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, o.cfg.ConnectTimeout,
		routing.LimitError{What: "answer from Ollama's control API", Limit: o.cfg.ConnectTimeout,
			Setting: "LOCALMODEL_CONNECT_TIMEOUT"})
}

func (o *Backend) post(ctx context.Context, path string, body any) (*http.Response, *routing.Error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, routing.Fail(routing.InvalidOutput, "the request cannot be written", err)
	}
	return o.do(ctx, http.MethodPost, path, bytes.NewReader(data))
}

func (o *Backend) get(ctx context.Context, path string) (gjson.Result, *routing.Error) {
	ctx, stop := o.controlTimeout(ctx)
	defer stop()
	resp, fault := o.do(ctx, http.MethodGet, path, http.NoBody)
	if fault != nil {
		return gjson.Result{}, fault
	}
	return o.read(ctx, resp)
}

func (o *Backend) read(ctx context.Context, resp *http.Response) (gjson.Result, *routing.Error) {
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, httpclient.MaxReplyBytes))
	if err != nil {
		return gjson.Result{}, o.unreachable(ctx, err)
	}
	if !judge.IsJSON(data) {
		return gjson.Result{}, routing.Fail(routing.Unavailable, o.cfg.URL+" answers, but not as an Ollama server does", nil)
	}
	return gjson.ParseBytes(data), nil
}

func (o *Backend) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, *routing.Error) {
	req, err := http.NewRequestWithContext(ctx, method, o.cfg.URL+path, body)
	if err != nil {
		return nil, routing.Fail(routing.Unavailable, "the Ollama address is not valid", err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "localmodel/"+o.cfg.Version)
	// Go asks again, on a new connection, when a kept one breaks before the first
	// byte of an answer, as after a restart of the server; the header is not sent.
	req.Header["Idempotency-Key"] = nil
	if o.cfg.Key != "" { // redirects are not followed, so it reaches that host alone
		req.Header.Set("Authorization", "Bearer "+o.cfg.Key)
	}
	resp, err := o.client().Do(req)
	if err != nil {
		return nil, o.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	fault := o.refused(resp.StatusCode, resp.Header, data)
	switch {
	case fault.Kind != routing.ModelMissing:
	case method == http.MethodGet: // a question about no model
		fault = o.notOllama(resp.StatusCode, resp.Header, data)
	default:
		if tags, unknown := o.get(ctx, "/api/tags"); unknown == nil {
			fault.Reason, fault.Fix = o.missing(tags)
		}
	}
	return nil, fault
}

// midAnswer is used as the status of an error in the middle of a 200.
const midAnswer = 0

// busyPause is how soon a server that is busy may be asked again: it does not
// say.
const busyPause = 500 * time.Millisecond

// refused sorts a refusal by its status and by the code in it, where it has
// one. Words in its text only go into the reason.
func (o *Backend) refused(status int, header http.Header, body []byte) *routing.Error {
	doc := gjson.Result{}
	if judge.IsJSON(body) {
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
		if doc.Type == gjson.String && judge.IsJSON([]byte(doc.Str)) {
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

func (o *Backend) host() string {
	u, err := url.Parse(o.cfg.URL)
	if err != nil {
		return ""
	}
	return policy.Shorten(u.Hostname(), 80)
}

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
