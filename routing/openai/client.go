package openai

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/judge"
)

// Config is what the client of one server needs to know: a LiteLLM proxy or
// another gateway with model groups, or a plain server (LM Studio, llama.cpp's
// server, vLLM, llamafile, Ollama's /v1).
type Config struct {
	URL, Key       string        // with or without /v1 at the end
	Model          string        // of a plain server, as it lists it
	ConnectTimeout time.Duration // 0 = 2 s
	NumCtx         int           // context window of the local tier, where the server reports none; tokens
	PaidWindow     int           // of the paid groups, tokens; 0 = 200,000
	Version        string        // of this program, for User-Agent
}

// client is one server that speaks chat completions, and the connections to it.
type client struct {
	cfg     Config
	what    string // "the proxy" or "the local server", for reasons
	root    string // URL without /v1 and without a slash at the end
	fixDown string // starts the server
	http    func() *http.Client

	mu    sync.Mutex
	plain map[string]int // by model: the extras that its provider refuses, see extras
}

func newClient(what, fixDown string, cfg Config) *client {
	cfg.ConnectTimeout = cmp.Or(max(cfg.ConnectTimeout, 0), 2*time.Second)
	cfg.PaidWindow = cmp.Or(max(cfg.PaidWindow, 0), 200_000)
	root := rootOf(cfg.URL)
	return &client{cfg: cfg, what: what, root: root, fixDown: fixDown, plain: map[string]int{},
		http: sync.OnceValue(func() *http.Client { return httpclient.New(root, cfg.ConnectTimeout) })}
}

// rootOf is a base URL without what users paste with it: OpenAI's own clients
// want the address with /v1, LiteLLM's documentation names it without.
func rootOf(address string) string {
	address = strings.TrimRight(strings.TrimSpace(address), "/")
	for _, end := range []string{"/chat/completions", "/v1"} {
		address = strings.TrimRight(strings.TrimSuffix(address, end), "/")
	}
	return address
}

// Close ends idle connections.
func (c *client) Close() { c.http().CloseIdleConnections() }

// Address is the URL without a password that may be in it.
func (c *client) Address() string {
	u, err := url.Parse(c.root)
	if err != nil {
		return "the configured address"
	}
	return u.Redacted()
}

// response is an answer read to its end.
type response struct {
	status int
	header http.Header
	data   []byte
}

// do makes the call with the key and reads a bounded body. sent is false where
// the server cannot have had the request: the name was not found, the
// connection not made, TLS not agreed on.
func (c *client) do(
	ctx context.Context, method, path string, body []byte,
) (r response, sent bool, fault *routing.Error) {
	var wrote atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	req, err := http.NewRequestWithContext(traced, method, c.root+path, bytes.NewReader(body))
	if err != nil {
		return r, false, routing.Fail(routing.Unavailable, c.what+"'s address is not valid", err)
	}
	req.Header.Set("User-Agent", "localmodel/"+c.cfg.Version)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	resp, err := c.http().Do(req)
	if err != nil {
		return r, wrote.Load(), c.unreachable(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	r = response{status: resp.StatusCode, header: resp.Header}
	r.data, err = io.ReadAll(io.LimitReader(resp.Body, httpclient.MaxReplyBytes+1))
	switch {
	case err != nil:
		return r, true, c.unreachable(err)
	case len(r.data) > httpclient.MaxReplyBytes:
		reason := fmt.Sprintf("%s's answer has more than %d bytes", c.what, httpclient.MaxReplyBytes)
		return r, true, routing.Fail(routing.Unavailable, reason, nil)
	}
	return r, true, nil
}

func (c *client) unreachable(err error) *routing.Error {
	if httpclient.DialTimeout(err) {
		limit := routing.LimitError{What: "connection to " + c.what + " at " + c.Address(),
			Limit: c.cfg.ConnectTimeout, Setting: "LOCALMODEL_CONNECT_TIMEOUT"}
		return routing.Fail(routing.Timeout, limit.Error(), err)
	}
	cause, fix := httpclient.Cause(err)
	if fix == "" {
		fix = c.fixDown
	}
	return &routing.Error{Kind: routing.Unavailable, Err: err, Fix: fix,
		Reason: c.what + " is not reachable at " + c.Address() + " (" + cause + ")"}
}

// get asks for JSON. refused words what is not 200.
func (c *client) get(
	ctx context.Context, path string, refused func(response) *routing.Error,
) (doc gjson.Result, fault *routing.Error) {
	r, _, fault := c.do(ctx, http.MethodGet, path, nil)
	switch {
	case fault != nil:
		return doc, fault
	case r.status != http.StatusOK:
		return doc, refused(r)
	case !judge.IsJSON(r.data):
		reason := c.Address() + " answers, but not with JSON: it is another kind of server"
		return doc, &routing.Error{Kind: routing.Unavailable, Reason: reason, Fix: c.fixDown}
	}
	return gjson.ParseBytes(r.data), nil
}
