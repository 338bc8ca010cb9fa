// Package mcpchild runs an MCP server as a client runs it, over its standard
// input and output, for programs that measure. The tests of the transport have
// a stricter client of their own.
package mcpchild

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// patience bounds every wait; it is only reached when something is broken.
const patience = 2 * time.Minute

// Era is a way of speaking MCP.
type Era string

// The two eras: with a handshake, and with _meta in every request.
const (
	Legacy Era = "2025-11-25"
	Modern Era = "2026-07-28"
)

const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
	`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}`

// First is what a client of the era asks first.
func (e Era) First() (method, params string) {
	if e == Modern {
		return "server/discover", modernMeta
	}
	return "initialize", `"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}`
}

// Child is one running server. It is safe for concurrent use.
//
// Whoever waits for an answer reads the output, for the others too, and one
// timer bounds all waits. A goroutine that reads, and a timer for each request,
// would wake a thread for each request, which the measured server waits for.
type Child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	reading chan struct{} // full while somebody reads out
	stderr  bytes.Buffer  // read only once ended is closed
	watch   *time.Timer

	mu    sync.Mutex // guards what follows, and writes to in
	id    int
	waits map[string]chan []byte // by id

	ended chan struct{} // closed once the output has ended, by the one who read it
}

// Start starts the command. Nothing is said to it yet.
func Start(cmd *exec.Cmd) (*Child, error) {
	c := &Child{cmd: cmd, waits: map[string]chan []byte{}, reading: make(chan struct{}, 1), ended: make(chan struct{})}
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &c.stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	c.watch = time.AfterFunc(patience, c.killStuck)
	return c, nil
}

// Open starts the command and does what a client of the older era does first.
func Open(cmd *exec.Cmd) (*Child, error) {
	c, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	if _, err = c.Ask(Legacy.First()); err == nil {
		_, err = io.WriteString(c.in, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n")
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// killStuck ends a server that has not answered within patience of the last request.
func (c *Child) killStuck() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waits) > 0 {
		fmt.Fprintf(os.Stderr, "mcpchild: no answer within %s, the server is killed\n", patience)
		_ = c.cmd.Process.Kill() // it may have ended
	}
}

// read reads one line and hands it on, or notes the end. The caller has filled reading.
func (c *Child) read() {
	defer func() { <-c.reading }()
	line, err := c.out.ReadBytes('\n')
	c.hand(line)
	if err == nil || c.hasEnded() {
		return
	}
	_ = c.cmd.Wait() // how it ended is in its state
	c.watch.Stop()
	close(c.ended)
}

func (c *Child) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// answer waits for an answer, and reads where nobody does. ok = it came before the end.
func (c *Child) answer(wait <-chan []byte) (line []byte, ok bool) {
	for {
		select {
		case line := <-wait:
			return line, true
		default:
		}
		if c.hasEnded() {
			return nil, false
		}
		select {
		case line := <-wait:
			return line, true
		case c.reading <- struct{}{}:
			c.read()
		}
	}
}

// hand gives an answer to the one that waits for it; nothing else is expected.
func (c *Child) hand(line []byte) {
	id := gjson.GetBytes(line, "id").Raw
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait, ok := c.waits[id]; ok {
		delete(c.waits, id)
		wait <- line
	}
}

// Raw sends one request, params without its braces, and returns the line that
// answers it.
func (c *Child) Raw(method, params string) ([]byte, error) {
	wait := make(chan []byte, 1)
	c.mu.Lock()
	c.id++
	id := strconv.Itoa(c.id)
	c.waits[id] = wait
	c.watch.Reset(patience)
	_, err := io.WriteString(c.in, `{"jsonrpc":"2.0","id":`+id+`,"method":"`+method+`","params":{`+params+"}}\n")
	c.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: the server does not read: %w", method, err)
	}
	line, ok := c.answer(wait)
	if !ok {
		return nil, fmt.Errorf("%s: the server ended: %s\n%s", method, c.cmd.ProcessState, c.stderr.String())
	}
	return line, nil
}

// Ask sends one request and returns its result; an error of the protocol is an
// error.
func (c *Child) Ask(method, params string) (gjson.Result, error) {
	line, err := c.Raw(method, params)
	if err != nil {
		return gjson.Result{}, err
	}
	result := gjson.GetBytes(line, "result")
	if !result.Exists() {
		return result, fmt.Errorf("%s: %.300s", method, line)
	}
	return result, nil
}

// Tool calls a tool and returns its structured content; a failed call is an
// error.
func (c *Child) Tool(name, arguments string) (gjson.Result, error) {
	result, err := c.Ask("tools/call", `"name":"`+name+`","arguments":`+arguments)
	if err != nil {
		return result, err
	}
	if result.Get("isError").Bool() {
		return result, fmt.Errorf("%s: %s", name, result.Get("content.0.text").Str)
	}
	return result.Get("structuredContent"), nil
}

// PID is the server's process number.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Close ends the input and waits for the server, which has to exit with 0.
func (c *Child) Close() error {
	_ = c.in.Close() // it may have ended by itself
	late := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	c.readToEnd()
	if !late.Stop() {
		return fmt.Errorf("the server did not end within %s of the end of its input", patience)
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the server ended with %s\n%s", c.cmd.ProcessState, c.stderr.String())
	}
	return nil
}

// Kill ends the server without more ado.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	c.readToEnd()
}

func (c *Child) readToEnd() {
	for !c.hasEnded() {
		c.reading <- struct{}{}
		c.read()
	}
}
