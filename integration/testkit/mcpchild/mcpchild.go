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
type Child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr bytes.Buffer // read only once ended is closed

	mu    sync.Mutex // guards what follows, and writes to in
	id    int
	waits map[string]chan []byte // by id

	ended chan struct{}
}

// Start starts the command. Nothing is said to it yet.
func Start(cmd *exec.Cmd) (*Child, error) {
	c := &Child{cmd: cmd, waits: map[string]chan []byte{}, ended: make(chan struct{})}
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
	go c.read(out)
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

func (c *Child) read(out io.Reader) {
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		c.hand(line)
		if err != nil {
			break
		}
	}
	_ = c.cmd.Wait() // how it ended is in its state
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, wait := range c.waits {
		close(wait)
		delete(c.waits, id)
	}
	close(c.ended)
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
	_, err := io.WriteString(c.in, `{"jsonrpc":"2.0","id":`+id+`,"method":"`+method+`","params":{`+params+"}}\n")
	c.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: the server does not read: %w", method, err)
	}
	select {
	case line, ok := <-wait:
		if !ok {
			<-c.ended
			return nil, fmt.Errorf("%s: the server ended: %s\n%s", method, c.cmd.ProcessState, c.stderr.String())
		}
		return line, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer within %s", method, patience)
	}
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
	select {
	case <-c.ended:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.ended
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
	<-c.ended
}
