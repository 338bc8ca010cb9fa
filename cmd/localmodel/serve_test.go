package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

// TestServe_EndsItsPreload holds that nothing asks the model's server any more
// once the session has ended.
func TestServe_EndsItsPreload(t *testing.T) {
	asked := make(chan struct{})
	first := sync.OnceFunc(func() { close(asked) })
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that a client has gone
		first()
		<-r.Context().Done()
	}))
	defer server.Close()
	y := newTryout(t)
	y.env["OLLAMA_HOST"], y.env["LOCALMODEL_PRELOAD"], y.env["LOCALMODEL_MODEL"] = server.URL, "1", "m:1b"
	in, feed := io.Pipe()
	y.in = in
	go func() {
		<-asked
		feed.Close()
	}()
	if code, _, said := y.runIn(t.Context(), "serve"); code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("Router).Preload")) {
		t.Errorf("the preload still runs:\n%s", stacks)
	}
}

// heldLog is a stderr that takes the journal's line only when it is let go.
type heldLog struct{ begun, goOn chan struct{} }

func (w *heldLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "msg=journal") {
		close(w.begun)
		<-w.goOn
	}
	return len(p), nil
}

// waitsInServe reports whether serve waits for the look at the journal that another
// goroutine has begun.
func waitsInServe() bool {
	stacks := make([]byte, 1<<20)
	for stack := range bytes.SplitSeq(stacks[:runtime.Stack(stacks, true)], []byte("\n\n")) {
		if bytes.Contains(stack, []byte("serve.Run(")) && bytes.Contains(stack, []byte("sync.(*Once).doSlow")) {
			return true
		}
	}
	return false
}

// TestServe_WaitsForItsReconcile holds that the look at the journal has ended
// when the server has.
func TestServe_WaitsForItsReconcile(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	in, feed := io.Pipe()
	go func() { // a database that ends each connection, and the session with the first
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			feed.Close()
			c.Close()
		}
	}()
	y := newTryout(t)
	y.env["LOCALMODEL_STATE"] = "postgres://u@" + listener.Addr().String() + "/none"
	y.env["LOCALMODEL_PROJECT"] = "p"
	log := &heldLog{begun: make(chan struct{}), goOn: make(chan struct{})}
	ended := make(chan int, 1)
	go func() { ended <- run(t.Context(), []string{"serve"}, environment(y.env).lookup, in, io.Discard, log) }()
	<-log.begun
	testkit.Eventually(t, "serve waits, or has ended", func() bool { return len(ended) > 0 || waitsInServe() })
	if len(ended) > 0 {
		t.Error("the server ended before its look at the journal")
	}
	close(log.goOn)
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
}
