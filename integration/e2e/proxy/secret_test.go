package proxy_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
)

const marker = "xyzzy-text-of-the-ticket"

// commandLines is the argument list of every process of the machine.
func commandLines(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		out, err := exec.CommandContext(t.Context(), "ps", "-axww", "-o", "args").Output()
		if err != nil {
			parts.Absent(t, "ps", err.Error())
		}
		return string(out)
	}
	lists, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lists) == 0 {
		t.Fatalf("no process list: %v", err)
	}
	var b strings.Builder
	for _, list := range lists {
		data, _ := os.ReadFile(list) // the process may have ended
		b.Write(bytes.ReplaceAll(data, []byte{0}, []byte{' '}))
		b.WriteByte('\n')
	}
	return b.String()
}

// safeBuffer may be read while a process writes to it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// leaks collects where a secret was found.
type leaks struct {
	t       *testing.T
	key     string
	checked []string
}

func (l *leaks) in(place, text string) {
	l.t.Helper()
	l.checked = append(l.checked, fmt.Sprintf("%s (%d bytes)", place, len(text)))
	if strings.Contains(text, l.key) {
		l.t.Errorf("the key is in %s", place)
	}
}

func (l *leaks) ticket(place, text string) {
	l.t.Helper()
	l.in(place, text)
	if strings.Contains(text, marker) {
		l.t.Errorf("the ticket's text is in %s", place)
	}
}

func TestKeyAndTicketAreSeenNowhere(t *testing.T) {
	s := litellmtest.Shared(t)
	l := &leaks{t: t, key: s.Proxy.Key}
	reached := func(model string) {
		testkit.Eventually(t, "the call reaches the provider", func() bool { return len(s.Provider.Asked(model)) > 0 })
	}
	sh := askShell(t, s, "LOCALMODEL_LOG=debug", "OLLAMA_HOST=127.0.0.1:9")
	sh.write(t, "T-1.md", strings.ReplaceAll(openTicket, "%s", "T-1")+"\n"+marker+"\n")

	// While a call is under way.
	s.Provider.Forget()
	s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: "late", After: time.Minute})
	var out, errOut safeBuffer
	cmd := exec.CommandContext(t.Context(), sh.bin, "ask", "--model", "cheap")
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = sh.root, sh.env, strings.NewReader(marker), &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reached(litellmtest.Haiku)
	lines := commandLines(t)
	if runtime.GOOS == "linux" && !strings.Contains(lines, sh.bin+" ask") {
		t.Fatal("the process list does not show the process that was looked for")
	}
	l.ticket("the process list", lines)
	l.crash(cmd, "ask")
	l.ticket("stdout and stderr of ask, crashed in mid-call", out.String()+errOut.String())

	// The server, crashed in mid-call.
	s.Provider.Forget()
	l.server(sh, func() { reached(litellmtest.Haiku) })

	// Errors: what the proxy says, and what the network says.
	for name, env := range map[string][]string{
		"the key is refused":    {"LITELLM_MASTER_KEY=" + s.Proxy.Key + "x"},
		"no proxy":              {"LITELLM_BASE_URL=http://127.0.0.1:9"},
		"password in the URL":   {"LITELLM_BASE_URL=http://user:" + s.Proxy.Key + "@127.0.0.1:9"},
		"key in a wrong place":  {"LITELLM_BASE_URL=" + s.Proxy.Key},
		"key that is no header": {"LITELLM_MASTER_KEY=" + s.Proxy.Key + "\n"},
	} {
		other := *sh
		other.env = append(append([]string{}, sh.env...), env...)
		for _, args := range [][]string{{"ask", "--model", "cheap"}, {"doctor"}, {"call", "check_local_health"}, {"call", "classify_ticket", `{"ticket_paths":["T-1.md"],"explain":true,"route":"cloud"}`}} {
			ctxName := name + ": " + strings.Join(args[:min(2, len(args))], " ")
			s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Status: 400, Error: "invalid_request_error: no"})
			s.Provider.Says(t, litellmtest.Sonnet, litellmtest.Said{Status: 400, Error: "invalid_request_error: no"})
			r := other.run(t, marker, args...)
			l.ticket("stdout and stderr of "+ctxName, r.out+r.errOut)
		}
	}
	l.ticket("the proxy's log", s.Proxy.Log())
	l.files(sh.root)
	t.Logf("measured: neither key nor ticket in %d places: %s", len(l.checked), strings.Join(l.checked, "; "))
}

// crash ends a process the way that makes Go print all its stacks.
func (l *leaks) crash(cmd *exec.Cmd, name string) {
	l.t.Helper()
	if runtime.GOOS == "windows" {
		_ = cmd.Process.Kill()
	} else if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		l.t.Fatal(err)
	}
	_ = cmd.Wait() // a crash is no success
	if text := fmt.Sprint(cmd.Stderr); runtime.GOOS != "windows" && !strings.Contains(text, "goroutine 1") {
		l.t.Fatalf("%s did not crash with its stacks: %s", name, text)
	}
}

func (l *leaks) server(sh *shell, reached func()) {
	l.t.Helper()
	var out, errOut safeBuffer
	cmd := exec.CommandContext(l.t.Context(), sh.bin)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = sh.root, sh.env, &out, &errOut
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"classify_ticket","arguments":{"ticket_paths":["T-1.md"],"route":"cloud"}}}`,
	} {
		if _, err := fmt.Fprintln(in, line); err != nil {
			l.t.Fatal(err)
		}
	}
	reached()
	l.ticket("the process list, with the server at work", commandLines(l.t))
	l.crash(cmd, "serve")
	l.ticket("stderr of the server, crashed in mid-call", errOut.String())
	l.in("stdout of the server", out.String())
}

// files looks at all that was written into the project.
func (l *leaks) files(root string) {
	l.t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			l.in(filepath.Base(path), string(data))
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
}
