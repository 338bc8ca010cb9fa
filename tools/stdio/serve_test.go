package stdio_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"
	"go.uber.org/goleak"

	"github.com/fjbelchi/localmodel/tools/stdio"
)

// patience bounds every wait; it is only reached when something is broken.
const patience = time.Minute

// Tests of this file do not run side by side: mcp-go keeps its session in a
// global.

// peer is the client of one Serve.
type peer struct {
	t      *testing.T
	in     *io.PipeWriter
	served chan error
	stop   context.CancelFunc

	mu     sync.Mutex
	writes []string
	news   chan struct{}
}

// Write is the server's standard output.
func (p *peer) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, string(line))
	close(p.news)
	p.news = make(chan struct{})
	return len(line), nil
}

type handler = func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error)

// newServer has one tool, t, with one argument, n.
func newServer(h handler) *server.MCPServer {
	s := server.NewMCPServer("test", "1", append([]server.ServerOption{server.WithRecovery()}, stdio.ServerOptions()...)...)
	s.AddTool(mcp.NewTool("t", mcp.WithNumber("n")), h)
	return s
}

// serve begins a session; at the end of the test nothing of it may be left.
func serve(t *testing.T, o stdio.Options, h handler) *peer {
	t.Helper()
	return serveOn(t, o, newServer(h))
}

func serveOn(t *testing.T, o stdio.Options, srv *server.MCPServer) *peer {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	r, w := io.Pipe()
	p := &peer{t: t, in: w, served: make(chan error, 1), news: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	t.Cleanup(func() { stop(); w.Close() })
	go func() { p.served <- stdio.Serve(ctx, srv, r, p, o) }()
	return p
}

func (p *peer) send(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, strings.Join(lines, "\n")+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func call(id string, n int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"t","arguments":{"n":%d},"_meta":{"progressToken":%s}}}`, id, n, id)
}

func cancel(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`
}

const ping = `{"jsonrpc":"2.0","id":"ping","method":"ping"}`

// answer waits for the answer to an id.
func (p *peer) answer(id string) gjson.Result {
	p.t.Helper()
	return p.wait("answer to "+id, func(m gjson.Result) bool { return m.Get("id").Raw == id })
}

// wait waits for the first message that fits.
func (p *peer) wait(what string, fits func(gjson.Result) bool) gjson.Result {
	p.t.Helper()
	limit := time.After(patience)
	for from := 0; ; {
		p.mu.Lock()
		for ; from < len(p.writes); from++ {
			if m := gjson.Parse(p.writes[from]); fits(m) {
				p.mu.Unlock()
				return m
			}
		}
		news := p.news
		p.mu.Unlock()
		select {
		case <-news:
		case <-limit:
			p.t.Fatalf("no %s", what)
		}
	}
}

// ends waits until Serve returns.
func (p *peer) ends() error {
	p.t.Helper()
	select {
	case err := <-p.served:
		return err
	case <-time.After(patience):
		p.t.Fatal("Serve does not return")
		return nil
	}
}

func (p *peer) closes() {
	p.t.Helper()
	p.in.Close()
	if err := p.ends(); err != nil {
		p.t.Errorf("Serve: %v", err)
	}
}

func (p *peer) written() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.writes...)
}

func text(req mcp.CallToolRequest) *mcp.CallToolResult {
	return mcp.NewToolResultText(strconv.Itoa(req.GetInt("n", -1)))
}

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
