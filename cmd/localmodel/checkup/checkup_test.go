package checkup

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// healthy is a machine on which all works.
func healthy() Facts {
	return Facts{
		Health: routing.Health{
			Ollama: routing.Check{OK: true, URL: "http://127.0.0.1:11434", Version: "0.24.0", Model: "qwen3-coder:30b",
				Present: true, Loaded: true, ContextLength: 32768},
			Proxy: routing.Check{OK: true, Used: true, URL: "http://127.0.0.1:8000", Version: "1.80.0"},
		},
		Model: routing.ModelInfo{Listed: routing.Listed{Bytes: 18e9, ContextBytes: 3.2e9, MaxContext: 262144, Parameters: "30.5B"},
			Quantization: "Q4_K_M", LoadedBytes: 21.2e9, GPUBytes: 21.2e9},
		Config: &app.Config{Set: &settings.Set{}, Local: "ollama", Ollama: "http://127.0.0.1:11434", NumCtx: 32768, Cloud: true, DailyUSD: 5,
			Fallback: []policy.Tier{policy.Cheap, policy.Balanced}, State: ".claude/localmodel/journal.db", StateFile: true, Guard: policy.Adaptive},
		Memory: 64e9, Installed: "/usr/bin/ollama", SpentUSD: 0.12, StateFile: true,
		Stats:   projection.Stats{TotalAttempts: 5, SuccessCount: 4, EscalatedToCloud: 1},
		Guard:   []GuardClass{{Class: "low", Words: "guard closed: 1.0 of 5.0 failed"}},
		Clients: []clients.Found{{Title: "Claude Code", Path: ".mcp.json"}},
		Settings: []settings.Value{{Name: "LOCALMODEL_MODEL", Value: "qwen3-coder:30b", From: "default"},
			{Name: "LITELLM_MASTER_KEY", Value: "set", From: "environment"}},
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Facts)
		exit   int
		status Status
		says   string // of the first check that is not ok
		fix    string
	}{
		{"down, installed", func(f *Facts) { f.Health.Ollama = routing.Check{Error: "refused", Fix: startOllama} }, 1, Less, "refused", "localmodel doctor --fix"},
		{"down, not installed", func(f *Facts) {
			f.Health.Ollama, f.Installed = routing.Check{Error: "refused", Fix: startOllama, Model: "m"}, ""
		}, 1, Less, "not installed", "localmodel setup, which fetches a model that fits this machine"},
		{"down elsewhere", func(f *Facts) {
			f.Health.Ollama, f.Config.Ollama = routing.Check{Error: "refused", Fix: "start Ollama on box"}, "http://box:11434"
		}, 1, Less, "refused", "start Ollama on box"},
		{"asks for a key", func(f *Facts) {
			f.Health.Ollama = routing.Check{Error: "answers 401", Fix: "export OLLAMA_API_KEY=<the key>"}
		}, 1, Less, "401", "export OLLAMA_API_KEY=<the key>"},
		{"remote and refused", func(f *Facts) {
			f.Health.Ollama = routing.Check{Remote: "the model runs on ollama.com", Refused: true, Error: "not asked: the model runs on ollama.com (LOCALMODEL_CLOUD=never)", Fix: "set LOCALMODEL_MODEL"}
			f.Health.Proxy.Used = false
		}, 1, Less, "not asked: the model runs on ollama.com", "set LOCALMODEL_MODEL"},
		{"remote and asked", func(f *Facts) {
			f.Health.Ollama.Remote, f.Health.Proxy.Used = "box is not on this machine", false
		}, 0, Advice, "is remote: box is not on this machine", "to keep them here: export LOCALMODEL_CLOUD=never"},
		{"too old", func(f *Facts) { f.Health.Ollama.Version = "0.9.6" }, 0, Advice, "older than 0.17.4", "install a newer Ollama from https://ollama.com/download"},
		{"model missing", func(f *Facts) {
			f.Health.Ollama.Present, f.Health.Ollama.Error, f.Health.Ollama.Fix = false, "model m is not there", "ollama pull m"
		}, 1, Less, "not there", "or yourself: ollama pull m"},
		{"loaded with another window", func(f *Facts) { f.Health.Ollama.ContextLength = 4096 }, 0, Advice, "4096", "to share the loaded one: export LOCALMODEL_NUM_CTX=4096"},
		{"window too large", func(f *Facts) { f.Model.MaxContext = 8192 }, 0, Advice, "made for 8192", "export LOCALMODEL_NUM_CTX=8192"},
		{"does not fit", func(f *Facts) { f.Health.Ollama.Loaded, f.Model.LoadedBytes, f.Memory = false, 0, 16e9 }, 1, Less,
			"about 21.2 GB (18.0 GB weights, 3.2 GB for 32768 tokens of context), this machine has 16.0 GB", "or export LOCALMODEL_NUM_CTX=8192"},
		{"proxy down", func(f *Facts) {
			f.Health.Proxy = routing.Check{Used: true, Error: "not reachable", Fix: "litellm"}
		}, 1, Less, "not reachable", "or go without: export LOCALMODEL_FALLBACK=none"},
		{"proxy down, not installed", func(f *Facts) {
			f.Health.Proxy, f.Config.Proxy = routing.Check{Used: true, Error: "not reachable", Fix: "cd there && litellm --config c"}, "http://127.0.0.1:8000"
		}, 1, Less, "not reachable", "python3 -m pip install --no-deps --require-hashes -r requirements.txt"},
		{"proxy down elsewhere", func(f *Facts) {
			f.Health.Proxy = routing.Check{Used: true, Error: "not reachable", Fix: "cd there && litellm --config c"}
		}, 1, Less, "not reachable", "start LiteLLM on that host"},
		{"proxy refuses the key", func(f *Facts) {
			f.Health.Proxy = routing.Check{Used: true, Error: "401", Fix: "export LITELLM_MASTER_KEY=<k>"}
		}, 1, Less, "401", "export LITELLM_MASTER_KEY=<k>"},
		{"default key", func(f *Facts) { f.Config.ProxyKey = settings.DefaultKey }, 0, Advice, "default key", ""},
		{"budget spent", func(f *Facts) { f.SpentUSD = 5 }, 1, Less, "closed until midnight UTC", ""},
		{"no journal", func(f *Facts) { f.JournalErr = errors.New("disk is full") }, 2, Fail, "nothing can be recorded: disk is full", ""},
		{"journal's server away", func(f *Facts) { f.JournalErr = fmt.Errorf("no answer: %w", sqldb.ErrLost) }, 1, Less, "outcomes are kept until its server is back: no answer", ""},
		{"state file damaged", func(f *Facts) { f.Warnings = []string{"x is not valid JSON"} }, 1, Less, "not valid JSON", ""},
		{"state file repaired", func(f *Facts) {
			f.Warnings = []string{"another program had changed it; it was repaired from the journal"}
		}, 0, Advice, "repaired", ""},
		{"guard open", func(f *Facts) { f.Guard[0] = GuardClass{"low", true, "open for low: 3.0 of 3.0 failed"} }, 1, Less, "3.0 of 3.0 failed", ""},
		{"bad setting", func(f *Facts) { f.Config.Problems = []string{"LOCALMODEL_SLOTS=x is not a number"} }, 2, Fail, "LOCALMODEL_SLOTS", ""},
		{"client not readable", func(f *Facts) { f.Clients[0].Err = errors.New("line 3") }, 0, Advice, "cannot be read: line 3", ""},
		{"no client", func(f *Facts) { f.Clients = nil }, 0, Advice, "no client", "localmodel install claude-code"},
	} {
		f := healthy()
		c.change(&f)
		r := Judge(f)
		i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Status != OK })
		if i < 0 {
			t.Errorf("%s: all is ok", c.name)
			continue
		}
		got := r.Checks[i]
		if r.Exit != c.exit || got.Status != c.status || !strings.Contains(got.Text, c.says) || (c.fix != "" && !slices.Contains(got.Fixes, c.fix)) {
			t.Errorf("%s: exit %d, %+v", c.name, r.Exit, got)
		}
	}
}

