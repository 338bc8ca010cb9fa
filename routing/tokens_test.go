package routing_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

func long(bytes int) routing.Request {
	req := fakeserver.Question()
	req.User = strings.Repeat("word ", bytes/5)
	return req
}

// A prompt over the local window goes to the tier whose window holds it, and
// past all windows is refused with its size and the limit: nothing is sent.
func TestTooLongForTheWindow(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	p := fakeserver.NewProxy(t, fakeserver.ProxySays("low"))
	cfg := tiers.Patient(t, f.URL).WithProxy(p.URL)
	cfg.PaidWindow = 20_000
	r, _ := tiers.NewKept(t, cfg)
	a, err := r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, long(30_000))
	if err != nil || a.Tier != policy.Cheap {
		t.Fatalf("got %s, %v", a.Tier, err)
	}
	want := "local: the prompt of 30009 bytes is about 11004 tokens, too long for the window of 4096 with 60 kept for the reply"
	if a.Reason() != want {
		t.Errorf("got %q, want %q", a.Reason(), want)
	}
	_, err = r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, long(90_000))
	none := fakeserver.Unanswered(t, err)
	if kinds(none.Attempts) != "local context_overflow, cheap context_overflow" || !strings.Contains(none.Reason(), "too long for the window of 20000") {
		t.Errorf("got %s", none.Reason())
	}
	if len(f.Requests(t)) != 0 || p.Seen("/v1/chat/completions") != 1 {
		t.Errorf("%d and %d prompts were sent", len(f.Requests(t)), p.Seen("/v1/chat/completions"))
	}
}

// The estimate follows the server's own counts, and other processes know it.
func TestEstimateIsCalibrated(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Chunk(`{"complexity":"low"}`)+fakeserver.End("stop", 9000, 9)))
	cfg := tiers.Patient(t, f.URL)
	cfg.NumCtx = 12_000
	f.LoadedCtx = cfg.NumCtx
	r, _ := tiers.NewKept(t, cfg)
	if before := r.Room(t.Context(), policy.OnlyLocal, 1000); before != 30_000 {
		t.Errorf("room at first: %d bytes", before)
	}
	if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, long(9000)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, long(9000)); err != nil {
			t.Fatal(err)
		}
	}
	if room := r.Room(t.Context(), policy.OnlyLocal, 1000); math.Abs(float64(room)-10_000) > 100 {
		t.Errorf("after six counts there is room for %d bytes", room)
	}
	_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, long(20_000))
	if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.ContextOverflow {
		t.Errorf("got %s", none.Reason())
	}
}

// A server's refusal teaches too: the next prompt of that size is not sent.
func TestOverflowIsLearned(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(400, `{"error":"the input length exceeds the context length"}`))
	r, _ := tiers.NewKept(t, tiers.Patient(t, f.URL))
	for i := range 3 {
		_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, long(9000))
		if none := fakeserver.Unanswered(t, err); none.Attempts[0].Kind != routing.ContextOverflow {
			t.Fatalf("call %d: %s", i, none.Reason())
		}
	}
	if n := len(f.Requests(t)); n != 1 {
		t.Errorf("%d prompts were sent", n)
	}
}

// Where nobody may be asked the template still reads the files.
func TestRoom_NoTier(t *testing.T) {
	r := routing.New(routing.Config{}, nil, nil, nil)
	if room := r.Room(t.Context(), policy.OnlyCloud, 1000); room < 256<<10 {
		t.Errorf("room for %d bytes", room)
	}
}
