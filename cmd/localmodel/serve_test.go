package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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

// slowLog is a stderr that takes its time for the journal's line.
type slowLog struct{ written atomic.Bool }

func (w *slowLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "msg=journal") {
		time.Sleep(200 * time.Millisecond) // a server that does not wait has ended by then
		w.written.Store(true)
	}
	return len(p), nil
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
	log := &slowLog{}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if code := run(ctx, []string{"serve"}, environment(y.env).lookup, in, io.Discard, log); code != 0 {
		t.Errorf("exit %d", code)
	}
	if !log.written.Load() {
		t.Error("the server ended before its look at the journal")
	}
}
