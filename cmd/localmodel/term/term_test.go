package term

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNothingButATerminalIsOne(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, stream := range []any{&bytes.Buffer{}, null, file} {
		if Is(stream) {
			t.Errorf("%T is taken for a terminal", stream)
		}
	}
}

func TestInterruptible(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	if got := Line(Interruptible(ctx, strings.NewReader("yes\nmore")), io.Discard); got != "yes" {
		t.Errorf("got %q of an input that is there", got)
	}
	in, typed := io.Pipe()
	defer typed.Close()
	interrupt()
	if Ask(Interruptible(ctx, in), io.Discard, "Go on?") {
		t.Error("an interrupt is a yes")
	}
}

func TestAskTakesOnlyAYes(t *testing.T) {
	for _, c := range []struct {
		line string
		want bool
	}{{"y\n", true}, {" YES \n", true}, {"yes", true}, {"\n", false}, {"", false}, {"n\n", false}, {"yesterday\n", false}} {
		if got := Ask(strings.NewReader(c.line), &bytes.Buffer{}, "Go on?"); got != c.want {
			t.Errorf("%q: %v", c.line, got)
		}
	}
	// The next question finds its own line.
	in := strings.NewReader("y\nn\n")
	if !Ask(in, &bytes.Buffer{}, "First?") || Ask(in, &bytes.Buffer{}, "Second?") {
		t.Error("a question read the other's answer")
	}
}

func TestBarOffATerminalSaysEachTenth(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out, 0)
	at := b.start
	b.now = func() time.Time { return at }
	for i := range 101 {
		at = b.start.Add(time.Duration(i) * time.Second)
		b.Set(float64(i), 100, "x")
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 11 || strings.Contains(out.String(), "\r") {
		t.Fatalf("%d lines: %q", len(lines), out.String())
	}
	if lines[5] != " 50 %  x, 50 s left" {
		t.Errorf("half way: %q", lines[5])
	}
}

// What an earlier run had left done says nothing of this one's speed.
func TestBarTakesNoOldWorkForSpeed(t *testing.T) {
	b := NewBar(&bytes.Buffer{}, 90)
	if got := b.left(95, 100, b.start.Add(10*time.Second)); got != ", 10 s left" {
		t.Errorf("got %q", got)
	}
}

func TestLiveBarStaysInItsLine(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out, 0)
	b.live = true
	b.Set(1, 2, strings.Repeat("a long label ", 20))
	b.Clear()
	for part := range strings.SplitSeq(out.String(), "\r") {
		if n := utf8.RuneCountInString(part); n >= DefaultWidth {
			t.Errorf("%d columns: %q", n, part)
		}
	}
	if !strings.Contains(out.String(), "████████████░░░░░░░░░░░░  50 %") {
		t.Errorf("got %q", out.String())
	}
}

func TestRough(t *testing.T) {
	for d, want := range map[time.Duration]string{
		250 * time.Millisecond: "250 ms", 42 * time.Second: "42 s", 59*time.Second + 900*time.Millisecond: "60 s",
		125 * time.Second: "2 min 5 s", 3*time.Hour + 5*time.Minute: "3 h 5 min"} {
		if got := rough(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
