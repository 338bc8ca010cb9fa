package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/integration/parts"
)

// board shows a person what is being made. A terminal has one live line of it
// below the reports, a log gets a line every 15 s.
type board struct {
	mu    sync.Mutex
	out   io.Writer
	live  bool
	began time.Time
	jobs  []*job // at work
}

// job is one part at work.
type job struct {
	board        *board
	name, doing  string
	began, since time.Time // of the part, of the step
}

func newBoard(out io.Writer) *board {
	return &board{out: out, live: term.Is(out), began: time.Now()}
}

// say reports something that has happened.
func (b *board) say(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live {
		fmt.Fprint(b.out, "\r\x1b[K") // the live line comes back with the next tick
	}
	fmt.Fprintf(b.out, "setup: "+format+"\n", a...)
}

// begin puts a part on the board.
func (b *board) begin(name, what, takes string) *job {
	b.say("making %s (%s)", what, takes)
	j := &job{board: b, name: name, began: time.Now(), since: time.Now()}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs = append(b.jobs, j)
	return j
}

func (j *job) step(name string) {
	j.board.mu.Lock()
	defer j.board.mu.Unlock()
	j.doing, j.since = name, time.Now()
}

// end takes a part off the board.
func (b *board) end(j *job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs = slices.DeleteFunc(b.jobs, func(other *job) bool { return other == j })
}

// failed reports a part that could not be made: where, why, the last lines of
// its log, and what to run once the reason is gone.
func (b *board) failed(p parts.Part, step string, err error, log string) {
	var text strings.Builder
	fmt.Fprintf(&text, "FAILED: %s", p.What)
	if step != "" {
		fmt.Fprintf(&text, ", at %s", step)
	}
	fmt.Fprintf(&text, ": %v\n", err)
	if log != "" {
		fmt.Fprintf(&text, "%s  log: %s\n", lastLines(log), log)
	}
	text.WriteString("  retry: ")
	if dir := os.Getenv(parts.Dir); dir != "" {
		text.WriteString(parts.Dir + "=" + dir + " ")
	}
	b.say("%sgo run ./integration/parts/setup %s", &text, p.Name)
}

// lastLines is the end of a log, enough to see why a step failed.
func lastLines(log string) string {
	const most = 15
	data, err := os.ReadFile(log) //nolint:gosec // setup's own
	if err != nil || len(data) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	var text strings.Builder
	for _, line := range lines[max(0, len(lines)-most):] {
		fmt.Fprintf(&text, "  | %.300s\n", strings.TrimRight(line, "\r"))
	}
	return text.String()
}

// tick reports what is at work until stop is called.
func (b *board) tick() (stop func()) {
	every := 15 * time.Second
	if b.live {
		every = 500 * time.Millisecond
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				b.show(now)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		if b.live {
			fmt.Fprint(b.out, "\r\x1b[K")
		}
	}
}

// show writes one line: the time since the start, and for each part its step
// and how long the step has taken.
func (b *board) show(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.jobs) == 0 {
		return
	}
	var at []string
	for _, j := range b.jobs {
		at = append(at, fmt.Sprintf("%s: %s %s", j.name, j.doing, now.Sub(j.since).Round(time.Second)))
	}
	line := fmt.Sprintf("setup: %s  %s", now.Sub(b.began).Round(time.Second), strings.Join(at, ", "))
	if b.live {
		fmt.Fprintf(b.out, "\r\x1b[K%.*s", term.DefaultWidth-1, line)
		return
	}
	fmt.Fprintln(b.out, line)
}
