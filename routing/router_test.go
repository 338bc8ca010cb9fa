package routing_test

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

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

func kinds(attempts []routing.Attempt) string {
	var out []string
	for _, a := range attempts {
		out = append(out, strings.TrimSuffix(string(a.Tier)+" "+string(a.Kind), " "))
	}
	return strings.Join(out, ", ")
}

// Route local never leaves the machine, route cloud never asks it, and without
// permission no route reaches the cloud.
func TestRoutes(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(500, ""))
	p := fakeserver.NewProxy(t, fakeserver.ProxySays("low"))
	for _, c := range []struct {
		route   policy.Route
		allowed bool
		want    string
	}{
		{policy.Auto, true, "local unavailable, cheap"}, {policy.OnlyLocal, true, "local unavailable"}, {policy.OnlyCloud, true, "cheap"},
		{policy.Auto, false, "local unavailable"}, {policy.OnlyLocal, false, "local unavailable"}, {policy.OnlyCloud, false, ""},
	} {
		cfg := tiers.Patient(t, f.URL).WithProxy(p.URL)
		cfg.CloudAllowed = c.allowed
		r, _ := tiers.NewKept(t, cfg)
		a, err := r.Complete(fakeserver.Within(t, time.Minute), c.route, fakeserver.Question())
		attempts := a.Attempts
		if err != nil {
			attempts = fakeserver.Unanswered(t, err).Attempts
		}
		if got := kinds(attempts); got != c.want {
			t.Errorf("%s, cloud %v: %q, want %q", c.route, c.allowed, got, c.want)
		}
	}
}

// Low confidence asks the next tier and says so; the model's row says it too.
func TestLowConfidenceAsksTheNextTier(t *testing.T) {
	probs := `"logprobs":[{"token":"{\"complexity\":\"","logprob":0},{"token":"low","logprob":-1.2,"top_logprobs":[{"token":"low","logprob":-1.2},{"token":"high","logprob":-0.8}]},{"token":"\"}","logprob":0}]`
	f := fakeserver.New(t, fakeserver.Says(200, strings.Replace(fakeserver.Chunk(`{"complexity":"low"}`), `"done"`, probs+`,"done"`, 1)+fakeserver.End("stop", 700, 9)))
	p := fakeserver.NewProxy(t, fakeserver.ProxySays("high"))
	cfg := tiers.Patient(t, f.URL).WithProxy(p.URL)
	cfg.MinConfidence = 0.6
	r, b := tiers.NewKept(t, cfg)
	req := fakeserver.Question()
	req.ConfidenceFields = []string{"complexity"}
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, req)
	if err != nil || a.Tier != policy.Cheap || a.Reason() != "local: low confidence .40" || a.Confidence != nil {
		t.Fatalf("got %s %q %v, %v", a.Tier, a.Reason(), a.Confidence, err)
	}
	if diff := cmp.Diff([]string{"local low_confidence", "cheap ok"}, b.Results()); diff != "" {
		t.Error(diff)
	}
	if !f.Requests(t)[0].Logprobs {
		t.Error("no probabilities were asked for")
	}
	cfg.MinConfidence = 0.3
	r, _ = tiers.NewKept(t, cfg)
	if a, err = r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, req); err != nil || a.Tier != policy.Local || a.Confidence == nil {
		t.Errorf("got %s, %v", a.Tier, err)
	}
}

// Three failures of the endpoint keep calls away from it, with the reason of
// the last one; what a model wrote never does.
func TestBreakerAndRouter(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(500, `{"error":"out of memory"}`))
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	for range routing.BreakerTrip {
		_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
		fakeserver.Unanswered(t, err)
	}
	before := len(f.Requests(t))
	_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
	reason := fakeserver.Unanswered(t, err).Reason()
	if !strings.Contains(reason, "not asked after repeated failures, next try in 30s (Ollama answers 500: out of memory)") || len(f.Requests(t)) != before {
		t.Errorf("got %q after %d more generations", reason, len(f.Requests(t))-before)
	}
	for _, reply := range []string{fakeserver.Chunk("no") + fakeserver.End("stop", 1, 1), fakeserver.End("length", 1, 1)} {
		f := fakeserver.New(t, fakeserver.Says(200, reply))
		r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
		for range routing.BreakerTrip + 2 {
			_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
			if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.InvalidOutput {
				t.Fatalf("got %s", none.Reason())
			}
		}
	}
}

