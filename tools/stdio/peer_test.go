package stdio_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"
	"go.uber.org/goleak"

	"github.com/fjbelchi/localmodel/tools/stdio"
)

// patience bounds every wait; it is only reached when something is broken.
const patience = time.Minute

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
