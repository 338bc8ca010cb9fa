package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// askProxy stands in for a proxy that answers; integration/proxy asks the real
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
		if name == "CLAUDE_PROJECT_DIR" {
			return root, true
		}
		v, ok := env[name]
		return v, ok
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
	if code, out, _ := runAsk(t, nil, "", "--help"); code != 0 || out != askHelp {
		t.Errorf("help: exit %d, %q", code, out)
	}
}

func TestBadValueThatMayBeSecretIsNotEchoed(t *testing.T) {
	for _, name := range []string{"LITELLM_BASE_URL", "LOCALMODEL_FALLBACK", "LOCALMODEL_GUARD"} {
		for _, value := range []string{"sk-1234567890", "ftp://user:password@host"} {
			c := loadConfig(func(asked string) (string, bool) {
				if asked == name {
					return value, true
				}
				return "", false
			})
			if text := strings.Join(c.problems, "\n"); !strings.Contains(text, name) || strings.Contains(text, value) {
				t.Errorf("problems: %s", text)
			}
		}
	}
}

// A cost that the proxy does not name is estimated, and the result says so.
func TestEstimatedCostIsSaid(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := `{\"category\":\"BUG\",\"complexity\":\"low\"}`
		if body, err := io.ReadAll(r.Body); err != nil || strings.Contains(string(body), `"steps"`) {
			text = `{\"steps\":[{\"file\":\"a.go\",\"action\":\"create\",\"what\":\"x\",\"criteria\":[]}],\"tests\":[]}`
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
			func(name string) (string, bool) { v, ok := env[name]; return v, ok }, strings.NewReader(""), &out, &errOut)
		if warnings := gjson.GetBytes(out.Bytes(), "warnings").Raw; code != 0 || !strings.Contains(warnings, "cost_usd is an estimate") {
			t.Errorf("%s: exit %d: %s%s", tool, code, out.String(), errOut.String())
		}
	}
}