// A trial that its caller cancels says nothing of the endpoint: the next call
// may try.
func TestCanceledTrialIsNoVerdict(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	begun := make(chan bool, 1)
	f.Control = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/version" {
			f.Healthy(w, r)
			return
		}
		begun <- true
		<-r.Context().Done()
	}
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	now := time.Now()
	r.SetBreakerClock(func() time.Time { return now })
	for range routing.BreakerTrip {
		r.BreakerFailure("local")
	}
	now = now.Add(routing.BreakerFirst + time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := r.Complete(ctx, policy.OnlyLocal, fakeserver.Question()); done <- err }()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	f.SetControl(nil)
	if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question()); err != nil {
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
				fakeserver.ProxySays("low")(w, r)
				return
			}
			w.Header().Set("retry-after", fmt.Sprint(seconds))
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error":{"message":"litellm.RateLimitError: slow down","type":"throttling_error","code":"429"}}`)
		}, &calls
	}
	ask := func(seconds int, deadline time.Duration) (*routing.Router, routing.Answer, *atomic.Int64, error) {
		handler, calls := limited(seconds)
		r, _ := tiers.NewKept(t, tiers.Patient(t, "http://127.0.0.1:9").WithProxy(fakeserver.NewProxy(t, handler).URL))
		a, err := r.Complete(fakeserver.Within(t, deadline), policy.OnlyCloud, fakeserver.Question())
		return r, a, calls, err
	}
	if _, a, calls, err := ask(1, time.Minute); err != nil || a.Tier != policy.Cheap || calls.Load() != 2 || a.MS < 1000 {
		t.Errorf("fits: %+v, %v after %d calls", a, err, calls.Load())
	}
	r, _, calls, err := ask(100, 30*time.Second)
	if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.Busy || !strings.Contains(none.Reason(), "again in 1m40s") || calls.Load() != 1 {
		t.Errorf("too long: %s after %d calls", none.Reason(), calls.Load())
	}
	_, err = r.Complete(fakeserver.Within(t, 30*time.Second), policy.OnlyCloud, fakeserver.Question())
	if none := fakeserver.Unanswered(t, err); !strings.Contains(none.Reason(), "asked not to be called again for another 1m") || calls.Load() != 1 {
		t.Errorf("before its time: %s after %d calls", none.Reason(), calls.Load())
	}
}

// A reply that the acceptance check refuses gets one repair round on the same
// tier, with the defects listed.
func TestRepairRound(t *testing.T) {
	var replies atomic.Int64
	f := fakeserver.New(t, func(w http.ResponseWriter, _ *http.Request) {
		level := map[bool]string{true: "low", false: "high"}[replies.Add(1)%2 == 1]
		fmt.Fprint(w, fakeserver.Chunk(`{"complexity":"`+level+`"}`)+fakeserver.End("stop", 700, 9))
	})
	r, b := tiers.NewKept(t, tiers.Patient(t, f.URL))
	req := fakeserver.Question()
	req.Accept = func(text []byte) error {
		if strings.Contains(string(text), "low") {
			return errors.New("low is not enough")
		}
		return nil
	}
	req.Repair = func(_ []byte, defects error) string { return "Fix: " + defects.Error() }
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req)
	if err != nil || string(a.Text) != `{"complexity":"high"}` || a.TokensIn != 700 {
		t.Fatalf("got %+v, %v", a, err)
	}
	second := f.Requests(t)[1].Messages
	if len(second) != 4 || second[2].Content != `{"complexity":"low"}` || second[3].Content != "Fix: low is not enough" {
		t.Errorf("the repair round sent %+v", second)
	}
	if diff := cmp.Diff([]string{"local invalid_output", "local ok"}, b.Results()); diff != "" {
		t.Error(diff)
	}
	if first, again := f.Requests(t)[0].Options["seed"], f.Requests(t)[1].Options["seed"]; first == again {
		t.Errorf("both rounds have the seed %v", first)
	}
	req.Accept = func([]byte) error { return errors.New("never") }
	_, err = r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req)
	if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.InvalidOutput || none.Attempts[0].Reason != "never" || replies.Load() != 4 {
		t.Errorf("got %s after %d replies", none.Reason(), replies.Load())
	}
}

