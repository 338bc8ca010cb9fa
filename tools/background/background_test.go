package background

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("BACKGROUND_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// child holds the key "k" until it is killed, and says so.
func child(dir string) {
	k := New(dir)
	_, _, _ = k.Do(context.Background(), "k", func(ctx context.Context, _ Progress) (json.RawMessage, error) {
		fmt.Println("working")
		<-ctx.Done()
		return nil, ctx.Err()
	}, nil)
}

func keeper(t *testing.T, dir string) *Keeper {
	t.Helper()
	k := New(dir)
	t.Cleanup(k.Close)
	return k
}

// limited ends at its deadline, as a call of a client does.
func limited(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), d)
	t.Cleanup(stop)
	return ctx
}

const patient = time.Minute

// gated is work that ends when it is told to, and counts how often it is begun.
type gated struct {
	begun   atomic.Int64
	started chan struct{}
	finish  chan struct{}
}

func newGated() *gated { return &gated{started: make(chan struct{}, 10), finish: make(chan struct{})} }

func (g *gated) work(ctx context.Context, p Progress) (json.RawMessage, error) {
	n := g.begun.Add(1)
	p("writing", 7, 100)
	g.started <- struct{}{}
	select {
	case <-g.finish:
		return json.RawMessage(fmt.Sprintf(`{"answer":%d}`, n)), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A call that reaches its deadline leaves the work going on, and the same call
// again gets its answer.
func TestDo_OutlivesItsCall(t *testing.T) {
	k, g := keeper(t, t.TempDir()), newGated()
	_, unfinished, err := k.Do(limited(t, 200*time.Millisecond), "k", g.work, nil)
	if err != nil || unfinished == nil || unfinished.Tokens != 7 || unfinished.Budget != 100 || unfinished.Elapsed == 0 {
		t.Fatalf("got %+v, %v; want 7 of 100 tokens so far", unfinished, err)
	}
	close(g.finish)
	answer, unfinished, err := k.Do(limited(t, patient), "k", g.work, nil)
	if err != nil || unfinished != nil || string(answer) != `{"answer":1}` || g.begun.Load() != 1 {
		t.Errorf("got %s, %+v, %v after %d beginnings", answer, unfinished, err, g.begun.Load())
	}
}

// Two calls at once share the work, and both get the answer.
func TestDo_Shared(t *testing.T) {
	k, g := keeper(t, t.TempDir()), newGated()
	got := make(chan string, 2)
	for range 2 {
		go func() {
			answer, _, err := k.Do(limited(t, patient), "k", g.work, nil)
			got <- fmt.Sprint(string(answer), err)
		}()
	}
	<-g.started
	testkit.Eventually(t, "the work has come so far", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		j := k.running["k"]
		return j != nil && j.waiting == 2
	})
	close(g.finish)
	for range 2 {
		if answer := <-got; answer != `{"answer":1}<nil>` {
			t.Errorf("got %s", answer)
		}
	}
}

// A caller that cancels ends the work, unless another waits for it.
func TestDo_Canceled(t *testing.T) {
	k, g := keeper(t, t.TempDir()), newGated()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-g.started
		cancel()
	}()
	_, _, err := k.Do(ctx, "k", g.work, nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	testkit.Eventually(t, "the work has come so far", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.running) == 0
	})
	close(g.finish)
	if answer, _, err := k.Do(limited(t, patient), "k", g.work, nil); err != nil || string(answer) != `{"answer":2}` {
		t.Errorf("got %s, %v; want the work begun again", answer, err)
	}
}

