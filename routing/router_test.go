package routing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func kinds(attempts []Attempt) string {
	var out []string
	for _, a := range attempts {
		out = append(out, strings.TrimSuffix(string(a.Tier)+" "+string(a.Kind), " "))
	}
	return strings.Join(out, ", ")
}

func unanswered(t *testing.T, err error) *Unanswered {
	t.Helper()
	var none *Unanswered
	if !errors.As(err, &none) {
		t.Fatalf("got %v", err)
	}
	return none
}

// A cancel reaches Ollama at once, moves no breaker, and leaves its row.
func TestCancelReachesOllama(t *testing.T) {
	hung := make(chan time.Time, 1)
	begun := make(chan bool, 1)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, chunk("{"))
		w.(http.Flusher).Flush()
		begun <- true
		<-r.Context().Done()
		hung <- time.Now()
	})
	r, b := newRouter(t, testConfig(t, f.URL))
	for range breakerTrip + 1 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { _, err := r.Complete(ctx, OnlyLocal, question1()); done <- err }()
		<-begun
		at := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		// 100 ms is the promise; a loaded machine gets more.
		if took := (<-hung).Sub(at); took > 2*time.Second {
			t.Errorf("Ollama heard of it after %s", took)
		}
	}
	for _, row := range b.rows {
		if row.Result != string(Canceled) {
			t.Errorf("row %+v", row)
		}
	}
	if ok, _, _ := r.breaker.Allow(r.ollama.key()); !ok || len(b.rows) != breakerTrip+1 {
		t.Errorf("breaker closed %v, %d rows", ok, len(b.rows))
	}
}

// A call that waits for a slot leaves the queue when its caller goes away, and
// never reaches Ollama.
func TestCancelOfQueuedCall(t *testing.T) {
	release := make(chan bool)
	begun := make(chan bool, 2)
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		begun <- true
		<-release
		fmt.Fprint(w, good())
	})
	cfg := testConfig(t, f.URL)
	r, b := newRouter(t, cfg)
	first := make(chan error, 1)
	go func() {
		_, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
		first <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(within(t, time.Minute))
	second := make(chan error, 1)
	req := question1()
	queued := make(chan string, 100)
	req.Progress = func(message string, _, _ int) { queued <- message }
	go func() { _, err := r.Complete(ctx, OnlyLocal, req); second <- err }()
	if message := <-queued; !strings.Contains(message, "place 1 in the queue of this machine") {
		t.Errorf("said %q", message)
	}
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if n := len(f.sent(t)); n != 1 {
		t.Errorf("%d generations", n)
	}
	if diff := cmp.Diff([]string{"local canceled", "local ok"}, b.results()); diff != "" {
		t.Error(diff)
	}
}

// Slots hold over all calls of the process.
func TestGenerationsNeverExceedTheSlots(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(20 * time.Millisecond)
		fmt.Fprint(w, good())
	})
	cfg := testConfig(t, f.URL)
	cfg.Slots = 2
	r, _ := newRouter(t, cfg)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most := f.mostInFlight.Load(); most > 2 {
		t.Errorf("%d generations at once", most)
	}
}

// A tier that hangs leaves time to the tiers behind it, and all of them leave
// time to the rules.
func TestTimeIsLeftForThoseBehind(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	f := newFake(t, hang)
	var hung atomic.Bool
	p := newFakeProxy(t, func(w http.ResponseWriter, r *http.Request) {
		if hung.Load() {
			hang(w, r)
			return
		}
		proxySays("low")(w, r)
	})
	r, _ := newRouter(t, withProxy(testConfig(t, f.URL), p.URL))
	a, err := r.Complete(within(t, 2*time.Second), Auto, question1())
	if err != nil || a.Tier != Cheap || !strings.Contains(a.Reason(), "local: no whole answer within 1.3s (LOCALMODEL_DEADLINE)") {
		t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
	}
	hung.Store(true)
	_, err = r.Complete(within(t, 2*time.Second), Auto, question1())
	none := unanswered(t, err)
	if kinds(none.Attempts) != "local timeout, cheap timeout" || !strings.Contains(none.Reason(), "cheap: no whole answer within 1.9s") {
		t.Errorf("got %s", none.Reason())
	}
}

