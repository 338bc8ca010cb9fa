package ollama

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
)

// controlTimeout bounds a control call, which a healthy server answers at once.
func (o *Backend) controlTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, o.cfg.ConnectTimeout,
		routing.LimitError{What: "answer from Ollama's control API", Limit: o.cfg.ConnectTimeout,
			Setting: "LOCALMODEL_CONNECT_TIMEOUT"})
}

func (o *Backend) post(ctx context.Context, path string, body []byte) (*http.Response, *routing.Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.cfg.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, routing.Fail(routing.Unavailable, "the Ollama address is not valid", err)
	}
	req.Header.Set("Content-Type", "application/json")
	return o.do(req)
}

func (o *Backend) get(ctx context.Context, path string) ([]byte, *routing.Error) {
	ctx, stop := o.controlTimeout(ctx)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.cfg.URL+path, nil)
	if err != nil {
		return nil, routing.Fail(routing.Unavailable, "the Ollama address is not valid", err)
	}
	resp, fault := o.do(req)
	if fault != nil {
		return nil, fault
	}
	return o.read(ctx, resp)
}

// read takes the whole of a control answer.
func (o *Backend) read(ctx context.Context, resp *http.Response) ([]byte, *routing.Error) {
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, httpclient.MaxReplyBytes))
	if err != nil {
		return nil, o.unreachable(ctx, err)
	}
	if !httpclient.ValidJSON(data) {
		return nil, routing.Fail(routing.Unavailable, o.cfg.URL+" answers, but not as an Ollama server does", nil)
	}
	return data, nil
}

func (o *Backend) do(req *http.Request) (*http.Response, *routing.Error) {
	req.Header.Set("User-Agent", "localmodel/"+o.cfg.Version)
	// Go asks again, on a new connection, when a kept one breaks before the first
	// byte of an answer, as after a restart of the server; the header is not sent.
	req.Header["Idempotency-Key"] = nil
	if o.cfg.Key != "" { // redirects are not followed, so it reaches that host alone
		req.Header.Set("Authorization", "Bearer "+o.cfg.Key)
	}
	resp, err := o.client().Do(req)
	if err != nil {
		return nil, o.unreachable(req.Context(), err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	fault := o.refused(resp.StatusCode, resp.Header, data)
	switch {
	case fault.Kind != routing.ModelMissing:
	case req.Method == http.MethodGet: // a question about no model
		fault = o.notOllama(resp.StatusCode, resp.Header, data)
	default:
		if tags, unknown := o.get(req.Context(), "/api/tags"); unknown == nil {
			fault.Reason, fault.Fix = o.missing(gjson.ParseBytes(tags))
		}
	}
	return nil, fault
}
