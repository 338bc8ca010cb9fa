package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
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
func perCall(l *lab) ([]row, error) {
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
	bare := bareClient{url: server.URL + "/api/chat", body: body,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}}
	defer bare.client.CloseIdleConnections()
	return l.asking(server.URL, func(ours *mcpchild.Child) ([]row, error) { return l.compareCalls(ours, bare) })
}

// asking measures localmodel in front of an Ollama.
func (l *lab) asking(url string, measure func(*mcpchild.Child) ([]row, error)) ([]row, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	cmd := l.server(project, "OLLAMA_HOST="+url, "LOCALMODEL_MODEL="+ollamatest.SteeredSlow, "LOCALMODEL_NUM_CTX=4096",
		fmt.Sprintf("LOCALMODEL_SLOTS=%d", atOnce))
	return opened([]*exec.Cmd{cmd}, func(c []*mcpchild.Child) ([]row, error) { return measure(c[0]) })
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
	var chat atomic.Value
	forward := httputil.NewSingleHostReverseProxy(target)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/chat" {
			data, _ := io.ReadAll(r.Body) // a broken one shows at the other end
			r.Body = io.NopCloser(bytes.NewReader(data))
			chat.Store(data)
		}
		forward.ServeHTTP(w, r)
	}))
	defer between.Close()
	_, err = l.asking(between.URL, func(c *mcpchild.Child) ([]row, error) { return nil, classifyAsked(c) })
	sent, _ := chat.Load().([]byte)
	return sent, err
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
	one, other := sample.Timed(func() error { return classifyAsked(ours) }), sample.Timed(bare.call)
	if _, err := sample.Interleave(1, l.pick(20, 1), one, other); err != nil { // warm
		return nil, err
	}
	sides, err := sample.Interleave(l.pick(10, 1), l.pick(50, 2), one, other)
	if err != nil {
		return nil, err
	}
	users, n := l.pick(atOnce, 2), l.pick(2*atOnce, 2)
	others := func(n int) func() (float64, error) {
		return func() (float64, error) { return together(users, n, func(int) error { return bare.call() }) }
	}
	if _, err := others(users)(); err != nil { // each of Ollama's slots has read the prompt
		return nil, err
	}
	all := func() (float64, error) { return together(users, n, func(int) error { return classifyAsked(ours) }) }
	rate, err := faster(fmt.Sprintf("the same, %d in flight, calls a second", users), l.pick(3, 1), .9, all, others(n))
	return []row{
		atMost("classify on a real Ollama, p50", sides[0], sides[1], .5, 1.15),
		atMost("the same, p99", sides[0], sides[1], .99, 1.5),
		rate,
	}, err
}

// together makes n calls, a call of each user at a time, and returns how many they
// make a second. Who is done sooner makes more of them.
func together(users, n int, do func(user int) error) (float64, error) {
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, users)
	began := time.Now()
	for i := range users {
		group.Go(func() {
			for next.Add(1) <= int64(n) && errs[i] == nil {
				errs[i] = do(i)
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(began).Seconds(), errors.Join(errs...)
}