// Route local never leaves the machine, route cloud never asks it, and without
// permission no route reaches the cloud.
func TestRoutes(t *testing.T) {
	f := newFake(t, says(500, ""))
	p := newFakeProxy(t, proxySays("low"))
	for _, c := range []struct {
		route   Route
		allowed bool
		want    string
	}{
		{Auto, true, "local unavailable, cheap"}, {OnlyLocal, true, "local unavailable"}, {OnlyCloud, true, "cheap"},
		{Auto, false, "local unavailable"}, {OnlyLocal, false, "local unavailable"}, {OnlyCloud, false, ""},
	} {
		cfg := withProxy(testConfig(t, f.URL), p.URL)
		cfg.CloudAllowed = c.allowed
		r, _ := newRouter(t, cfg)
		a, err := r.Complete(within(t, time.Minute), c.route, question1())
		attempts := a.Attempts
		if err != nil {
			attempts = unanswered(t, err).Attempts
		}
		if got := kinds(attempts); got != c.want {
			t.Errorf("%s, cloud %v: %q, want %q", c.route, c.allowed, got, c.want)
		}
	}
}

// Low confidence asks the next tier and says so; the model's row says it too.
func TestLowConfidenceAsksTheNextTier(t *testing.T) {
	probs := `"logprobs":[{"token":"{\"complexity\":\"","logprob":0},{"token":"low","logprob":-1.2,"top_logprobs":[{"token":"low","logprob":-1.2},{"token":"high","logprob":-0.8}]},{"token":"\"}","logprob":0}]`
	f := newFake(t, says(200, strings.Replace(chunk(`{"complexity":"low"}`), `"done"`, probs+`,"done"`, 1)+end("stop", 700, 9)))
	p := newFakeProxy(t, proxySays("high"))
	cfg := withProxy(testConfig(t, f.URL), p.URL)
	cfg.MinConfidence = 0.6
	r, b := newRouter(t, cfg)
	req := question1()
	req.ConfidenceFields = []string{"complexity"}
	a, err := r.Complete(within(t, time.Minute), Auto, req)
	if err != nil || a.Tier != Cheap || a.Reason() != "local: low confidence .40" || a.Confidence != nil {
		t.Fatalf("got %s %q %v, %v", a.Tier, a.Reason(), a.Confidence, err)
	}
	if diff := cmp.Diff([]string{"local low_confidence", "cheap ok"}, b.results()); diff != "" {
		t.Error(diff)
	}
	if !f.sent(t)[0].Logprobs {
		t.Error("no probabilities were asked for")
	}
	cfg.MinConfidence = 0.3
	r, _ = newRouter(t, cfg)
	if a, err = r.Complete(within(t, time.Minute), Auto, req); err != nil || a.Tier != Local || a.Confidence == nil {
		t.Errorf("got %s, %v", a.Tier, err)
	}
}

// Three failures of the endpoint keep calls away from it, with the reason of
// the last one; what a model wrote never does.
func TestBreakerAndRouter(t *testing.T) {
	f := newFake(t, says(500, `{"error":"out of memory"}`))
	r, _ := newRouter(t, testConfig(t, f.URL))
	for range breakerTrip {
		_, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
		unanswered(t, err)
	}
	before := len(f.sent(t))
	_, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
	reason := unanswered(t, err).Reason()
	if !strings.Contains(reason, "not asked after repeated failures, next try in 30s (Ollama answers 500: out of memory)") || len(f.sent(t)) != before {
		t.Errorf("got %q after %d more generations", reason, len(f.sent(t))-before)
	}
	for _, reply := range []string{chunk("no") + end("stop", 1, 1), end("length", 1, 1)} {
		f := newFake(t, says(200, reply))
		r, _ := newRouter(t, testConfig(t, f.URL))
		for range breakerTrip + 2 {
			_, err := r.Complete(within(t, time.Minute), OnlyLocal, question1())
			if none := unanswered(t, err); none.Attempts[0].Kind != InvalidOutput {
				t.Fatalf("got %s", none.Reason())
			}
		}
	}
}

