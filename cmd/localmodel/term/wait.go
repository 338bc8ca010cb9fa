package term

import (
	"fmt"
	"io"
	"time"
)

// sayEach is how often a wait is reported where it is not drawn.
const sayEach = 10 * time.Second

// Wait runs do and reports to a person how long it has taken so far: a terminal
// each second in one line that goes at the end, a file or a pipe now and then.
func Wait(out io.Writer, what string, do func()) {
	each, end := sayEach, "\n"
	if Is(out) {
		each, end = time.Second, ""
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	wait(out, what, end, tick.C, do)
}

// wait is Wait with a clock of the caller's.
func wait(out io.Writer, what, end string, tick <-chan time.Time, do func()) {
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	drawn := false
	for {
		select {
		case <-done:
			if drawn && end == "" {
				fmt.Fprint(out, "\r\x1b[K")
			}
			return
		case <-tick:
			drawn = true
			text := []rune("  " + what + ", " + rough(time.Since(start)))
			if end == "" {
				fmt.Fprint(out, "\r\x1b[K")
			}
			fmt.Fprint(out, string(text[:min(len(text), Width(out)-1)])+end)
		}
	}
}
