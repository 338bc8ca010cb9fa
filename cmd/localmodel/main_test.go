package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/tools/draft/parse"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
)

// nowhere is an environment in which no model and no proxy answers.
func nowhere(t *testing.T) environment {
	t.Helper()
	return environment{"CLAUDE_PROJECT_DIR": t.TempDir(), "HOME": t.TempDir(), "OLLAMA_HOST": "127.0.0.1:1", "LITELLM_BASE_URL": "http://127.0.0.1:1", "LOCALMODEL_CLOUD": "never"}
}

// runs calls the program as a shell does.
func runs(t *testing.T, env environment, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, env.lookup, strings.NewReader(in), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args      []string
		code      int
		out, errs string // what each holds; "" = it is empty
	}{
		{[]string{"help"}, 0, "Use:", ""},
		{[]string{"-h"}, 0, "Usage:", ""},
		{[]string{"--help"}, 0, "Usage:", ""},
		{[]string{"call", "--help"}, 0, "Usage:", ""},
		{[]string{"version"}, 0, "localmodel ", ""},
		{[]string{"--version"}, 0, "localmodel ", ""},
		{[]string{"-v"}, 0, "localmodel ", ""},
		{[]string{"version", "x"}, 2, "", `unexpected argument "x"`},
		{[]string{"serve", "x"}, 2, "", `unexpected argument "x"`},
		{[]string{"--port", "80"}, 2, "", "unknown flag: --port"},
		{[]string{"sreve"}, 2, "", `no command "sreve"; did you mean serve?`},
		{[]string{"call"}, 2, "", "usage: localmodel call TOOL"},
		{[]string{"call", "a", "b", "c"}, 2, "", "usage: localmodel call TOOL"},
		{[]string{"call", "classify"}, 2, "", "check_local_health, classify_ticket, plan_ticket, record_gate_outcome"},
		{[]string{"call", "classify_ticket", "{'a'}"}, 2, "", "not valid JSON"},
		{[]string{"call", "classify_ticket", "@none.json"}, 2, "", "none.json"},
		{[]string{"call", "classify_ticket", `{"x":1}`}, 1, "", `E_ARGUMENT: unknown argument "x".`},
		{[]string{"call", "record_gate_outcome"}, 1, "", "E_ARGUMENT: missing argument ticket_id"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, errs := runs(t, nowhere(t), "", c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, s := range []struct{ name, got, want string }{{"stdout", out, c.out}, {"stderr", errs, c.errs}} {
				if s.want == "" && s.got != "" || !strings.Contains(s.got, s.want) {
					t.Errorf("%s %q, want %q", s.name, s.got, s.want)
				}
			}
		})
	}
}

const statedTicket = `{"ticket":"---\nid: BUG-1\ntype: bug\ncomplexity: low\n---\n# Fix <it>\n"}`

// The three ways to give arguments to call are one.
func TestCallTakesArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "arguments.json")
	if err := os.WriteFile(file, []byte(statedTicket), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, argument, in string }{
		{"on the command line", statedTicket, ""}, {"in a file", "@" + file, ""}, {"on stdin", "-", statedTicket},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runs(t, nowhere(t), c.in, "call", "classify_ticket", c.argument)
			if code != 0 || errs != "" {
				t.Fatalf("exit %d, stderr %q", code, errs)
			}
			if !strings.HasSuffix(out, "}\n") || strings.Count(out, "\n") != 1 || gjson.Get(out, "tickets.0.by").Str != "front_matter" {
				t.Errorf("stdout %q", out)
			}
		})
	}
}

// TestMain gives the tests a user of their own: a journal of this machine's must
// not be theirs. The parts that they run against stay where they are.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == app.ParseWord { // as the program does
		os.Exit(parse.Input(os.Args[2], os.Stdin, os.Stderr))
	}
	if len(os.Args) > 2 && os.Args[1] == app.ConfineWord {
		os.Exit(trial.RunConfined(os.Args[2:], os.Environ(), os.Stderr))
	}
	home, err := os.MkdirTemp("", "localmodel-home-")
	if err != nil {
		panic(err)
	}
	if err := testkit.SetHome(home); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(home) // a left-over in the temporary directory does no harm
	os.Exit(code)
}

// What one call records, the next one knows: it is on disk before the exit.
func TestCallRecordsBeforeItEnds(t *testing.T) {
	env := nowhere(t)
	env["LOCALMODEL_STATE_FILE"] = "on"
	code, out, errs := runs(t, env, "", "call", "record_gate_outcome", `{"ticket_id":"BUG-1","gate":"commit","outcome":"pass","route":"local"}`)
	if code != 0 || gjson.Get(out, "action").Str != "complete" {
		t.Fatalf("exit %d, stdout %s, stderr %s", code, out, errs)
	}
	state, err := os.ReadFile(filepath.Join(env["CLAUDE_PROJECT_DIR"], ".claude", "implementer-state.json"))
	if got := gjson.GetBytes(state, "stats.localModelStats.successCount").Int(); err != nil || got != 1 {
		t.Errorf("state file: successCount %d, %v", got, err)
	}
	if _, out, _ := runs(t, env, "", "call", "check_local_health"); gjson.Get(out, "stats.successCount").Int() != 1 {
		t.Errorf("health: %s", out)
	}
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}` + "\n"
const askHealth = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"check_local_health","arguments":{}}}` + "\n"

// The server serves with every setting unusable, and check_local_health names
// each of them.
func TestServeWithEveryValueBad(t *testing.T) {
	env := environment{"CLAUDE_PROJECT_DIR": t.TempDir(), "OLLAMA_NUM_PARALLEL": "many"}
	want := []string{}
	for _, s := range settingCases {
		if len(s.bad) > 0 {
			env[s.name] = s.bad[len(s.bad)-1]
			want = append(want, s.name)
		}
	}
	env["OLLAMA_HOST"], env["LITELLM_BASE_URL"] = "ftp://user:secret@127.0.0.1:1", "http://user:secret@127.0.0.1:1" // what is dialled instead is of no matter here
	code, out, errs := runs(t, env, initialize+askHealth, "serve")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var health gjson.Result
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if m := gjson.Parse(line); m.Get("id").Int() == 2 {
			health = m.Get("result.structuredContent")
		}
	}
	for _, name := range want {
		if !strings.Contains(health.Get("warnings").Raw, name) {
			t.Errorf("%s is not named by check_local_health: %s", name, health.Raw)
		}
		if !strings.Contains(errs, name) {
			t.Errorf("%s is not named in the log", name)
		}
	}
	if strings.Contains(out+errs, "secret") {
		t.Error("a password shows")
	}
}

// The end of its context, which is a signal, is exit 0 for the server.
func TestServeEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	defer feed.Close()
	out := &firstLine{seen: make(chan struct{})}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, nil, nowhere(t).lookup, in, out, io.Discard) }()
	if _, err := io.WriteString(feed, initialize); err != nil {
		t.Fatal(err)
	}
	<-out.seen
	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("exit %d, want 0", code)
		}
	case <-time.After(time.Minute):
		t.Fatal("still serving")
	}
}

// firstLine records when something was written.
type firstLine struct{ seen chan struct{} }

func (w *firstLine) Write(p []byte) (int, error) {
	select {
	case <-w.seen:
	default:
		close(w.seen)
	}
	return len(p), nil
}