// Why the first reply was refused is said even where the repair round fails for
// another cause.
func TestRepairRound_FailsOtherwise(t *testing.T) {
	var replies atomic.Int64
	f := fakeserver.New(t, func(w http.ResponseWriter, _ *http.Request) {
		if replies.Add(1) > 1 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"the input length exceeds the context length"}`)
			return
		}
		fmt.Fprint(w, fakeserver.Good())
	})
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	req := fakeserver.Question()
	req.Accept = func([]byte) error { return errors.New("no step for a.go") }
	req.Repair = func([]byte, error) string { return "again" }
	_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req)
	none := fakeserver.Unanswered(t, err)
	if got := none.Attempts[0]; got.Kind != routing.InvalidOutput || !strings.HasPrefix(got.Reason, "no step for a.go; repair round: ") {
		t.Errorf("got %s: %s", got.Kind, got.Reason)
	}
}

// Progress reports tokens so far of the budget and never falls. That it ends with
// the result is TestNarrate's.
func TestProgress(t *testing.T) {
	told := make(chan bool, 100)
	f := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, fakeserver.Chunk(" "))
		w.(http.Flusher).Flush()
		<-told // a tick has come
		fmt.Fprint(w, fakeserver.Chunk(" "))
		w.(http.Flusher).Flush()
		<-told
		fmt.Fprint(w, fakeserver.Good())
	})
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	var mu sync.Mutex
	var tokens []int
	ended := false
	req := fakeserver.Question()
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
		if n > 0 {
			told <- true
		}
	}
	if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, req); err != nil {
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
}

// A paid call is reserved before it is made and settled after, whatever came.
func TestMoney(t *testing.T) {
	p := fakeserver.NewProxy(t, fakeserver.ProxySays("low"))
	cfg := tiers.Patient(t, "http://127.0.0.1:9").WithProxy(p.URL)
	r, b := tiers.NewKept(t, cfg)
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyCloud, fakeserver.Question())
	if err != nil || a.CostUSD != 0.001 || len(b.Reserved) != 1 || len(b.Settled) != 1 || b.Settled[0] != 0.001 {
		t.Errorf("cost %v, reserved %v, settled %v, %v", a.CostUSD, b.Reserved, b.Settled, err)
	}
	b.Refuse = errors.New("disk full")
	_, err = r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyCloud, fakeserver.Question())
	if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.BudgetSpent || p.Seen("/v1/chat/completions") != 1 {
		t.Errorf("got %s after %d paid calls", none.Reason(), p.Seen("/v1/chat/completions"))
	}
}

// A route on which nobody may be asked says which setting closed it.
func TestNobodyToAskNamesTheSetting(t *testing.T) {
	for want, cfg := range map[string]tiers.Config{
		"LOCALMODEL_CLOUD=never":            {Fallback: []policy.Tier{policy.Cheap}},
		"LOCALMODEL_FALLBACK names no tier": {CloudAllowed: true},
	} {
		_, err := tiers.New(t, cfg, nil, nil).Complete(t.Context(), policy.OnlyCloud, routing.Request{User: "x", MaxTokens: 1})
		if got := fakeserver.Unanswered(t, err).Reason(); got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
}
