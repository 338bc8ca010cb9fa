package proxy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
)

// askShell is a project whose tiers are those of the stack.
func askShell(t *testing.T, s *litellmtest.Stack, env ...string) *shell {
	t.Helper()
	return newShell(t, append([]string{"OLLAMA_HOST=" + s.Ollama.URL, "LOCALMODEL_NUM_CTX=8192", "LOCALMODEL_MODEL=" + litellmtest.Local,
		"LITELLM_BASE_URL=" + s.Proxy.URL, "LITELLM_MASTER_KEY=" + s.Proxy.Key}, env...)...)
}

// saysOnly makes the local model one that gives this answer and ends.
func saysOnly(t *testing.T, s *litellmtest.Stack, answer string) {
	t.Helper()
	name := "says-" + strings.ToLower(answer)
	s.Ollama.Create(t, name, tinygguf.Options{Arch: tinygguf.Qwen3, Say: []tinygguf.Text{{Text: tinygguf.Start + answer + tinygguf.End, Boost: 30}}})
	s.Ollama.Copy(t, name, litellmtest.Local)
	t.Cleanup(func() { s.Ollama.Copy(t, "steered", litellmtest.Local) })
}

// The plan's two test scripts, in native form: each against Ollama itself and
// through the proxy's group free.
func TestScriptsOfThePlan(t *testing.T) {
	s := litellmtest.Shared(t)
	const classifier = "You classify tickets. Reply with ONLY the category: BUG, FEAT, TASK"
	for _, c := range []struct {
		name, model, in string
		args            []string
	}{
		{"free tier responds", "OK", "", []string{"--model", "free", "--max-tokens", "5", "--user", "Reply with only: OK"}},
		{"classification returns the category", "FEAT", "", []string{"--model", "free", "--max-tokens", "10", "--user", `Classify: BUG, FEAT, or TASK? "Add login button". Reply with ONE word.`}},
		{"direct user message", "PONG", "", []string{"--model", "free", "--user", "Reply with only: PONG"}},
		{"stdin pipe", "OK", "Reply with only: OK\n", []string{"--model", "free"}},
		{"system and user", "FEAT", "", []string{"--model", "free", "--system", classifier, "--user", "Add dark mode support"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			saysOnly(t, s, c.model)
			s.Provider.Forget()
			for _, local := range []string{"ollama", "proxy"} {
				r := askShell(t, s, "LOCALMODEL_LOCAL="+local).run(t, c.in, append([]string{"ask"}, c.args...)...)
				if r.code != 0 || r.out != c.model+"\n" || !strings.HasPrefix(r.errOut, "free: ") || strings.Contains(r.errOut, "$") {
					t.Errorf("LOCALMODEL_LOCAL=%s: %s", local, r)
				}
				t.Logf("LOCALMODEL_LOCAL=%s: %q, %s", local, r.out, strings.TrimSpace(r.errOut))
			}
			if n := len(s.Provider.Asked("")); n != 0 {
				t.Errorf("%d paid calls", n)
			}
		})
	}
	r := raw(t, s.Proxy, s.Proxy.Key, "GET", "/v1/models", nil)
	if !strings.Contains(r.body, `"id":"free"`) {
		t.Errorf("the model list has no free: %s", r.body)
	}
}

// A real language model, if a weak one, behind the same two ways.
func TestAskARealSmallModel(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Ollama.Copy(t, s.Ollama.SmolLM(t), litellmtest.Local)
	t.Cleanup(func() { s.Ollama.Copy(t, "steered", litellmtest.Local) })
	for _, local := range []string{"ollama", "proxy"} {
		r := askShell(t, s, "LOCALMODEL_LOCAL="+local).run(t, "", "ask", "--system", "Answer briefly.", "--user", "What is the capital of France?", "--temperature", "0", "--max-tokens", "400")
		if r.code != 0 || len(strings.Fields(r.out)) < 3 { // it may say anything, but it says it in words
			t.Errorf("LOCALMODEL_LOCAL=%s: %s", local, r)
		}
	}
}

