package silence

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Esc in mid-generation: the runner works on for next to nothing, and the row
// says canceled. What is counted is its processor time, which other work on the
// machine does not stretch.
func TestCancelStopsTheRunner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time is read from /proc: this system has none")
	}
	server := ollamatest.New(t) // alone, so that its runner works for nobody else
	kept := &rows{}
	r := tiers.New(t, settings(t, server.URL, server.Endless(t)), kept, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	running := make(chan bool, 1)
	done := make(chan error, 1)
	go func() {
		_, err := r.Complete(ctx, policy.OnlyLocal, routing.Request{Purpose: "ask", User: "Go on.", MaxTokens: 4000,
			Progress: func(_ string, tokens, _ int) {
				if tokens > 10 {
					select {
					case running <- true:
					default:
					}
				}
			}})
		done <- err
	}()
	select {
	case <-running:
	case err := <-done:
		t.Fatalf("ended before it could be canceled: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("no progress")
	}
	runners := server.Runners(t)
	if len(runners) != 1 {
		t.Fatalf("%d runners", len(runners))
	}
	before := ticks(t, runners[0])
	testkit.Eventually(t, "the runner works", func() bool { return ticks(t, runners[0]) > before+5 })
	at := ticks(t, runners[0])
	cancel()
	// The last tick after which a second passes without another.
	last, when := at, time.Now()
	testkit.Eventually(t, "the runner is idle for a second", func() bool {
		if now := ticks(t, runners[0]); now != last {
			last, when = now, time.Now()
		}
		return time.Since(when) > time.Second
	})
	worked := time.Duration(last-at) * 10 * time.Millisecond
	t.Logf("the runner worked on for %s after the cancel", worked)
	if worked > 3*time.Second { // without the cancel it works until its answer is whole
		t.Errorf("the runner worked on for %s", worked)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := kept.results(); got != "ask canceled" {
		t.Errorf("rows: %s", got)
	}
}

// ticks is a process's processor time, in hundredths of a second.
func ticks(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return user + system
}
