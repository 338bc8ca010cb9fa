package routing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCalibration keeps in memory what a journal keeps on disk.
type fakeCalibration struct {
	mu    sync.Mutex
	known map[string]float64
	saves int
	fail  error
}

func (f *fakeCalibration) Calibration(_ context.Context, model string) (float64, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, found := f.known[model]
	return v, found, f.fail
}

func (f *fakeCalibration) SaveCalibration(_ context.Context, model string, v float64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saves++
	f.known[model] = v
	return f.fail
}

func long(bytes int) Request {
	req := question1()
	req.User = strings.Repeat("word ", bytes/5)
	return req
}

// A prompt over the local window goes to the tier whose window holds it, and
// past all windows is refused with its size and the limit: nothing is sent.
func TestTooLongForTheWindow(t *testing.T) {
	f := newFake(t, says(200, good()))
	p := newFakeProxy(t, proxySays("low"))
	cfg := withProxy(testConfig(t, f.URL), p.URL)
	cfg.PaidWindow = 20_000
	r, _ := newRouter(t, cfg)
	a, err := r.Complete(within(t, time.Minute), Auto, long(30_000))
	if err != nil || a.Tier != Cheap {
		t.Fatalf("got %s, %v", a.Tier, err)
	}
	want := "local: the prompt of 30009 bytes is about 11004 tokens, too long for the window of 4096 with 60 kept for the reply"
	if a.Reason() != want {
		t.Errorf("got %q, want %q", a.Reason(), want)
	}
	_, err = r.Complete(within(t, time.Minute), Auto, long(90_000))
	none := unanswered(t, err)
	if kinds(none.Attempts) != "local context_overflow, cheap context_overflow" || !strings.Contains(none.Reason(), "too long for the window of 20000") {
		t.Errorf("got %s", none.Reason())
	}
	if len(f.sent(t)) != 0 || p.seen("/v1/chat/completions") != 1 {
		t.Errorf("%d and %d prompts were sent", len(f.sent(t)), p.seen("/v1/chat/completions"))
	}
}

// The estimate follows the server's own counts, and other processes know it.
func TestEstimateIsCalibrated(t *testing.T) {
	f := newFake(t, says(200, chunk(`{"complexity":"low"}`)+end("stop", 9000, 9)))
	kept := &fakeCalibration{known: map[string]float64{}}
	cfg := testConfig(t, f.URL)
	cfg.NumCtx, cfg.Calibration = 12_000, kept
	f.loadedCtx = cfg.NumCtx
	r, _ := newRouter(t, cfg)
	if before := r.Room(t.Context(), OnlyLocal, 1000); before != 30_000 {
		t.Errorf("room at first: %d bytes", before)
	}
	if _, err := r.Complete(within(t, time.Minute), OnlyLocal, long(9000)); err != nil {
		t.Fatal(err)
	}
	if got := kept.known["tiny"]; math.Abs(got-1) > 0.01 || kept.saves != 1 {
		t.Errorf("kept %v after %d saves", got, kept.saves)
	}
	for range 5 {
		if _, err := r.Complete(within(t, time.Minute), OnlyLocal, long(9000)); err != nil {
			t.Fatal(err)
		}
	}
	if kept.saves != 1 {
		t.Errorf("%d saves of the same figure", kept.saves)
	}
	other, _ := newRouter(t, cfg)
	if room := other.Room(t.Context(), OnlyLocal, 1000); math.Abs(float64(room)-10_000) > 100 {
		t.Errorf("another process sees room for %d bytes", room)
	}
	_, err := other.Complete(within(t, time.Minute), OnlyLocal, long(20_000))
	if none := unanswered(t, err); none.Attempts[0].Kind != ContextOverflow {
		t.Errorf("got %s", none.Reason())
	}
}

// A server's refusal teaches too: the next prompt of that size is not sent.
func TestOverflowIsLearned(t *testing.T) {
	f := newFake(t, says(400, `{"error":"the input length exceeds the context length"}`))
	r, _ := newRouter(t, testConfig(t, f.URL))
	for i := range 3 {
		_, err := r.Complete(within(t, time.Minute), OnlyLocal, long(9000))
		if none := unanswered(t, err); none.Attempts[0].Kind != ContextOverflow {
			t.Fatalf("call %d: %s", i, none.Reason())
		}
	}
	if n := len(f.sent(t)); n != 1 {
		t.Errorf("%d prompts were sent", n)
	}
}

// A store that fails, or keeps nonsense, is as good as none.
func TestCalibrationThatCannotBeUsed(t *testing.T) {
	for name, kept := range map[string]*fakeCalibration{
		"fails": {known: map[string]float64{}, fail: errors.New("disk full")},
		"zero":  {known: map[string]float64{"tiny": 0}},
		"huge":  {known: map[string]float64{"tiny": 1e9}},
		"nan":   {known: map[string]float64{"tiny": math.NaN()}},
	} {
		g := newGauge(Config{Calibration: kept}.withDefaults())
		if got := g.bytesPerToken(t.Context(), "tiny"); got != firstBytesPerToken {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Denser text is believed faster than looser, and a tiny prompt not at all.
func TestGaugeLearns(t *testing.T) {
	for _, c := range []struct {
		counts [][2]int // bytes, tokens
		want   float64
	}{
		{[][2]int{{4000, 1000}}, 4},
		{[][2]int{{4000, 1000}, {2000, 1000}}, 3},
		{[][2]int{{2000, 1000}, {4000, 1000}}, 2.2},
		{[][2]int{{100, 90}}, firstBytesPerToken},
		{[][2]int{{4000, 0}, {4000, 1}, {4000, -5}}, firstBytesPerToken},
	} {
		g := newGauge(Config{}.withDefaults())
		for _, n := range c.counts {
			g.learn(t.Context(), "m", n[0], n[1])
		}
		if got := g.bytesPerToken(t.Context(), "m"); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", fmt.Sprint(c.counts), got, c.want)
		}
	}
}