func TestAskPaidTiers(t *testing.T) {
	s := litellmtest.Shared(t)
	for tier, model := range map[string]string{"cheap": litellmtest.Haiku, "balanced": litellmtest.Sonnet} {
		s.Provider.Forget()
		s.Provider.Says(t, model, litellmtest.Said{Text: "two\nlines\n"})
		sh := askShell(t, s)
		sh.write(t, "ticket.md", "# A ticket\nwith a body")
		r := sh.run(t, "not read", "ask", "--model", tier, "--system", "Be brief.", "--file", "ticket.md", "--max-tokens", "77", "--temperature", "0.5")
		if r.code != 0 || r.out != "two\nlines\n" || !strings.HasPrefix(r.errOut, tier+": "+tier+"-") || !strings.Contains(r.errOut, "$0.000") {
			t.Errorf("%s: %s", tier, r)
		}
		asked := s.Provider.Asked(model)
		if len(asked) != 1 || asked[0].User != "# A ticket\nwith a body" || asked[0].System != "Be brief." || asked[0].MaxTokens != 77 || !strings.Contains(asked[0].Body, `"temperature":0.5`) {
			t.Errorf("%s: %+v", tier, asked)
		}
	}
}

func TestAskTellsItsFailuresApart(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Provider.Forget()
	dead := "OLLAMA_HOST=127.0.0.1:9"
	for _, c := range []struct {
		name string
		env  []string
		in   string
		args []string
		code int
		says string
	}{
		{"unknown tier", nil, "x", []string{"--model", "gold"}, 2, "free, cheap or balanced"},
		{"unknown option", nil, "x", []string{"--stream"}, 2, "-stream"},
		{"a word too many", nil, "x", []string{"hello"}, 2, `unexpected argument "hello"`},
		{"empty question", nil, " \n", nil, 2, "empty"},
		{"no such file", nil, "", []string{"--file", "nothing.md"}, 2, "nothing.md"},
		{"no tokens", nil, "x", []string{"--max-tokens", "0"}, 2, "max-tokens"},
		{"Ollama is down and nothing else is asked", []string{dead, "PATH=" + t.TempDir()}, "x", nil, 1, "localmodel setup"},
		{"the key is wrong", []string{"LITELLM_MASTER_KEY=sk-wrong"}, "x", []string{"--model", "cheap"}, 1, "export LITELLM_MASTER_KEY"},
		{"the proxy is down", []string{"LITELLM_BASE_URL=http://127.0.0.1:9"}, "x", []string{"--model", "balanced"}, 1, "litellm --config"},
		{"no paid call is allowed", []string{"LOCALMODEL_CLOUD=never"}, "x", []string{"--model", "cheap"}, 1, "LOCALMODEL_CLOUD=never"},
		{"the day's budget is spent", []string{"LOCALMODEL_CLOUD_DAILY_USD=0"}, "x", []string{"--model", "cheap"}, 3, "LOCALMODEL_CLOUD_DAILY_USD"},
	} {
		r := askShell(t, s, c.env...).run(t, c.in, append([]string{"ask"}, c.args...)...)
		if r.code != c.code || r.out != "" || !strings.Contains(r.errOut, c.says) {
			t.Errorf("%s: want exit %d and %q: %s", c.name, c.code, c.says, r)
		}
		t.Logf("%s: exit %d: %s", c.name, r.code, strings.TrimSpace(r.errOut))
	}
	if n := len(s.Provider.Asked("")); n != 0 {
		t.Errorf("%d paid calls", n)
	}
	help := askShell(t, s).run(t, "", "ask", "--help")
	for _, line := range []string{"0  answered", "1  nothing could answer", "2  usage", "3  refused by budget"} {
		if help.code != 0 || !strings.Contains(help.out, line) {
			t.Errorf("the help does not say %q: %s", line, help)
		}
	}
}

func TestAskIsInTheJournal(t *testing.T) {
	s := litellmtest.Shared(t)
	s.Provider.Says(t, litellmtest.Haiku, litellmtest.Said{Text: "OK", In: 1000, Out: 100})
	sh := askShell(t, s)
	if r := sh.run(t, "hi", "ask", "--model", "cheap"); r.code != 0 {
		t.Fatal(r)
	}
	if _, err := os.Stat(filepath.Join(sh.root, "state", "journal.db")); err != nil {
		t.Fatal(err)
	}
	if got, want := spent(t, openJournal(t, sh.root)), 0.0015; got < want*0.999 || got > want*1.001 {
		t.Errorf("$%f spent, want $%f", got, want)
	}
}
