package routing

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// child is this test binary as another localmodel process of the machine.
func child(job string) int {
	dir := os.Getenv("ROUTING_TEST_DIR")
	m := newMachine(dir, "http://one", 1)
	switch job {
	case "hold": // takes the slot and keeps it until killed
		release, fault := m.slot(context.Background(), Request{})
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
		_, _ = m.slot(context.Background(), Request{})
	}
	return 0
}

// another starts a process and waits for its word.
func another(t *testing.T, job, dir, word string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // this test binary, killed below
	cmd.Env = append(os.Environ(), "ROUTING_TEST_CHILD="+job, "ROUTING_TEST_DIR="+dir)
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
	m := newMachine(t.TempDir(), "http://one", 2)
	var now, most atomic.Int64
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			release, fault := m.slot(within(t, time.Minute), Request{})
			if fault != nil {
				t.Error(fault)
				return
			}
			defer release()
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(150 * time.Millisecond) // long beside the look for a free slot
			now.Add(-1)
		})
	}
	group.Wait()
	if most.Load() != 2 {
		t.Errorf("%d at once, want 2", most.Load())
	}
	left, err := filepath.Glob(filepath.Join(must(m.dir()), queueDir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the queue: %v, %v", left, err)
	}
}

// Another process's slot is respected, its place in the queue is told, and its
// death frees the slot.
func TestKilledHolderFreesItsSlot(t *testing.T) {
	dir := t.TempDir()
	holder := another(t, "hold", dir, "held")
	first := another(t, "wait", dir, "waits")
	var said atomic.Value
	said.Store("")
	got := make(chan *Error, 1)
	go func() {
		release, fault := newMachine(dir, "http://one", 1).slot(within(t, 2*time.Minute), Request{
			Progress: func(message string, _, _ int) { said.Store(message) }})
		if fault == nil {
			release()
		}
		got <- fault
	}()
	eventually(t, "place 2", func() bool {
		return strings.Contains(said.Load().(string), "place 2 in the queue of this machine, slots 1")
	})
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "place 1 once the one ahead is dead", func() bool { return strings.Contains(said.Load().(string), "place 1 ") })
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
	m := newMachine(t.TempDir(), "http://one", 1)
	release, fault := m.slot(within(t, time.Minute), Request{})
	if fault != nil {
		t.Fatal(fault)
	}
	var mu sync.Mutex
	var order []int
	var group sync.WaitGroup
	for i := range 5 {
		group.Go(func() {
			done, fault := m.slot(within(t, time.Minute), Request{})
			if fault != nil {
				t.Error(fault)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			done()
		})
		eventually(t, "queued", func() bool {
			found, _ := filepath.Glob(filepath.Join(must(m.dir()), queueDir, "*"))
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
	m := newMachine(t.TempDir(), "http://one", 1)
	release, fault := m.slot(within(t, time.Minute), Request{})
	if fault != nil {
		t.Fatal(fault)
	}
	defer release()
	_, fault = m.slot(within(t, 100*time.Millisecond), Request{})
	if fault == nil || fault.Kind != Busy || !strings.Contains(fault.Reason, "no local slot within") {
		t.Fatalf("got %v", fault)
	}
	if left, _ := filepath.Glob(filepath.Join(must(m.dir()), queueDir, "*")); len(left) > 0 {
		t.Errorf("left in the queue: %v", left)
	}
}

// Two servers have slots of their own.
func TestSlotsAreOfOneServer(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{"http://one", "http://two"} {
		release, fault := newMachine(dir, url, 1).slot(within(t, 10*time.Second), Request{})
		if fault != nil {
			t.Fatal(fault)
		}
		defer release()
	}
}

// The limit is a courtesy: where no lock can be made nobody waits.
func TestNoLockDirectoryHoldsNobodyUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMachine(filepath.Join(file, "below"), "http://one", 1)
	for range 2 {
		if _, fault := m.slot(within(t, 10*time.Second), Request{}); fault != nil {
			t.Fatal(fault)
		}
		if _, fault := m.lock(within(t, 10*time.Second), "load"); fault != nil {
			t.Fatal(fault)
		}
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// Nobody is first while one who lives is ahead.
func TestPlacesInTheQueue(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, queueDir), 0o700); err != nil {
		t.Fatal(err)
	}
	var places []*place
	for range 3 {
		p, err := enqueue(dir)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	firsts := func() (out []bool) {
		for _, p := range places {
			out = append(out, p.first())
		}
		return out
	}
	time.Sleep(slowestPoll) // none is too young to be taken for dead
	if got := fmt.Sprint(firsts()); got != "[true false false]" || places[2].ahead.Load() != 2 {
		t.Errorf("first: %s, %d ahead of the last", got, places[2].ahead.Load())
	}
	if nobodyWaits(dir) {
		t.Error("nobody waits")
	}
	places[0].leave()
	_ = places[1].lock.Close() // as by death
	places = places[2:]
	if got := fmt.Sprint(firsts()); got != "[true]" {
		t.Errorf("first, the one ahead having died: %s", got)
	}
	places[0].leave()
	if !nobodyWaits(dir) {
		t.Error("someone still waits")
	}
}
