package stdio_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/tools/stdio"
)

// Tests of this file do not run side by side: mcp-go keeps its session in a
// global.

// Every message is one line in one Write, however many calls answer at once.
func TestOneWriteAMessage(t *testing.T) {
	p := serve(t, stdio.Options{}, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for i := range 5 {
			stdio.Progress(ctx, req, float64(i), 5, "a\nb")
		}
		return text(req), nil
	})
	const calls = 200
	for i := range calls {
		p.send(call(strconv.Itoa(i), i), "junk")
	}
	p.closes()
	answers := 0
	for _, w := range p.written() {
		if strings.Count(w, "\n") != 1 || !strings.HasSuffix(w, "\n") || !gjson.Valid(w) {
			t.Fatalf("one Write: %q", w)
		}
		if gjson.Get(w, "result").Exists() {
			answers++
		}
	}
	if got, want := len(p.written()), calls*7; answers != calls || got != want {
		t.Errorf("%d answers in %d messages, want %d in %d", answers, got, calls, want)
	}
}

// A client that sends all its lines at once has its initialize answered first,
// whatever runs beside.
func TestServe_InitializeIsAnsweredFirst(t *testing.T) {
	const initialize = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`
	for range 50 {
		p := serve(t, stdio.Options{}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return text(req), nil
		})
		p.send(initialize, call("1", 1), call("2", 2))
		p.closes()
		got := p.written()
		if len(got) != 3 || gjson.Get(got[0], "id").Str != "init" || !gjson.Get(got[0], "result").Exists() {
			t.Fatalf("answers %q", got)
		}
	}
}

// Two requests under one id are a fault of the client; both are answered.
func TestTwoRequestsWithOneID(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	p := serve(t, stdio.Options{}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		both.Done()
		both.Wait()
		return text(req), nil
	})
	p.send(call("7", 1), call("7", 2))
	p.closes()
	got := map[string]int{}
	for _, w := range p.written() {
		got[gjson.Get(w, "id").Raw+" "+gjson.Get(w, "result.content.0.text").Str]++
	}
	if got["7 1"] != 1 || got["7 2"] != 1 {
		t.Errorf("answers %v", got)
	}
}

func TestProgressThatIsNotTold(t *testing.T) {
	p := serve(t, stdio.Options{}, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, v := range []float64{1, 1, 0.5, math.NaN(), math.Inf(1), 2} {
			stdio.Progress(ctx, req, v, 0, "")
		}
		over, stop := context.WithCancel(ctx)
		stop()
		stdio.Progress(over, req, 3, 0, "of a call that is over")
		return text(req), nil
	})
	p.send(call(`"k"`, 1), strings.Replace(call("2", 2), "progressToken", "other", 1))
	p.closes()
	var told []string
	for _, w := range p.written() {
		if gjson.Get(w, "method").Str == "notifications/progress" {
			told = append(told, gjson.Get(w, "params").Raw)
		}
	}
	want := []string{`{"progressToken":"k","progress":1}`, `{"progressToken":"k","progress":2}`}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// A doubled token means one thing here and another to mcp-go, which then takes
// the call for the second of the session: that one gave no token.
func TestProgressUnderAnothersName(t *testing.T) {
	both, told := make(chan struct{}), make(chan struct{})
	p := serve(t, stdio.Options{}, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if req.GetInt("n", 0) == 1 {
			<-both
			stdio.Progress(ctx, req, 1, 2, "")
			close(told)
		} else {
			close(both)
			<-told
		}
		return text(req), nil
	})
	p.send(strings.Replace(call("1", 1), `"progressToken":1`, `"progressToken":1,"progressToken":"2"`, 1),
		strings.Replace(call("2", 2), "progressToken", "other", 1))
	p.closes()
	if got := p.written(); len(got) != 2 {
		t.Errorf("written: %q, want two answers", got)
	}
}

// Progress after the answer is nobody's: the token may be another call's by then.
func TestProgressAfterTheAnswerIsDropped(t *testing.T) {
	answered, late := make(chan struct{}), make(chan struct{})
	p := serve(t, stdio.Options{}, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		go func() {
			defer close(late)
			<-answered
			stdio.Progress(ctx, req, 1, 0, "")
			stdio.Progress(context.WithoutCancel(ctx), req, 2, 0, "")
		}()
		return text(req), nil
	})
	p.send(call("1", 1))
	p.answer("1")
	close(answered)
	<-late
	p.closes()
	if got := p.written(); len(got) != 1 {
		t.Errorf("written: %q", got)
	}
}

func TestPanickingHandler(t *testing.T) {
	p := serve(t, stdio.Options{}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if req.GetInt("n", 0) == 0 {
			panic("on purpose")
		}
		return text(req), nil
	})
	p.send(call("1", 0))
	if m := p.answer("1"); m.Get("error.code").Int() != mcp.INTERNAL_ERROR {
		t.Errorf("answer %s", m.Raw)
	}
	p.send(call("2", 2))
	if m := p.answer("2"); m.Get("result.content.0.text").Str != "2" {
		t.Errorf("the call after: %s", m.Raw)
	}
	p.closes()
}

// A cancel at any moment ends the call: no handler starts after it, none runs on.
func TestNoCancelIsLost(t *testing.T) {
	const calls = 2000
	var ran, ended atomic.Int32
	p := serve(t, stdio.Options{}, func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		ran.Add(1)
		select {
		case <-ctx.Done():
			ended.Add(1)
		case <-time.After(patience):
		}
		return nil, ctx.Err()
	})
	for i := range calls {
		id := strconv.Itoa(i)
		p.send(call(id, i), cancel(id))
	}
	p.send(ping)
	p.closes()
	if got := p.written(); len(got) != 1 {
		t.Errorf("%d messages, want the answer to ping alone: %.300q", len(got), got)
	}
	if ran.Load() != ended.Load() {
		t.Errorf("%d handlers ran, %d were cancelled", ran.Load(), ended.Load())
	}
	t.Logf("%d of %d handlers had begun", ran.Load(), calls)
}

// A call given up while it waits for a worker never begins.
func TestCancelOfAQueuedCall(t *testing.T) {
	release := make(chan struct{})
	var began atomic.Int32
	p := serve(t, stdio.Options{Workers: 1}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		began.Add(1)
		<-release
		return text(req), nil
	})
	p.send(call("1", 1), call("2", 2), call("3", 3), cancel("2"), ping)
	p.answer(`"ping"`) // all lines were read
	close(release)
	p.answer("3")
	p.closes()
	if got := began.Load(); got != 2 {
		t.Errorf("%d calls began, want 2", got)
	}
	if got := p.written(); len(got) != 3 {
		t.Errorf("written: %q", got)
	}
}

// One request too many is refused and the ones before it are not.
func TestTooManyOpenRequests(t *testing.T) {
	for _, c := range []struct {
		name string
		o    stdio.Options
		n    int // requests that are taken
		pad  string
	}{
		{"by number", stdio.Options{Workers: 1, Queue: 2}, 3, ""},
		{"by bytes", stdio.Options{MaxLine: 1000}, 8, strings.Repeat(" ", 855)}, // eight lines' worth
	} {
		t.Run(c.name, func(t *testing.T) {
			release := make(chan struct{})
			p := serve(t, c.o, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				select {
				case <-release:
				case <-ctx.Done():
				}
				return text(req), nil
			})
			for i := range c.n + 1 {
				// Inside the message: what is around it does not count.
				p.send(strings.Replace(call(strconv.Itoa(i), i), "{", "{"+c.pad, 1))
			}
			last := strconv.Itoa(c.n)
			if m := p.answer(last); m.Get("error.code").Int() != -32000 {
				t.Errorf("one too many is answered %s", m.Raw)
			}
			close(release)
			for i := range c.n {
				if m := p.answer(strconv.Itoa(i)); !m.Get("result").Exists() {
					t.Errorf("request %d is answered %s", i, m.Raw)
				}
			}
			for i := range c.n { // there is room again, for as many
				id := strconv.Itoa(100 + i)
				p.send(strings.Replace(call(id, i), "{", "{"+c.pad, 1))
				if m := p.answer(id); !m.Get("result").Exists() {
					t.Errorf("request %s is answered %s", id, m.Raw)
				}
			}
			p.closes()
		})
	}
}

func TestLongLineIsRefused(t *testing.T) {
	p := serve(t, stdio.Options{MaxLine: 200}, func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) { return text(req), nil })
	p.send(strings.Repeat("x", 201), call("1", 1))
	if m := p.answer("null"); m.Get("error.code").Int() != mcp.INVALID_REQUEST || !strings.Contains(m.Get("error.message").Str, "200") {
		t.Errorf("refusal %s", m.Raw)
	}
	p.answer("1")
	p.closes()
}

// A subscription of 2026-07-28 stays open without end: it is reported before it is
// answered, passes news on, and does not hold up the end of input.
func TestSubscription(t *testing.T) {
	srv := newServer(nothing)
	server.WithToolCapabilities(true)(srv)
	const listen = `{"jsonrpc":"2.0","id":77,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	const id = `params._meta.io\.modelcontextprotocol/subscriptionId`
	p := serveOn(t, stdio.Options{Drain: patience}, srv)
	p.send(listen)
	p.wait("acknowledgement", func(m gjson.Result) bool {
		return m.Get("method").Str == "notifications/subscriptions/acknowledged" && m.Get(id).Raw == "77"
	})
	srv.AddTool(mcp.NewTool("late"), nothing)
	p.wait("news", func(m gjson.Result) bool { return m.Get("method").Str == "notifications/tools/list_changed" })
	p.in.Close()
	select {
	case err := <-p.served:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the end of input waits for the subscription")
	}
	if m := p.answer("77"); !m.Get("result").Exists() {
		t.Errorf("answer %s", m.Raw)
	}
}

// Without Serve the options do nothing: a server answers in process.
func TestServerOptionsWithoutServe(t *testing.T) {
	s := newServer(func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		stdio.Progress(ctx, req, 1, 2, "nobody hears it")
		return text(req), nil
	})
	m := s.HandleMessage(t.Context(), []byte(call("1", 5)))
	if r, ok := m.(mcp.JSONRPCResponse); !ok || r.Result == nil {
		t.Errorf("answer %#v", m)
	}
}

// A line comes in pieces, and two in one piece.
func TestPiecesOfLines(t *testing.T) {
	p := serve(t, stdio.Options{}, nothing)
	w := bufio.NewWriterSize(p.in, 16)
	var all bytes.Buffer
	for i := range 20 {
		all.WriteString(call(strconv.Itoa(i), i) + "\r\n")
	}
	if _, err := all.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	for i := range 20 {
		if m := p.answer(strconv.Itoa(i)); m.Get("result.content.0.text").Str != strconv.Itoa(i) {
			t.Errorf("call %d: %s", i, m.Raw)
		}
	}
	p.closes()
}
