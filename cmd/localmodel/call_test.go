package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

// coldServer imitates an Ollama whose model takes as long to load as the test
// wants, which no real tiny one does. loads records how each load ended.
func coldServer(t *testing.T, open <-chan struct{}) (url string, loads <-chan string) {
	t.Helper()
	ended := make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/tags":
			fmt.Fprint(w, `{"models":[{"name":"big:latest","digest":"d"}]}`)
		case "/api/ps":
			fmt.Fprint(w, `{"models":[]}`)
		case "/api/chat":
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that a client has gone
			select {
			case <-open:
				fmt.Fprint(w, `{"done":true,"done_reason":"load"}`)
				ended <- "loaded"
			case <-r.Context().Done():
				ended <- "aborted"
			}
		default:
			fmt.Fprint(w, `{"version":"0.24.0"}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, ended
}

// TestRun_InterruptedWhileItReads holds that Ctrl-C ends a command that waits for
// its standard input, as a question does.
func TestRun_InterruptedWhileItReads(t *testing.T) {
	y := newTryout(t)
	in, typed := io.Pipe()
	defer typed.Close()
	y.in = in
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	code := make(chan int, 1)
	go func() {
		n, _, _ := y.runIn(ctx, "call", "classify_ticket", "-")
		code <- n
	}()
	testkit.Eventually(t, "the command ends", func() bool { return len(code) > 0 })
	if got := <-code; got == 0 {
		t.Error("it succeeds without its input")
	}
}

// A call in a shell prints its answer in time and then waits for the load that
// it began, since the load would end with its process.
func TestCallWaitsForItsLoad(t *testing.T) {
	open := make(chan struct{})
	url, loads := coldServer(t, open)
	env := environment{"CLAUDE_PROJECT_DIR": t.TempDir(), "OLLAMA_HOST": url, "LOCALMODEL_MODEL": "big",
		"LOCALMODEL_CLOUD": "never", "LOCALMODEL_DEADLINE": "1s", "HOME": t.TempDir()}
	out, said := &lockedBuffer{}, &lockedBuffer{}
	code := make(chan int, 1)
	go func() {
		code <- run(context.Background(), []string{"call", "classify_ticket", `{"ticket":"# Fix it\n\n## Affected Files\n| File | Action |\n|---|---|\n| a.go | modify |"}`},
			env.lookup, strings.NewReader(""), out, said)
	}()
	testkit.Eventually(t, "it says that it waits", func() bool {
		return strings.Contains(said.String(), "still loading, and the next call")
	})
	if !strings.Contains(out.String(), `"by":"rules"`) {
		t.Errorf("no answer before the load: %s", out)
	}
	close(open)
	if got := <-code; got != 0 {
		t.Errorf("exit %d: %s", got, said)
	}
	if got := <-loads; got != "loaded" {
		t.Errorf("the load was %s", got)
	}
}

// lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