func TestAllWorks(t *testing.T) {
	for name, change := range map[string]func(*Facts){
		"as it is": func(*Facts) {},
		"cold":     func(f *Facts) { f.Health.Ollama.Loaded, f.Model.LoadedBytes = false, 0 },
		"no proxy": func(f *Facts) { f.Health.Proxy = routing.Check{} },
		"a fleet":  func(f *Facts) { f.Health.Ollama, f.Config.Local = routing.Check{}, "proxy" },
		"a plain server": func(f *Facts) {
			f.Health.Ollama, f.Config.Local = routing.Check{OK: true, Present: true, Model: "m", ContextLength: 4096}, "openai"
		},
	} {
		f := healthy()
		change(&f)
		if r := Judge(f); r.Exit != 0 || slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status != OK }) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A plain server has no program of Ollama's to install and no model to pull.
func TestPlainServer(t *testing.T) {
	for name, c := range map[string]struct {
		local  routing.Check
		status Status
		says   string
		fix    string
	}{
		"down":            {routing.Check{Error: "the local server is not reachable", Fix: "start it"}, Less, "not reachable", "start it"},
		"another model":   {routing.Check{Models: []string{"x"}, Error: "it has x", Fix: "export LOCALMODEL_MODEL=x"}, Less, "it has x", "export LOCALMODEL_MODEL=x"},
		"no window known": {routing.Check{OK: true, Present: true, Model: "m", Note: "may be cut unseen"}, Advice, "may be cut unseen", ""},
	} {
		f := healthy()
		f.Health.Ollama, f.Config.Local = c.local, "openai"
		got := f.ollama()
		if len(got) != 1 || got[0].Status != c.status || !strings.Contains(got[0].Text, c.says) || strings.Join(got[0].Fixes, " ") != c.fix {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPrintIsPlainAndNarrow(t *testing.T) {
	f := healthy()
	f.Health.Proxy = routing.Check{Used: true, Error: strings.Repeat("a long reason ", 20), Fix: "litellm"}
	var out bytes.Buffer
	Judge(f).Print(&out, false, false)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > term.DefaultWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, want := range []string{"✓ Ollama", "! proxy", "  → litellm\n", "LITELLM_MASTER_KEY  set (environment)", "1 more at their defaults", "(exit 1)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colour where none is wanted")
	}
	out.Reset()
	Judge(f).Print(&out, true, true)
	if !strings.Contains(out.String(), "\x1b[33m!\x1b[0m proxy") || !strings.Contains(out.String(), "LOCALMODEL_MODEL    qwen3-coder:30b (default)") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	for i := range f.Settings {
		f.Settings[i].From = "default"
	}
	Judge(f).Print(&out, false, false)
	if want := fmt.Sprintf("  all %d settings are at their defaults", len(f.Settings)); !strings.Contains(out.String(), want) {
		t.Errorf("%q is not in\n%s", want, out.String())
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"0.9.6", "0.17.4", true}, {"0.17.4", "0.17.4", false}, {"0.17.4-rc1", "0.17.4", false}, {"0.33.0", "0.33.99", true}, {"1", "0.99", false}, {"v0.2", "0.10", true}} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("%s older than %s: %v", c.a, c.b, got)
		}
	}
}

// Nothing is said to stay on this machine that does not.
func TestNothingLeaves_IsSaidOnlyWhereItHolds(t *testing.T) {
	const box = "box is not on this machine"
	for local, want := range map[*routing.Check]bool{
		{OK: true, Version: "0.24.0", Present: true}:             true,
		{Remote: box, Refused: true, Error: "not asked: " + box}: true,
		{Remote: box, OK: true}:                                  false,
		{Remote: box, Error: "connection refused"}:               false,
	} {
		f := healthy()
		f.Health.Ollama, f.Health.Proxy.Used = *local, false
		var out bytes.Buffer
		Judge(f).Print(&out, false, false)
		if got := strings.Contains(out.String(), "nothing leaves this machine"); got != want {
			t.Errorf("%+v: said %t\n%s", *local, got, out.String())
		}
	}
}
