package pages

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// browser is a headless Chromium that is spoken to over two pipes, in the
// DevTools protocol: JSON messages with a NUL after each.
type browser struct {
	out     *os.File
	said    chan message
	next    int
	session string
	console []string // warnings, errors and exceptions of the page
	loaded  bool
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// patience bounds every wait; a loaded machine is slow.
const patience = time.Minute

func newBrowser(t *testing.T) *browser {
	t.Helper()
	bin := parts.Need(t, parts.Chromium)
	if runtime.GOOS == "windows" {
		t.Skip("chromium: its pipes cannot be handed over on Windows")
	}
	read, childWrites := pipe(t)
	childReads, write := pipe(t)
	dir := t.TempDir()
	// Without the test's context: that ends before the clean-up, and kills the
	// browser when its children still write into its directory.
	cmd := exec.Command(bin, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir="+dir, "--remote-debugging-pipe", "about:blank")
	// Its crash handler and dconf write into HOME whatever the directory for data.
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	cmd.ExtraFiles = []*os.File{childReads, childWrites} // 3 and 4
	p, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	childReads.Close()
	childWrites.Close()
	b := &browser{out: write, said: make(chan message, 64)}
	go b.listen(read)
	t.Cleanup(func() { // asked to end it takes its children along
		fmt.Fprint(write, `{"id":999999,"method":"Browser.close"}`+"\x00")
		write.Close()
		select {
		case <-p.Ended():
		case <-time.After(20 * time.Second):
		}
		p.Kill()
		testkit.Eventually(t, "the browser's processes are gone", func() bool { return !process.GroupLives(p.PID()) })
	})
	var target struct{ TargetID string }
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(t, domain+".enable", nil, nil)
	}
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func (b *browser) listen(r *os.File) {
	defer close(b.said)
	defer r.Close()
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.said <- m
		}
	}
}

// call sends a command and waits for its result; what the page says meanwhile
// is kept.
func (b *browser) call(t *testing.T, method string, params, result any) {
	t.Helper()
	b.next++
	id := b.next
	body := map[string]any{"id": id, "method": method}
	if params != nil {
		body["params"] = params
	}
	if b.session != "" {
		body["sessionId"] = b.session
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.out.Write(append(text, 0)); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	m := b.await(t, method, func(m message) bool { return m.ID == id })
	if m.Error != nil {
		t.Fatalf("%s: %s", method, m.Error.Message)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	}
}

func (b *browser) await(t *testing.T, what string, found func(message) bool) message {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case m, open := <-b.said:
			if !open {
				t.Fatalf("%s: Chromium has ended", what)
			}
			b.hear(m)
			if found(m) {
				return m
			}
		case <-end:
			t.Fatalf("%s: no answer within %s", what, patience)
		}
	}
}

func (b *browser) hear(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded = true
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		b.console = append(b.console, string(m.Params))
	}
}

// show loads a file at a width, in light or dark.
func (b *browser) show(t *testing.T, file string, width int, scheme string) {
	t.Helper()
	b.console, b.loaded = nil, false
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call(t, "Page.navigate", map[string]any{"url": "file://" + filepath.ToSlash(file)}, nil)
	for !b.loaded {
		b.await(t, "load "+file, func(message) bool { return true })
	}
}

// eval runs JavaScript in the page and reads its value.
func (b *browser) eval(t *testing.T, script string, value any) {
	t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call(t, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &r)
	if len(r.ExceptionDetails) > 0 {
		t.Fatalf("%s", r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, value); err != nil {
		t.Fatalf("%v in %s", err, r.Result.Value)
	}
}

// shoot takes a picture of the whole page. It is kept in PAGES_DIR where that
// is set, for a person to look at.
func (b *browser) shoot(t *testing.T, name string) []byte {
	t.Helper()
	var shot struct{ Data string }
	b.call(t, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("PAGES_DIR"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return png
}
