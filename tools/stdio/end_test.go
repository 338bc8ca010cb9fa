package stdio_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"go.uber.org/goleak"

	"github.com/fjbelchi/localmodel/tools/stdio"
)

// At the end of input calls have their time, then their contexts end, then they
// are answered in their place: each exactly once.
func TestEndOfInput(t *testing.T) {
	// A machine that stalls can make a call late that heeds its context; it is
	// answered for then. Not every time.
	for try := 1; ; try++ {
		if got := endOfInput(t); got == "ended" || t.Failed() {
			return
		} else if try == 5 {
			t.Fatalf("a call that heeds its context was answered %q, five times", got)
		}
	}
}

// endOfInput returns the answer to the call that heeds its context.
func endOfInput(t *testing.T) string {
	t.Helper()
	release := make(chan struct{})
	answered := -1
	var p *peer
	p = serve(t, stdio.Options{Drain: 300 * time.Millisecond, OnEOF: func() { answered = len(p.written()) }},
		func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			switch req.GetInt("n", 0) {
			case 1: // heeds its context
				<-ctx.Done()
				return mcp.NewToolResultText("ended"), nil
			case 2: // does not
				<-release
			}
			return text(req), nil
		})
	p.send(call("0", 0))
	if m := p.answer("0"); m.Get("result.content.0.text").Str != "0" {
		t.Errorf("a quick call: %s", m.Raw)
	}
	p.send(call("1", 1), call("2", 2))
	p.closes()
	close(release)
	if got := len(p.written()); answered != 3 || got != 3 {
		t.Errorf("OnEOF came after %d of %d answers, want 3 of 3", answered, got)
	}
	if m := p.answer("2"); m.Get("error.code").Int() != mcp.INTERNAL_ERROR || !strings.Contains(m.Get("error.message").Str, "canceled") {
		t.Errorf("a call that does not heed its context: %s", m.Raw)
	}
	m := p.answer("1")
	return m.Get("result.content.0.text").Str + m.Get("error.message").Str
}

// TestEndOfInput_NobodyReads holds that a call that only waits is canceled at
// once when the client has gone, not after the whole of Drain.
func TestEndOfInput_NobodyReads(t *testing.T) {
	began, canceled := make(chan struct{}), make(chan struct{})
	p := serve(t, stdio.Options{Drain: 10 * patience, Gone: func() bool { return true }},
		func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			close(began)
			<-ctx.Done()
			close(canceled)
			return text(req), nil
		})
	p.send(call("1", 1))
	<-began
	p.closes()
	select {
	case <-canceled:
	case <-time.After(patience):
		t.Fatal("the call was not canceled")
	}
}

// Serve returns at the end of its context, whoever still works.
func TestContextEnds(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	p := serve(t, stdio.Options{}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		close(began)
		<-release // heeds nothing
		return text(req), nil
	})
	p.send(call("1", 1))
	<-began
	p.stop()
	if err := p.ends(); err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	close(release)
	p.in.Close()
	if got := p.written(); len(got) != 0 {
		t.Errorf("written after the end: %q", got)
	}
}

func nothing(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return text(req), nil
}

func TestReadFails(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(ping+"\n"), iotest.ErrReader(broken))
	if err := stdio.Serve(t.Context(), newServer(nothing), in, io.Discard, stdio.Options{}); !errors.Is(err, broken) {
		t.Errorf("Serve: %v, want the reader's error", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteFails(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	broken := errors.New("broken")
	in, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = io.WriteString(feed, ping+"\n") }()
	if err := stdio.Serve(t.Context(), newServer(nothing), in, brokenWriter{broken}, stdio.Options{}); !errors.Is(err, broken) {
		t.Errorf("Serve: %v, want the writer's error", err)
	}
}

// A client that stops reading cannot keep the process for ever.
func TestClientDoesNotRead(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	out, blocked := io.Pipe()
	err := stdio.Serve(t.Context(), newServer(nothing), strings.NewReader(call("1", 1)), blocked, stdio.Options{Drain: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Errorf("Serve: %v", err)
	}
	out.Close() // lets the blocked Write go
}
