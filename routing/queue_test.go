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
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// A cancel reaches Ollama at once, moves no breaker, and leaves its row.
func TestCancelReachesOllama(t *testing.T) {
	hung := make(chan time.Time, 1)
	begun := make(chan bool, 1)
	f := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, fakeserver.Chunk("{"))
		w.(http.Flusher).Flush()
		begun <- true
		<-r.Context().Done()
		hung <- time.Now()
	})
	r, b := tiers.NewKept(t, tiers.Patient(t, f.URL))
	for range routing.BreakerTrip + 1 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { _, err := r.Complete(ctx, policy.OnlyLocal, fakeserver.Question()); done <- err }()
		<-begun
		at := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		// 100 ms is the promise; a loaded machine gets more.
		if took := (<-hung).Sub(at); took > 10*time.Second {
			t.Errorf("Ollama heard of it after %s", took)
		}
	}
	for _, row := range b.Rows {
		if row.Result != string(routing.Canceled) {
			t.Errorf("row %+v", row)
		}
	}
	if ok := r.BreakerAllows("local"); !ok || len(b.Rows) != routing.BreakerTrip+1 {
		t.Errorf("breaker closed %v, %d rows", ok, len(b.Rows))
	}
}

// A call that waits for a slot leaves the queue when its caller goes away, and
// never reaches Ollama.
func TestCancelOfQueuedCall(t *testing.T) {
	release := make(chan bool)
	begun := make(chan bool, 2)
	f := fakeserver.New(t, func(w http.ResponseWriter, _ *http.Request) {
		begun <- true
		<-release
		fmt.Fprint(w, fakeserver.Good())
	})
	cfg := tiers.Patient(t, f.URL)
	r, b := tiers.NewKept(t, cfg)
	first := make(chan error, 1)
	go func() {
		_, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question())
		first <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(fakeserver.Within(t, time.Minute))
	second := make(chan error, 1)
	req := fakeserver.Question()
	queued := make(chan string, 100)
	req.Progress = func(message string, _, _ int) { queued <- message }
	go func() { _, err := r.Complete(ctx, policy.OnlyLocal, req); second <- err }()
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
	if n := len(f.Requests(t)); n != 1 {
		t.Errorf("%d generations", n)
	}
	if diff := cmp.Diff([]string{"local canceled", "local ok"}, b.Results()); diff != "" {
		t.Error(diff)
	}
}

// Slots hold over all calls of the process.
func TestGenerationsNeverExceedTheSlots(t *testing.T) {
	var f *fakeserver.Server
	var answered atomic.Int64
	f = fakeserver.New(t, func(w http.ResponseWriter, _ *http.Request) {
		// The slots must fill, or the test shows nothing: all but the last call
		// wait for a second one.
		testkit.Eventually(t, "two at once", func() bool { return f.MostInFlight.Load() >= 2 || answered.Load() == 9 })
		answered.Add(1)
		fmt.Fprint(w, fakeserver.Good())
	})
	cfg := tiers.Patient(t, f.URL)
	cfg.Slots = 2
	r, _ := tiers.NewKept(t, cfg)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := r.Complete(fakeserver.Within(t, time.Minute), policy.OnlyLocal, fakeserver.Question()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most := f.MostInFlight.Load(); most > 2 {
		t.Errorf("%d generations at once", most)
	}
}

// A tier that hangs leaves time to the tiers behind it, and all of them leave
// time to the rules.
func TestTimeIsLeftForThoseBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := &echo{tier: policy.Local, address: here, model: "m", hang: true}
		cheap := &echo{tier: policy.Cheap, address: afar, model: "cheap", paid: true}
		books := &fakeserver.Books{}
		r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{local, cheap}, books, books)
		ask := func() (routing.Answer, error) {
			ctx, stop := context.WithTimeout(t.Context(), 55*time.Second)
			defer stop()
			return r.Complete(ctx, policy.Auto, routing.Request{User: "x", MaxTokens: 9})
		}
		a, err := ask()
		if err != nil || a.Tier != policy.Cheap || a.Reason() != "local: no whole answer within 39s (LOCALMODEL_DEADLINE)" {
			t.Fatalf("got %s %q, %v", a.Tier, a.Reason(), err)
		}
		cheap.hang = true
		_, err = ask()
		none := fakeserver.Unanswered(t, err)
		if kinds(none.Attempts) != "local timeout, cheap timeout" || !strings.Contains(none.Reason(), "cheap: no whole answer within 54s") {
			t.Errorf("got %s", none.Reason())
		}
		// A paid call that ran out of its time may have been served.
		last := len(books.Settled) - 1
		if last != 1 || books.Settled[last] != books.Reserved[last] || !books.Rows[len(books.Rows)-1].Estimated {
			t.Errorf("reserved %v, settled %v", books.Reserved, books.Settled)
		}
	})
}
