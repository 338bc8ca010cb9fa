package silence

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// patience bounds what takes seconds on an idle machine.
const patience = 10 * time.Minute

// child is another window on the machine: a process with a router of its own.
func child(job string) int {
	model := ollamatest.Steered
	if job == "hold" {
		model = ollamatest.Endless
	}
	cfg := tiers.Config{OllamaURL: os.Getenv("SILENCE_OLLAMA"), Model: model, NumCtx: 4096, KeepAlive: time.Hour, Slots: 1,
		SlotDir: os.Getenv("SILENCE_SLOTS"), ConnectTimeout: patience, FirstTokenTimeout: patience, TokenTimeout: patience}
	r := tiers.New(nil, cfg, &rows{}, nil)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	var failed atomic.Int64
	var group sync.WaitGroup
	calls := 8
	req := routing.Request{Purpose: "classify", System: "Answer.", User: "Classify.", MaxTokens: 60, Schema: []byte(schema)}
	if job == "hold" {
		calls, req.MaxTokens, req.Schema = 1, 3000, nil
	}
	var waits sync.Once
	req.Progress = func(message string, _, _ int) {
		if strings.Contains(message, "in the queue of this machine") {
			waits.Do(func() { fmt.Println(queued) })
		}
	}
	for range calls {
		group.Go(func() {
			if _, err := r.Complete(ctx, policy.OnlyLocal, req); err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed.Add(1)
			}
		})
	}
	group.Wait()
	return int(failed.Load())
}

// queued is what a child prints when the first of its calls waits for the slot.
const queued = "queued"

const schema = `{"type":"object","properties":{"category":{"type":"string","enum":["BUG","FEAT","TASK"]},"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["category","complexity"],"additionalProperties":false}`

func start(t *testing.T, job, ollama, slots string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // this test binary, killed below
	cmd.Env = append(os.Environ(), "SILENCE_CHILD="+job, "SILENCE_OLLAMA="+ollama, "SILENCE_SLOTS="+slots)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, out
}

// 32 calls from four processes wait behind a fifth that holds the only slot.
// It is killed; they are all answered, one at a time.
func TestCallsOfFourProcesses(t *testing.T) {
	server := ollamatest.Shared(t)
	server.Endless(t)
	// The holder's is left out of those at once: it is seen to end a moment after
	// its process, when the next may have begun.
	front := count(t, server.URL, `"num_predict":3000`)
	slots := t.TempDir()
	holder, _ := start(t, "hold", front.URL, slots)
	testkit.Eventually(t, "the holder generates", func() bool { return front.begun.Load() == 1 })
	var others []*exec.Cmd
	for range 4 {
		cmd, out := start(t, "call", front.URL, slots)
		others = append(others, cmd)
		line := make([]byte, len(queued))
		if _, err := io.ReadFull(out, line); err != nil || string(line) != queued {
			t.Fatalf("a process did not queue: %q, %v", line, err)
		}
	}
	if begun, others := front.begun.Load(), front.now.Load(); begun != 1 || others != 0 {
		t.Fatalf("%d generations while the only slot is held, %d of them not the holder's", begun, others)
	}
	killed := time.Now()
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "a call gets the slot", func() bool { return front.begun.Load() > 1 })
	t.Logf("the slot was free %s after kill -9", time.Since(killed).Round(time.Millisecond))
	for _, cmd := range others {
		if err := cmd.Wait(); err != nil {
			t.Errorf("calls of a process failed: %v", err)
		}
	}
	if front.begun.Load() != 33 || front.most.Load() > 1 {
		t.Errorf("%d generations, at most %d at once; want 33, 1", front.begun.Load(), front.most.Load())
	}
	t.Logf("32 calls from 4 processes in %s", time.Since(killed).Round(time.Millisecond))
}