// A trial that its caller cancels says nothing of the endpoint: the next call
// may try.
func TestCanceledTrialIsNoVerdict(t *testing.T) {
	f := newFake(t, says(200, good()))
	begun := make(chan bool, 1)
	f.control = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/version" {
			f.healthy(w, r)
			return
		}
		begun <- true
		<-r.Context().Done()
	}
	r, _ := newRouter(t, testConfig(t, f.URL))
	now := time.Now()
	r.breaker.now = func() time.Time { return now }
	for range breakerTrip {
		r.breaker.Failure(r.ollama.key())
	}
	now = now.Add(breakerFirst + time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := r.Complete(ctx, OnlyLocal, question1()); done <- err }()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	f.mu.Lock()
	f.control = nil
	f.mu.Unlock()
	if _, err := r.Complete(within(t, time.Minute), OnlyLocal, question1()); err != nil {
		t.Errorf("the next trial: %v", err)
	}
}

// An endpoint that says when it may be asked again is waited for where that
// fits, and else left alone until then.
func TestRetryAfter(t *testing.T) {
	limited := func(seconds int) (http.HandlerFunc, *atomic.Int64) {
		var calls atomic.Int64
		return func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) > 1 {
				proxySays("low")(w, r)
				return
			}
			w.Header().Set("retry-after", fmt.Sprint(seconds))
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error":{"message":"litellm.RateLimitError: slow down","type":"throttling_error","code":"429"}}`)
		}, &calls
	}
	ask := func(seconds int, deadline time.Duration) (*Router, Answer, *atomic.Int64, error) {
		handler, calls := limited(seconds)
		r, _ := newRouter(t, withProxy(testConfig(t, "http://127.0.0.1:9"), newFakeProxy(t, handler).URL))
		a, err := r.Complete(within(t, deadline), OnlyCloud, question1())
		return r, a, calls, err
	}
	if _, a, calls, err := ask(1, time.Minute); err != nil || a.Tier != Cheap || calls.Load() != 2 || a.MS < 1000 {
		t.Errorf("fits: %+v, %v after %d calls", a, err, calls.Load())
	}
	r, _, calls, err := ask(100, 30*time.Second)
	if none := unanswered(t, err); none.Attempts[0].Kind != Busy || !strings.Contains(none.Reason(), "again in 1m40s") || calls.Load() != 1 {
		t.Errorf("too long: %s after %d calls", none.Reason(), calls.Load())
	}
	_, err = r.Complete(within(t, 30*time.Second), OnlyCloud, question1())
	if none := unanswered(t, err); !strings.Contains(none.Reason(), "asked not to be called again for another 1m") || calls.Load() != 1 {
		t.Errorf("before its time: %s after %d calls", none.Reason(), calls.Load())
	}
}

// A reply that the acceptance check refuses gets one repair round on the same
// tier, with the defects listed.
func TestRepairRound(t *testing.T) {
	var replies atomic.Int64
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		level := map[bool]string{true: "low", false: "high"}[replies.Add(1)%2 == 1]
		fmt.Fprint(w, chunk(`{"complexity":"`+level+`"}`)+end("stop", 700, 9))
	})
	r, b := newRouter(t, testConfig(t, f.URL))
	req := question1()
	req.Accept = func(text []byte) error {
		if strings.Contains(string(text), "low") {
			return errors.New("low is not enough")
		}
		return nil
	}
	req.Repair = func(_ []byte, defects error) string { return "Mend: " + defects.Error() }
	a, err := r.Complete(within(t, time.Minute), OnlyLocal, req)
	if err != nil || string(a.Text) != `{"complexity":"high"}` || a.TokensIn != 700 {
		t.Fatalf("got %+v, %v", a, err)
	}
	second := f.sent(t)[1].Messages
	if len(second) != 4 || second[2].Content != `{"complexity":"low"}` || second[3].Content != "Mend: low is not enough" {
		t.Errorf("the repair round sent %+v", second)
	}
	if diff := cmp.Diff([]string{"local invalid_output", "local ok"}, b.results()); diff != "" {
		t.Error(diff)
	}
	req.Accept = func([]byte) error { return errors.New("never") }
	_, err = r.Complete(within(t, time.Minute), OnlyLocal, req)
	if none := unanswered(t, err); none.Attempts[0].Kind != InvalidOutput || none.Attempts[0].Reason != "never" || replies.Load() != 4 {
		t.Errorf("got %s after %d replies", none.Reason(), replies.Load())
	}
}

