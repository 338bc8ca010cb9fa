package ollama_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
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

func coldFake(t *testing.T) (*fakeserver.Server, *gate) {
	t.Helper()
	g := newGate()
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	f.Loaded, f.Load = false, g.load
	return f, g
}

// A caller that goes away does not abort the load, and the next call finds the
// model loaded.
func TestLoadOutlivesItsCaller(t *testing.T) {
	f, g := coldFake(t)
	r, b := tiers.NewKept(t, tiers.Patient(t, f.URL))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := r.Complete(ctx, policy.OnlyLocal, fakeserver.Question())
		done <- err
	}()
	testkit.Eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(g.open)
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
	if err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 1 || g.aborted.Load() != 0 || a.Tier != policy.Local {
		t.Errorf("loads begun %d, aborted %d, answer by %s", g.started.Load(), g.aborted.Load(), a.Tier)
	}
	if got := strings.Join(b.Results(), ", "); got != "local canceled, local ok" {
		t.Errorf("rows: %s", got)
	}
}

// The same for a caller whose time is over: it hears that the model loads.
func TestLoadOutlivesItsCallersTime(t *testing.T) {
	f, g := coldFake(t)
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	_, err := r.Complete(fakeserver.Within(t, 300*time.Millisecond), policy.OnlyLocal, fakeserver.Question())
	if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.Loading {
		t.Fatalf("got %s", none.Reason())
	}
	testkit.Eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	close(g.open)
	if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question()); err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 1 || g.aborted.Load() != 0 {
		t.Errorf("loads begun %d, aborted %d", g.started.Load(), g.aborted.Load())
	}
}

// Calls side by side wait for one load, with progress.
func TestCallsJoinOneLoad(t *testing.T) {
	f, g := coldFake(t)
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	var told atomic.Int64
	req := fakeserver.Question()
	req.Progress = func(message string, _, _ int) {
		if strings.HasPrefix(message, "loading tiny") {
			told.Add(1)
		}
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req); err != nil {
				t.Error(err)
			}
		})
	}
	testkit.Eventually(t, "progress", func() bool { return told.Load() >= 8 })
	close(g.open)
	group.Wait()
	if g.started.Load() != 1 {
		t.Errorf("%d loads", g.started.Load())
	}
}

// A failed load fails every call that waited for it, each with its own error.
func TestFailedLoadFailsAllWhoWait(t *testing.T) {
	waiting := make(chan bool)
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	f.Loaded = false
	f.Load = func(w http.ResponseWriter, r *http.Request) {
		<-waiting // until all calls wait for it
		http.Error(w, `{"error":"model requires more system memory (18.0 GiB) than is available (4.0 GiB)"}`, http.StatusInternalServerError)
		panic(http.ErrAbortHandler)
	}
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
			var none *routing.Unanswered
			if !errors.As(err, &none) || none.Attempts[0].Kind != routing.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	testkit.Eventually(t, "all calls have found the model cold", func() bool { return f.Seen("/api/ps") >= 8 })
	close(waiting)
	group.Wait()
}

// A model loaded with another window counts as cold: our call would make the
// server load it again, in the middle of a call with a short limit.
func TestOtherWindowCountsAsCold(t *testing.T) {
	f, g := coldFake(t)
	f.Loaded, f.LoadedCtx = true, 2048
	close(g.open)
	if _, last := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question()); last.Kind != "" {
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
	f.Loaded, f.LoadedCtx, f.ContextMost = true, 2048, 2048
	close(g.open)
	local := tiers.Backends(t, tiers.Patient(t, f.URL))
	r := routing.New(routing.Config{}, local, &fakeserver.Books{}, nil)
	if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question()); err != nil {
		t.Fatal(err)
	}
	if g.started.Load() != 0 || local[0].Window() != 2048 {
		t.Errorf("%d loads, window %d", g.started.Load(), local[0].Window())
	}
}

// A cold model holds a call up for the grace alone where another tier is
// there: it answers and says why.
func TestColdModelGoesToTheNextTier(t *testing.T) {
	f, g := coldFake(t)
	p := fakeserver.NewProxy(t, fakeserver.ProxySays("low"))
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL).WithProxy(p.URL))
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, fakeserver.Question())
	if err != nil || a.Tier != policy.Cheap || a.Reason() != "local: the model is loading" {
		t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
	}
	close(g.open)
	testkit.Eventually(t, "the model is loaded", func() bool { return r.Loading() == nil })
	if a, err = r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, fakeserver.Question()); err != nil || a.Tier != policy.Local {
		t.Errorf("got %s, %v", a.Tier, err)
	}
}

// Where the other tiers fail, the loading model gets the rest of the time.
func TestLoadingModelIsWaitedForWhenNobodyElseAnswers(t *testing.T) {
	f, g := coldFake(t)
	p := fakeserver.NewProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-g.open:
		default:
			close(g.open)
		}
		http.Error(w, `{"error":{"message":"litellm.InternalServerError","code":"500"}}`, http.StatusInternalServerError)
	})
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL).WithProxy(p.URL))
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, fakeserver.Question())
	if err != nil || a.Tier != policy.Local || !strings.HasPrefix(a.Reason(), "local: the model is loading; cheap: ") {
		t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
	}
}

func TestPreload(t *testing.T) {
	f, g := coldFake(t)
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	ctx, cancel := context.WithCancel(context.Background())
	if err := r.Preload(ctx); err != nil {
		t.Fatal(err)
	}
	cancel() // the load is nobody's
	testkit.Eventually(t, "the load has begun", func() bool { return g.started.Load() == 1 })
	close(g.open)
	testkit.Eventually(t, "loaded", func() bool { return r.Loading() == nil })
	if err := r.Preload(fakeserver.Within(t, time.Minute)); err != nil || g.started.Load() != 1 {
		t.Errorf("preloading what is loaded: %v, %d loads", err, g.started.Load())
	}
}
