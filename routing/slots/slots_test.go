package slots

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
)

// child is this test binary as another localmodel process of the machine.
func child(job string) int {
	dir := os.Getenv("SLOTS_TEST_DIR")
	m := New(dir, "http://one", 1)
	switch job {
	case "hold": // takes the slot and keeps it until killed
		release, fault := m.Acquire(context.Background(), nil)
		if fault != nil {
			return 1
		}
		fmt.Println("held")
		time.Sleep(time.Hour)
		release()
	case "wait": // queues and stays there until killed
		go func() {
			for p := filepath.Join(dir, "*", queueDir, fmt.Sprintf("*-%d-*", os.Getpid())); ; time.Sleep(time.Millisecond) {
				if found, _ := filepath.Glob(p); len(found) > 0 {
					fmt.Println("waits")
					return
				}
			}
		}()
		_, _ = m.Acquire(context.Background(), nil)
		time.Sleep(time.Hour) // one that ended would free the slot it got
	}
	return 0
}

// another starts a process and waits for its word.
func another(t *testing.T, job, dir, word string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // this test binary, killed below
	cmd.Env = append(os.Environ(), "SLOTS_TEST_CHILD="+job, "SLOTS_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || strings.TrimSpace(line) != word {
		t.Fatalf("%s: %q, %v", job, line, err)
	}
	return cmd
}

func TestSlotsLimitWhatRunsAtOnce(t *testing.T) {
	m := New(t.TempDir(), "http://one", 2)
	var now, most atomic.Int64
	both := make(chan struct{}) // closed when two have run at once
	bothRan := sync.OnceFunc(func() { close(both) })
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			ctx := within(t, 2*time.Minute)
			release, fault := m.Acquire(ctx, nil)
			if fault != nil {
				t.Error(fault)
				return
			}
			defer release()
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if n == 2 {
				bothRan()
			}
			select {
			case <-both:
			case <-ctx.Done():
			}
			time.Sleep(150 * time.Millisecond) // in which a third could come, were it let in
			now.Add(-1)
		})
	}
	group.Wait()
	if most.Load() != 2 {
		t.Errorf("%d at once, want 2", most.Load())
	}
	left, err := filepath.Glob(queueOf(m))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the queue: %v, %v", left, err)
	}
}

// Another process's slot is respected, its place in the queue is reported, and its
// death frees the slot.
func TestKilledHolderFreesItsSlot(t *testing.T) {
	dir := t.TempDir()
	holder := another(t, "hold", dir, "held")
	first := another(t, "wait", dir, "waits")
	var said atomic.Int64
	said.Store(-1)
	got := make(chan error, 1)
	go func() {
		release, fault := New(dir, "http://one", 1).Acquire(within(t, 2*time.Minute), watch(&said))
		if fault == nil {
			release()
		}
		got <- fault
	}()
	testkit.Eventually(t, "one ahead", func() bool { return said.Load() == 1 })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "none ahead once that one is dead", func() bool { return said.Load() == 0 })
	select {
	case fault := <-got:
		t.Fatalf("got the slot while it was held: %v", fault)
	default:
	}
	start := time.Now()
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case fault := <-got:
		if fault != nil {
			t.Fatal(fault)
		}
	case <-time.After(time.Minute):
		t.Fatal("the slot of a dead process is still taken")
	}
	t.Logf("free %s after the kill", time.Since(start).Round(time.Millisecond))
}

func TestFirstComeFirstServed(t *testing.T) {
	m := New(t.TempDir(), "http://one", 1)
	release, fault := m.Acquire(within(t, time.Minute), nil)
	if fault != nil {
		t.Fatal(fault)
	}
	var mu sync.Mutex
	var order []int
	var group sync.WaitGroup
	for i := range 5 {
		group.Go(func() {
			done, fault := m.Acquire(within(t, time.Minute), nil)
			if fault != nil {
				t.Error(fault)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			done()
		})
		testkit.Eventually(t, "queued", func() bool {
			found, _ := filepath.Glob(queueOf(m))
			return len(found) == i+1
		})
	}
	release()
	group.Wait()
	if fmt.Sprint(order) != "[0 1 2 3 4]" {
		t.Errorf("served in the order %v", order)
	}
}

func TestQueuedCallLeavesWhenItsTimeIsOver(t *testing.T) {
	m := New(t.TempDir(), "http://one", 1)
	release, fault := m.Acquire(within(t, time.Minute), nil)
	if fault != nil {
		t.Fatal(fault)
	}
	defer release()
	_, fault = m.Acquire(within(t, 100*time.Millisecond), nil)
	var waited *WaitError
	if !errors.As(fault, &waited) || !errors.Is(fault, context.DeadlineExceeded) {
		t.Fatalf("got %v", fault)
	}
	if left, _ := filepath.Glob(queueOf(m)); len(left) > 0 {
		t.Errorf("left in the queue: %v", left)
	}
}

// queueOf is the pattern of a server's places in the queue.
func queueOf(s *Server) string {
	return filepath.Join(s.dir, serverName(context.Background(), s.address), queueDir, "*")
}

// watch reports how many are ahead, as often as it can.
func watch(said *atomic.Int64) func(func() int) func() {
	return func(ahead func() int) func() {
		stop := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for {
				said.Store(int64(ahead()))
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
		return func() { close(stop); group.Wait() }
	}
}

// within gives a context with a limit far above what is expected.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), d)
	t.Cleanup(stop)
	return ctx
}

// Nobody is first while one who lives is ahead.
func TestPlacesInTheQueue(t *testing.T) {
	s := New(t.TempDir(), "http://one", 1)
	ctx := within(t, time.Minute)
	dir, err := s.directory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var places []*place
	for range 3 {
		p, err := dir.enqueue(ctx)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	firsts := func() (out []bool) {
		for _, p := range places {
			out = append(out, p.first(ctx))
		}
		return out
	}
	time.Sleep(slowestPoll) // none is too young to be taken for dead
	if got := fmt.Sprint(firsts()); got != "[true false false]" || places[2].ahead.Load() != 2 {
		t.Errorf("first: %s, %d ahead of the last", got, places[2].ahead.Load())
	}
	if dir.nobodyWaits(ctx) {
		t.Error("nobody waits")
	}
	places[0].leave()
	places[1].lock.Unlock() // as by death
	places = places[2:]
	if got := fmt.Sprint(firsts()); got != "[true]" {
		t.Errorf("first, the one ahead having died: %s", got)
	}
	places[0].leave()
	if !dir.nobodyWaits(ctx) {
		t.Error("someone still waits")
	}
}