// Progress tells tokens so far of the budget, never falls, and ends with the
// result.
func TestProgress(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		for range 25 {
			fmt.Fprint(w, chunk(" "))
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
		fmt.Fprint(w, good())
	})
	r, _ := newRouter(t, testConfig(t, f.URL))
	var mu sync.Mutex
	var tokens []int
	ended := false
	req := question1()
	req.Progress = func(message string, n, budget int) {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			t.Errorf("%q after the result", message)
		}
		if budget != 60 || (n > 0 && message != fmt.Sprintf("tiny: %d of at most 60 tokens", n)) {
			t.Errorf("%q, %d of %d", message, n, budget)
		}
		tokens = append(tokens, n)
	}
	if _, err := r.Complete(within(t, time.Minute), OnlyLocal, req); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	ended = true
	got := tokens
	mu.Unlock()
	if len(got) < 1 || got[len(got)-1] == 0 {
		t.Errorf("progress %v", got)
	}
	for i := 1; i < len(got); i++ {
		if got[i] < got[i-1] {
			t.Errorf("progress falls: %v", got)
		}
	}
	time.Sleep(1200 * time.Millisecond) // one more tick would come now
}

// A paid call is reserved before it is made and settled after, whatever came.
func TestMoney(t *testing.T) {
	p := newFakeProxy(t, proxySays("low"))
	cfg := withProxy(testConfig(t, "http://127.0.0.1:9"), p.URL)
	r, b := newRouter(t, cfg)
	a, err := r.Complete(within(t, time.Minute), OnlyCloud, question1())
	if err != nil || a.CostUSD != 0.001 || len(b.reserved) != 1 || len(b.settled) != 1 || b.settled[0] != 0.001 {
		t.Errorf("cost %v, reserved %v, settled %v, %v", a.CostUSD, b.reserved, b.settled, err)
	}
	b.refuse = errors.New("disk full")
	_, err = r.Complete(within(t, time.Minute), OnlyCloud, question1())
	if none := unanswered(t, err); none.Attempts[0].Kind != BudgetSpent || p.seen("/v1/chat/completions") != 1 {
		t.Errorf("got %s after %d paid calls", none.Reason(), p.seen("/v1/chat/completions"))
	}
	hang, _ := newRouter(t, withProxy(testConfig(t, "http://127.0.0.1:9"), newFakeProxy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL))
	hb := hang.ledger.(*books)
	if _, err = hang.Complete(within(t, 300*time.Millisecond), OnlyCloud, question1()); err == nil {
		t.Fatal("a hanging proxy answered")
	}
	if len(hb.settled) != 1 || hb.settled[0] != hb.reserved[0] || !hb.rows[0].Estimated {
		t.Errorf("a call that timed out: reserved %v, settled %v", hb.reserved, hb.settled)
	}
}

// A route on which nobody may be asked says which setting closed it.
func TestNobodyToAskNamesTheSetting(t *testing.T) {
	for want, cfg := range map[string]Config{
		"LOCALMODEL_CLOUD=never":            {Fallback: []Tier{Cheap}},
		"LOCALMODEL_FALLBACK names no tier": {CloudAllowed: true},
	} {
		_, err := New(cfg, nil, nil).Complete(t.Context(), OnlyCloud, Request{User: "x", MaxTokens: 1})
		if got := unanswered(t, err).Reason(); got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
}