// A call that comes while canceled work is still winding down begins it anew.
func TestDo_AfterACancel(t *testing.T) {
	k, release := keeper(t, t.TempDir()), make(chan struct{})
	started := make(chan struct{}, 1)
	slow := func(ctx context.Context, _ Progress) (json.RawMessage, error) {
		started <- struct{}{}
		<-ctx.Done()
		<-release
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-started
		cancel()
	}()
	if _, _, err := k.Do(ctx, "k", slow, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	quick := func(context.Context, Progress) (json.RawMessage, error) { return json.RawMessage(`{"answer":2}`), nil }
	if answer, _, err := k.Do(limited(t, patient), "k", quick, nil); err != nil || string(answer) != `{"answer":2}` {
		t.Errorf("got %s, %v; want the work begun again", answer, err)
	}
}

// What failed is reported to who waits, and begun again by who asks again.
func TestDo_Fails(t *testing.T) {
	k := keeper(t, t.TempDir())
	fails := func(context.Context, Progress) (json.RawMessage, error) { return nil, errors.New("no") }
	if _, _, err := k.Do(limited(t, patient), "k", fails, nil); err == nil || err.Error() != "no" {
		t.Errorf("got %v", err)
	}
}

// An answer that came after its caller had gone survives the process.
func TestDo_KeptOverARestart(t *testing.T) {
	dir := t.TempDir()
	first, g := New(dir), newGated()
	if _, unfinished, _ := first.Do(limited(t, 100*time.Millisecond), "k", g.work, nil); unfinished == nil {
		t.Fatal("the call did not end before the work")
	}
	close(g.finish)
	testkit.Eventually(t, "the work has come so far", func() bool { _, err := os.Stat(filepath.Join(dir, "k.json")); return err == nil })
	first.Close()
	answer, _, err := keeper(t, dir).Do(limited(t, patient), "k", g.work, nil)
	if err != nil || string(answer) != `{"answer":1}` || g.begun.Load() != 1 {
		t.Errorf("got %s, %v after %d beginnings", answer, err, g.begun.Load())
	}
	old := time.Now().Add(-againFor - time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "k.json"), old, old); err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		answer, _, err = keeper(t, dir).Do(limited(t, patient), "k", g.work, nil)
		if got := fmt.Sprintf(`{"answer":%d}`, want+1); err != nil || string(answer) != got {
			t.Errorf("got %s, %v; want %s: an old answer is given once", answer, err, got)
		}
	}
}

// Two windows: the second waits for the first one's answer instead of asking
// the model a second time.
func TestDo_TwoKeepers(t *testing.T) {
	dir, g := t.TempDir(), newGated()
	a, b := keeper(t, dir), keeper(t, dir)
	a.worthy = 0
	got := make(chan string, 2)
	ask := func(k *Keeper) {
		answer, _, err := k.Do(limited(t, patient), "k", g.work, nil)
		got <- fmt.Sprint(string(answer), err)
	}
	go ask(a)
	<-g.started
	if _, unfinished, err := b.Do(limited(t, 50*time.Millisecond), "k", g.work, nil); err != nil || unfinished == nil || !unfinished.Elsewhere {
		t.Fatalf("got %+v, %v; want the work elsewhere", unfinished, err)
	}
	go ask(b)
	close(g.finish)
	for range 2 {
		if answer := <-got; answer != `{"answer":1}<nil>` {
			t.Errorf("got %s", answer)
		}
	}
	if n := g.begun.Load(); n != 1 {
		t.Errorf("begun %d times", n)
	}
}

// A process that is killed while it works holds nobody back.
func TestDo_KilledHolder(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BACKGROUND_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "working" {
		t.Fatalf("the child said %q", line)
	}
	k, g := keeper(t, dir), newGated()
	if _, unfinished, _ := k.Do(limited(t, 50*time.Millisecond), "k", g.work, nil); unfinished == nil || !unfinished.Elsewhere {
		t.Errorf("got %+v, want the work elsewhere", unfinished)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	close(g.finish)
	if answer, _, err := k.Do(limited(t, patient), "k", g.work, nil); err != nil || string(answer) != `{"answer":1}` {
		t.Errorf("got %s, %v", answer, err)
	}
}

// Where nothing can be kept the work is done all the same.
func TestDo_NoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k, g := keeper(t, filepath.Join(file, "dir")), newGated()
	close(g.finish)
	if answer, _, err := k.Do(limited(t, patient), "k", g.work, nil); err != nil || string(answer) != `{"answer":1}` {
		t.Errorf("got %s, %v", answer, err)
	}
}
