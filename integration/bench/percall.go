package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// atOnce is how many calls are in flight for the throughput.
const atOnce = 64

// asked is the arguments for a ticket whose complexity alone is asked of a
// model: a reply of one word.
const asked = `{"ticket":"---\nid: BUG-001\ntype: bug\naffected_files: [a.go]\n---\n# The total is wrong\n\nIt is rounded down.\n","route":"local"}`

// perCall measures a classification over stdio beside a plain HTTP call with
// the same body to the same real Ollama.
func perCall(_ context.Context, l *lab) ([]row, error) {
	if _, err := parts.Find(parts.Ollama); err != nil {
		return nil, absentError{err}
	}
	server, err := ollamatest.Start(fmt.Sprintf("OLLAMA_NUM_PARALLEL=%d", l.pick(4, 1)), "OLLAMA_MAX_QUEUE=1000")
	if err != nil {
		return nil, err
	}
	defer server.Close()
	body, err := l.body(server.URL)
	if err != nil {
		return nil, err
	}
	ours, err := l.asking(server.URL)
	if err != nil {
		return nil, err
	}
	bare := bareClient{url: server.URL + "/api/chat", body: body,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}}
	rows, err := l.compareCalls(ours, bare)
	bare.client.CloseIdleConnections()
	return rows, errors.Join(err, ours.Close())
}

// asking is localmodel in front of an Ollama.
func (l *lab) asking(url string) (*mcpchild.Child, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	return mcpchild.Open(l.server(project, "OLLAMA_HOST="+url, "LOCALMODEL_MODEL="+ollamatest.SteeredSlow, "LOCALMODEL_NUM_CTX=4096",
		fmt.Sprintf("LOCALMODEL_SLOTS=%d", atOnce)))
}

// classifyAsked makes one call whose answer has to come from the model.
func classifyAsked(c *mcpchild.Child) error {
	result, err := c.Tool("classify_ticket", asked)
	if by := result.Get("tickets.0.by").Str; err == nil && by != "local" {
		return fmt.Errorf("the ticket was not classified by the model: %s", result.Raw)
	}
	return err
}

// body is the request that a classification sends, as it goes over the wire.
func (l *lab) body(ollama string) ([]byte, error) {
	target, err := url.Parse(ollama)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var chat []byte
	forward := httputil.NewSingleHostReverseProxy(target)
	between, stop, err := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/chat" {
			data, _ := io.ReadAll(r.Body) // a broken one shows at the other end
			r.Body = io.NopCloser(bytes.NewReader(data))
			mu.Lock()
			chat = data
			mu.Unlock()
		}
		forward.ServeHTTP(w, r)
	}))
	if err != nil {
		return nil, err
	}
	defer stop()
	c, err := l.asking(between)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(classifyAsked(c), c.Close()); err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	return chat, nil
}

// listen serves on a free port.
func listen(h http.Handler) (url string, stop func(), err error) {
	on, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go s.Serve(on) //nolint:errcheck // ended by stop
	return "http://" + on.Addr().String(), func() { _ = s.Close() }, nil
}

type bareClient struct {
	url    string
	body   []byte
	client *http.Client
}

// call sends the body and reads the answer to its end.
func (b bareClient) call() error {
	resp, err := b.client.Post(b.url, "application/json", bytes.NewReader(b.body)) //nolint:noctx // the same for each
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	said, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Contains(said, []byte(`"done_reason":"stop"`)) {
		err = fmt.Errorf("Ollama answers %s: %.300s", resp.Status, said) //nolint:revive,staticcheck // a name
	}
	return err
}

func (l *lab) compareCalls(ours *mcpchild.Child, bare bareClient) ([]row, error) {
	one, other := func() error { return classifyAsked(ours) }, bare.call
	if _, err := sample.Interleave(1, l.pick(20, 1), sample.Timed(one), sample.Timed(other)); err != nil { // warm
		return nil, err
	}
	sides, err := sample.Interleave(l.pick(10, 1), l.pick(50, 2), sample.Timed(one), sample.Timed(other))
	if err != nil {
		return nil, err
	}
	rows := []row{
		atMost(3, "classify on a real Ollama, p50", sample.Duration(sides[0].At(.5)), sample.Duration(sides[1].At(.5)), sample.Over(sides[0], sides[1], .5), 1.15),
		atMost(3, "the same, p99", sample.Duration(sides[0].At(.99)), sample.Duration(sides[1].At(.99)), sample.Over(sides[0], sides[1], .99), 1.5),
	}
	rounds, users := l.pick(3, 1), l.pick(atOnce, 2)
	n := l.pick(2*atOnce, 2)
	if _, err := together(users, users, other); err != nil { // each of Ollama's slots has read the prompt
		return nil, err
	}
	var rates [2][]float64
	for range rounds {
		for i, do := range []func() error{one, other} {
			took, err := together(users, n, do)
			if err != nil {
				return nil, err
			}
			rates[i] = append(rates[i], float64(n)/took.Seconds())
		}
	}
	each := make([]float64, rounds)
	for i := range each {
		each[i] = rates[0][i] / rates[1][i]
	}
	a, b := sample.Median(rates[0]), sample.Median(rates[1])
	return append(rows, atLeast(3, fmt.Sprintf("the same, %d in flight, calls a second", users), sample.Digits(a)+"/s", sample.Digits(b)+"/s", sample.SpreadOf(a/b, each), .9)), nil
}

// together makes n calls, users of them at a time.
func together(users, n int, do func() error) (time.Duration, error) {
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, users)
	began := time.Now()
	for i := range users {
		group.Go(func() {
			for next.Add(1) <= int64(n) && errs[i] == nil {
				errs[i] = do()
			}
		})
	}
	group.Wait()
	return time.Since(began), errors.Join(errs...)
}
