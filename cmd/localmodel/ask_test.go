package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
)

// askProxy stands in for a proxy that answers; integration/e2e/proxy asks the real
// one.
func askProxy(t *testing.T) (url string, sent *[]string) {
	t.Helper()
	sent = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		*sent = append(*sent, string(body))
		w.Header().Set("x-litellm-model-id", "haiku-1")
		w.Header().Set("x-litellm-response-cost", "0.0015")
		fmt.Fprint(w, `{"model":"cheap","choices":[{"finish_reason":"stop","message":{"content":"PONG\n"}}],"usage":{"prompt_tokens":7,"completion_tokens":2}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, sent
}

func runAsk(t *testing.T, env map[string]string, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	root := t.TempDir()
	lookup := func(name string) (string, bool) {
		switch name {
		case "CLAUDE_PROJECT_DIR", "HOME", "USERPROFILE", "LocalAppData", "AppData": // never the tester's own
			return root, true
		}
		return environment(env).lookup(name)
	}
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"ask"}, args...), lookup, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func TestAskPrintsTheAnswerAndWhoGaveIt(t *testing.T) {
	url, sent := askProxy(t)
	for _, env := range []map[string]string{{"LITELLM_BASE_URL": url}, {"LITELLM_BASE_URL": url, "LOCALMODEL_FALLBACK": ""}} {
		code, out, errOut := runAsk(t, env, "from stdin", "--model", "cheap", "--temperature", "0", "--max-tokens", "9")
		if code != 0 || out != "PONG\n" || !strings.HasPrefix(errOut, "cheap: haiku-1 answered in ") || !strings.Contains(errOut, "7 tokens in, 2 out, $0.001500") {
			t.Errorf("exit %d, %q, %q", code, out, errOut)
		}
	}
	last := gjson.Parse((*sent)[len(*sent)-1])
	if last.Get("messages.0.content").Str != "from stdin" || last.Get("max_tokens").Int() != 9 || last.Get("temperature").Float() > 0.001 || last.Get("metadata.tags.0").Str != "gate:ask" {
		t.Errorf("sent %s", last)
	}
}

func TestAskExitCodes(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // without Ollama's program
	url, sent := askProxy(t)
	for _, c := range []struct {
		env  map[string]string
		in   string
		args []string
		code int
		says string
	}{
		{nil, "x", []string{"--model", "gold"}, 2, "free, cheap or balanced"},
		{nil, "", nil, 2, "empty"},
		{nil, "x", []string{"--temperature", "3"}, 2, "--temperature"},
		{nil, "x", []string{"--temperature", "NaN"}, 2, "--temperature"},
		{map[string]string{"OLLAMA_HOST": "127.0.0.1:9"}, "x", nil, 1, "free did not answer: Ollama is not reachable"},
		{map[string]string{"OLLAMA_HOST": "127.0.0.1:9"}, "x", nil, 1, " setup"},
		{map[string]string{"LITELLM_BASE_URL": "http://127.0.0.1:9"}, "x", []string{"--model", "cheap"}, 1, "litellm --config"},
		{map[string]string{"LITELLM_BASE_URL": url, "LOCALMODEL_CLOUD": "never"}, "x", []string{"--model", "cheap"}, 1, "LOCALMODEL_CLOUD=never"},
		{map[string]string{"LITELLM_BASE_URL": "http://proxy.example", "LOCALMODEL_CLOUD": "never", "LOCALMODEL_LOCAL": "proxy"}, "x", nil, 1, "not on this machine"},
		{map[string]string{"LITELLM_BASE_URL": url, "LOCALMODEL_CLOUD_DAILY_USD": "0.00001"}, "x", []string{"--model", "cheap"}, 3, "LOCALMODEL_CLOUD_DAILY_USD"},
	} {
		code, out, errOut := runAsk(t, c.env, c.in, c.args...)
		if code != c.code || out != "" || !strings.Contains(errOut, c.says) {
			t.Errorf("%v %v: exit %d (want %d), %q, %q", c.env, c.args, code, c.code, out, errOut)
		}
	}
	if len(*sent) != 0 {
		t.Errorf("%d calls reached the proxy", len(*sent))
	}
	if code, out, _ := runAsk(t, nil, "", "--help"); code != 0 || !strings.Contains(out, "0  answered") {
		t.Errorf("help: exit %d, %q", code, out)
	}
}

func TestBadValueThatMayBeSecretIsNotEchoed(t *testing.T) {
	for _, name := range []string{"LITELLM_BASE_URL", "LOCALMODEL_FALLBACK", "LOCALMODEL_GUARD", "LOCALMODEL_STATE"} {
		for _, value := range []string{"sk-1234567890", "ftp://user:password@host", "host=h password=x", "postgres:app:x", "ftp://u:p@x?y"} {
			c := app.Load(app.Env{Lookup: func(asked string) (string, bool) {
				if asked == name {
					return value, true
				}
				return "", false
			}})
			if text := strings.Join(c.Problems, "\n"); !strings.Contains(text, name) || strings.Contains(text, value) {
				t.Errorf("problems: %s", text)
			}
		}
	}
}

// What a person asks a paid tier has its secrets masked, and stderr says so;
// the same for the tools, through the real router.
func TestSecretsStayOnThisMachine(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		sent.Write(body)
		fmt.Fprint(w, `{"model":"cheap","choices":[{"finish_reason":"stop","message":{"content":"{}"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}`)
	}))
	t.Cleanup(s.Close)
	const password, value = "hunter2hunter2", "ENVIRONMENT-VALUE"
	root := t.TempDir()
	for name, text := range map[string]string{"a.go": "package a\n\nconst password = \"" + password + "\"\n", ".env": "A=" + value + "\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ticket := `---\nid: T-1\ntype: bug\ncomplexity: low\naffected_files: [a.go, .env]\n---\n# Log in\n\nAuthorization: Bearer ` + password + `\n`
	env := map[string]string{"CLAUDE_PROJECT_DIR": root, "LITELLM_BASE_URL": s.URL, "HOME": root, "XDG_STATE_HOME": root, "XDG_CONFIG_HOME": root}
	for _, c := range [][]string{
		{"ask", "--model", "cheap", "--system", "password=" + password, "--user", "Why is DB_PASSWORD=" + password + " refused?"},
		{"call", "plan_ticket", `{"route":"cloud","ticket":"` + ticket + `"}`},
	} {
		sent.Reset()
		var out, errOut bytes.Buffer
		run(t.Context(), c, environment(env).lookup, strings.NewReader(""), &out, &errOut)
		if got := sent.String(); strings.Contains(got, password) || strings.Contains(got, value) || !strings.Contains(got, "[secret-") {
			t.Errorf("%s sent %s", c[0], got)
		}
		if said := out.String() + errOut.String(); !strings.Contains(said, "secrets masked") {
			t.Errorf("%s says nothing of it: %s", c[0], said)
		}
	}
}

// A cost that the proxy does not name is estimated, and the result says so.
func TestEstimatedCostIsSaid(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := `{\"category\":\"BUG\",\"complexity\":\"low\"}`
		if body, err := io.ReadAll(r.Body); err != nil || strings.Contains(string(body), `"files"`) {
			text = `{\"files\":{\"a.go\":{\"action\":\"create\",\"where\":\"\",\"what\":\"Check for a nil basket before summing prices.\",\"approach\":\"\"}},\"tests\":[],\"risk\":\"\"}`
		}
		w.Header().Set("x-litellm-model-id", "haiku-5-5")
		fmt.Fprintf(w, `{"model":"cheap","choices":[{"finish_reason":"stop","message":{"content":"%s"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100}}`, text)
	}))
	t.Cleanup(s.Close)
	const ticket = `---\nid: T-1\ntitle: Crash\n---\n\n## Affected Files\n| File | Action | Description |\n|---|---|---|\n| a.go | create | x |\n`
	for _, tool := range []string{"classify_ticket", "plan_ticket"} {
		root := t.TempDir()
		env := map[string]string{"CLAUDE_PROJECT_DIR": root, "LITELLM_BASE_URL": s.URL}
		var out, errOut bytes.Buffer
		code := run(t.Context(), []string{"call", tool, `{"route":"cloud","ticket":"` + ticket + `"}`},
			environment(env).lookup, strings.NewReader(""), &out, &errOut)
		if warnings := gjson.GetBytes(out.Bytes(), "warnings").Raw; code != 0 || !strings.Contains(warnings, "cost_usd is an estimate") {
			t.Errorf("%s: exit %d: %s%s", tool, code, out.String(), errOut.String())
		}
	}
}
