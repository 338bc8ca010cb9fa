package routing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gate holds a load until it is opened, and says whether the client hung up.
type gate struct {
	open    chan struct{}
	started atomic.Int64
	aborted atomic.Int64
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) load(_ http.ResponseWriter, r *http.Request) {
	g.started.Add(1)
	select {
	case <-g.open:
	case <-r.Context().Done():
		g.aborted.Add(1)
	}
}

func coldFake(t *testing.T) (*fakeOllama, *gate) {
	t.Helper()
	g := newGate()
	f := newFake(t, says(200, good()))
	f.loaded, f.load = false, g.load
	return f, g
}

// A caller that goes away does not abort the load, and the next call finds the
// model loaded.
func TestLoadOutlivesItsCaller(t *testing.T) {
	f, g := coldFake(t)
	r, b := newRouter(t, testConfig(t, f.URL))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := r.Complete(ctx, OnlyLocal, question1())
		done <- err
	}()
	eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(g.open)
	a, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
	if err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 1 || g.aborted.Load() != 0 || a.Tier != Local {
		t.Errorf("loads begun %d, aborted %d, answer by %s", g.started.Load(), g.aborted.Load(), a.Tier)
	}
	if got := strings.Join(b.results(), ", "); got != "local canceled, local ok" {
		t.Errorf("rows: %s", got)
	}
}

// The same for a caller whose time is over: it hears that the model loads.
func TestLoadOutlivesItsCallersTime(t *testing.T) {
	f, g := coldFake(t)
	r, _ := newRouter(t, testConfig(t, f.URL))
	_, err := r.Complete(within(t, 300*time.Millisecond), OnlyLocal, question1())
	if none := unanswered(t, err); none.Attempts[0].Kind != Loading {
		t.Fatalf("got %s", none.Reason())
	}
	eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	close(g.open)
	if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 1 || g.aborted.Load() != 0 {
		t.Errorf("loads begun %d, aborted %d", g.started.Load(), g.aborted.Load())
	}
}

// Calls side by side wait for one load, with progress.
func TestCallsJoinOneLoad(t *testing.T) {
	f, g := coldFake(t)
	r, _ := newRouter(t, testConfig(t, f.URL))
	var told atomic.Int64
	req := question1()
	req.Progress = func(message string, _, _ int) {
		if strings.HasPrefix(message, "loading tiny") {
			told.Add(1)
		}
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := r.Complete(within(t, time.Minute), OnlyLocal, req); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "progress", func() bool { return told.Load() >= 8 })
	close(g.open)
	group.Wait()
	if g.started.Load() != 1 {
		t.Errorf("%d loads", g.started.Load())
	}
}

// A failed load fails every call that waited for it, each with its own error.
func TestFailedLoadFailsAllWhoWait(t *testing.T) {
	f := newFake(t, says(200, good()))
	f.loaded = false
	f.load = func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		http.Error(w, `{"error":"model requires more system memory (18.0 GiB) than is available (4.0 GiB)"}`, http.StatusInternalServerError)
		panic(http.ErrAbortHandler)
	}
	r, _ := newRouter(t, testConfig(t, f.URL))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
			var none *Unanswered
			if !errors.As(err, &none) || none.Attempts[0].Kind != Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
}

// A model loaded with another window counts as cold: our call would make the
// server load it again, in the middle of a call with a short limit.
func TestOtherWindowCountsAsCold(t *testing.T) {
	f, g := coldFake(t)
	f.loaded, f.loadedCtx = true, 2048
	close(g.open)
	if _, last := askLocal(t, testConfig(t, f.URL), question1()); last.Kind != "" {
		t.Errorf("got %+v", last)
	}
	if g.started.Load() != 1 {
		t.Errorf("%d loads", g.started.Load())
	}
}

// A model made for a smaller window than asked is loaded with its own: that is
// no reason to load it again and again, and it is the window that counts.
func TestModelsOwnSmallerWindow(t *testing.T) {
	f, g := coldFake(t)
	f.loaded, f.loadedCtx, f.contextMost = true, 2048, 2048
	close(g.open)
	r, _ := newRouter(t, testConfig(t, f.URL))
	if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 0 || r.ollama.window() != 2048 {
		t.Errorf("%d loads, window %d", g.started.Load(), r.ollama.window())
	}
}

// A cold model holds a call up for the grace alone where another tier is
// there: it answers and says why.
func TestColdModelGoesToTheNextTier(t *testing.T) {
	f, g := coldFake(t)
	p := newFakeProxy(t, proxySays("low"))
	r, _ := newRouter(t, withProxy(testConfig(t, f.URL), p.URL))
	a, err := r.Complete(within(t, time.Minute), Auto, question1())
	if err != nil || a.Tier != Cheap || a.Reason() != "local: the model is loading" {
		t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
	}
	close(g.open)
	eventually(t, "the model is loaded", func() bool { return r.ollama.trusted() })
	if a, err = r.Complete(within(t, time.Minute), Auto, question1()); err != nil || a.Tier != Local {
		t.Errorf("got %s, %v", a.Tier, err)
	}
}

// Where the other tiers fail, the loading model gets the rest of the time.
func TestLoadingModelIsWaitedForWhenNobodyElseAnswers(t *testing.T) {
	f, g := coldFake(t)
	p := newFakeProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-g.open:
		default:
			close(g.open)
		}
		http.Error(w, `{"error":{"message":"litellm.InternalServerError","code":"500"}}`, http.StatusInternalServerError)
	})
	r, _ := newRouter(t, withProxy(testConfig(t, f.URL), p.URL))
	a, err := r.Complete(within(t, time.Minute), Auto, question1())
	if err != nil || a.Tier != Local || !strings.HasPrefix(a.Reason(), "local: the model is loading; cheap: ") {
		t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
	}
}

func TestPreload(t *testing.T) {
	f, g := coldFake(t)
	r, _ := newRouter(t, testConfig(t, f.URL))
	ctx, cancel := context.WithCancel(context.Background())
	if err := r.Preload(ctx); err != nil {
		t.Fatal(err)
	}
	cancel() // the load is nobody's
	eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	close(g.open)
	eventually(t, "loaded", r.ollama.trusted)
	if err := r.Preload(within(t, time.Minute)); err != nil || g.started.Load() != 1 {
		t.Errorf("preloading what is loaded: %v, %d loads", err, g.started.Load())
	}
}

// newFakeProxy imitates a LiteLLM proxy.
func newFakeProxy(t testing.TB, chat http.HandlerFunc) *fakeOllama {
	t.Helper()
	f := &fakeOllama{paths: map[string]int{}, control: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/chat/completions" {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see its client hang up
			chat(w, r)
			return
		}
		fmt.Fprint(w, `{"status":"healthy"}`)
	}}
	f.serve(t)
	return f
}

// proxySays answers with a complexity.
func proxySays(complexity string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-litellm-response-cost", "0.001")
		fmt.Fprintf(w, `{"model":"claude-haiku-4-5","choices":[{"finish_reason":"stop","message":{"content":"{\"complexity\":\"%s\"}"}}],"usage":{"prompt_tokens":700,"completion_tokens":9}}`, complexity)
	}
}

func withProxy(cfg Config, url string) Config {
	cfg.ProxyURL, cfg.ProxyKey, cfg.CloudAllowed, cfg.Fallback = url, "sk-test", true, []Tier{Cheap}
	return cfg
}
