package term

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Bar is a progress bar: one line drawn over and over on a terminal, and
// elsewhere a line at each tenth. It is used by one goroutine.
type Bar struct {
	out   io.Writer
	live  bool
	now   func() time.Time
	start time.Time
	begun float64 // what was done when it started
	said  int     // tenths, where it is not drawn
	last  time.Time
	drawn int // columns of the line that is shown
}

// NewBar makes a bar; done is what an earlier run has left done, which the
// estimate of time must not take for speed.
func NewBar(out io.Writer, done float64) *Bar {
	return &Bar{out: out, live: Is(out), now: time.Now, start: time.Now(), begun: done, said: -1}
}

// redraw bounds how often a terminal is written to.
const redraw = 100 * time.Millisecond

// Set shows that done of total is done; label says what is at work.
func (b *Bar) Set(done, total float64, label string) {
	if total <= 0 {
		return
	}
	share := min(max(done/total, 0), 1)
	now := b.now()
	if !b.live {
		if tenth := int(share * 10); tenth > b.said {
			b.said = tenth
			fmt.Fprintf(b.out, "%3.0f %%  %s%s\n", share*100, label, b.left(done, total, now))
		}
		return
	}
	if share < 1 && now.Sub(b.last) < redraw {
		return
	}
	b.last = now
	width := Width(b.out)
	cells := min(24, width*3/10)
	full := int(share*float64(cells) + 0.5)
	line := fmt.Sprintf("%s%s %3.0f %%  %s%s", strings.Repeat("█", full), strings.Repeat("░", cells-full), share*100, label, b.left(done, total, now))
	if r := []rune(line); len(r) > width-1 {
		line = string(r[:width-1])
	}
	b.write(line)
}

// left estimates the time that is left from the speed so far.
func (b *Bar) left(done, total float64, now time.Time) string {
	worked, took := done-b.begun, now.Sub(b.start)
	if worked <= 0 || done >= total || took < time.Second {
		return ""
	}
	eta := time.Duration(float64(took) * (total - done) / worked)
	return ", " + rough(eta) + " left"
}

func (b *Bar) write(line string) {
	n := utf8.RuneCountInString(line)
	fmt.Fprintf(b.out, "\r%s%s", line, strings.Repeat(" ", max(0, b.drawn-n)))
	b.drawn = n
}

// Clear takes the bar away, so that other text can be written.
func (b *Bar) Clear() {
	if b.live && b.drawn > 0 {
		fmt.Fprintf(b.out, "\r%s\r", strings.Repeat(" ", b.drawn))
		b.drawn = 0
	}
}

// rough describes a duration in at most two units.
func rough(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
