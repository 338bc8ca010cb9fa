package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ollama/ollama/envconfig"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/routing/policy"
)

type environment map[string]string

// lookup gives the variables, and the home of TestMain: without one the
// system's own record of the user names the real one.
func (e environment) lookup(name string) (string, bool) {
	v, ok := e[name]
	if !ok && (name == "HOME" || name == "USERPROFILE" || name == "LocalAppData") {
		return os.LookupEnv(name)
	}
	return v, ok
}

// configOf reads a configuration in a project of its own, whose settings file
// holds file ("" = there is none).
func configOf(t *testing.T, file string, env environment) *app.Config {
	t.Helper()
	root := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(root, "backlog.config.json"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env = maps.Clone(env)
	if env == nil {
		env = environment{}
	}
	if _, set := env["CLAUDE_PROJECT_DIR"]; !set {
		env["CLAUDE_PROJECT_DIR"] = root
	}
	if _, set := env["HOME"]; !set {
		env["HOME"], env["USERPROFILE"] = filepath.Join(root, "home"), filepath.Join(root, "home")
	}
	return app.Load(app.Env{Lookup: env.lookup})
}

// settingCases has a row for every variable of the contract but
// CLAUDE_PROJECT_DIR.
var settingCases = []struct {
	name  string
	value func(c *app.Config) any
	unset any
	good  map[string]any // what the variable says, and what is made of it
	bad   []string
}{
	{"OLLAMA_HOST", func(c *app.Config) any { return c.Ollama }, "http://127.0.0.1:11434",
		map[string]any{"10.0.0.7": "http://10.0.0.7:11434", "https://box/ollama/": "https://box:443/ollama"}, []string{"ftp://x", "a b", "user:secret@box:1"}},
	{"LOCALMODEL_MODEL", func(c *app.Config) any { return c.Model }, "qwen3-coder:30b", map[string]any{"llama3.2:1b": "llama3.2:1b"}, nil},
	{"LOCALMODEL_LOCAL", func(c *app.Config) any { return c.Local }, "ollama", map[string]any{"proxy": "proxy", "Proxy": "proxy"}, []string{"vllm", "openai"}},
	{"LOCALMODEL_NUM_CTX", func(c *app.Config) any { return c.NumCtx }, 32768, map[string]any{"8192": 8192}, []string{"8k", "0", "-1", "1e4", "511", "99999999999999999999"}},
	{"LOCALMODEL_KEEP_ALIVE", func(c *app.Config) any { return c.KeepAlive }, settings.KeepAlive{For: 30 * time.Minute},
		map[string]any{"1h": settings.KeepAlive{For: time.Hour}, "90": settings.KeepAlive{For: 90 * time.Second}, "0": settings.KeepAlive{},
			"-1": settings.KeepAlive{For: -time.Second}, "-5m": settings.KeepAlive{For: -time.Second}, "Server": settings.KeepAlive{Server: true}},
		[]string{"long", "1e300", "NaN", "Inf"}},
	{"LOCALMODEL_PRELOAD", func(c *app.Config) any { return c.Preload }, false, map[string]any{"1": true, "0": false, "true": true}, []string{"2", "maybe"}},
	{"LOCALMODEL_SLOTS", func(c *app.Config) any { return c.Slots }, 1, map[string]any{"4": 4}, []string{"0", "many", "1025"}},
	{"LOCALMODEL_DEADLINE", func(c *app.Config) any { return c.Deadline }, 55 * time.Second, map[string]any{"110s": 110 * time.Second}, []string{"0s", "soon", "Inf"}},
	{"LOCALMODEL_CONNECT_TIMEOUT", func(c *app.Config) any { return c.ConnectTimeout }, 2 * time.Second, map[string]any{"500ms": 500 * time.Millisecond}, []string{"-1"}},
	{"LOCALMODEL_LOAD_TIMEOUT", func(c *app.Config) any { return c.LoadTimeout }, 10 * time.Minute, map[string]any{"30m": 30 * time.Minute}, []string{"x"}},
	{"LOCALMODEL_FIRST_TOKEN_TIMEOUT", func(c *app.Config) any { return c.FirstTokenTimeout }, 40 * time.Second, map[string]any{"1m": time.Minute}, []string{"x"}},
	{"LOCALMODEL_TOKEN_TIMEOUT", func(c *app.Config) any { return c.TokenTimeout }, 10 * time.Second, map[string]any{"2.5": 2500 * time.Millisecond}, []string{"x"}},
	{"LOCALMODEL_MIN_CONFIDENCE", func(c *app.Config) any { return c.MinConfidence }, 0.60, map[string]any{"0": 0.0, "1": 1.0, ".75": 0.75}, []string{"60", "-0.1", "NaN", "high"}},
	{"LITELLM_BASE_URL", func(c *app.Config) any { return c.Proxy }, "http://127.0.0.1:8000",
		map[string]any{"https://llm.example.com/v2/": "https://llm.example.com/v2", "http://h:1/v1/": "http://h:1", "http://h:1/v1": "http://h:1"},
		[]string{"llm.example.com", "ftp://x", "http://", "http://user:secret@x", "://", "http://x?key=secret", "http://x/\u202e"}},
	{"LITELLM_MASTER_KEY", func(c *app.Config) any { return c.ProxyKey }, "sk-litellm-changeme", map[string]any{"sk-1": "sk-1"}, nil},
	{"LOCALMODEL_FALLBACK", func(c *app.Config) any { return fmt.Sprint(c.Fallback) }, "[cheap balanced]",
		map[string]any{"balanced": "[balanced]", " Balanced , cheap": "[balanced cheap]", "cheap,cheap": "[cheap]", "": "[]", "  ": "[]"}, nil},
	{"LOCALMODEL_CLOUD", func(c *app.Config) any { return c.Cloud }, true, map[string]any{"never": false, "NEVER": false, "off": false, "0": false, "allow": true, "yes": true}, nil},
	{"LOCALMODEL_CLOUD_DAILY_USD", func(c *app.Config) any { return c.DailyUSD }, 5.0, map[string]any{"0": 0.0, "12.5": 12.5}, []string{"-1", "$5", "Inf"}},
	{"LOCALMODEL_GUARD", func(c *app.Config) any { return c.Guard }, policy.Adaptive,
		map[string]any{"fixed": policy.Fixed, "always": policy.Always, "never": policy.Never}, []string{"strict"}},
	{"LOCALMODEL_STATE", func(c *app.Config) any { return strings.Replace(c.State, c.Dirs.State, "STATE", 1) }, filepath.Join("STATE", "journal.db"),
		map[string]any{"/tmp/j.db": "/tmp/j.db", "postgres://u:p@h/db": "postgres://u:p@h/db"}, []string{"journal.db", ".claude/localmodel/journal.db"}},
	{"OLLAMA_API_KEY", func(c *app.Config) any { return c.OllamaKey }, "", map[string]any{"k": "k"}, nil},
	{"LOCALMODEL_LOCAL_URL", func(c *app.Config) any { return c.LocalURL }, "", map[string]any{"http://127.0.0.1:1234/v1": "http://127.0.0.1:1234"}, []string{"lmstudio"}},
	{"LOCALMODEL_LOCAL_KEY", func(c *app.Config) any { return c.LocalKey }, "", map[string]any{"k": "k"}, nil},
	{"LOCALMODEL_LOCAL_REMOTE", func(c *app.Config) any { return c.LocalRemote }, false, map[string]any{"allow": true, "deny": false}, []string{"yes"}},
	{"LOCALMODEL_DRAFT_TEMPERATURE", func(c *app.Config) any { return c.DraftTemperature }, 0.0, map[string]any{"0.7": 0.7, "2": 2.0},
		[]string{"0", "-1", "hot", "3", "NaN"}},
	{"LOCALMODEL_DRAFT", func(c *app.Config) any { return c.Draft }, false, map[string]any{"on": true, "off": false}, []string{"maybe"}},
	{"LOCALMODEL_HINT", func(c *app.Config) any { return c.Hint }, false, map[string]any{"on": true, "off": false}, []string{"maybe"}},
	{"LOCALMODEL_PROJECT", func(c *app.Config) any { return c.ProjectName }, "", map[string]any{"team/app": "team/app"}, []string{"a\u202eb", strings.Repeat("x", 201)}},
	{"LOCALMODEL_STATE_FILE", func(c *app.Config) any { return c.StateFile }, false, map[string]any{"on": true, "off": false, "auto": false}, []string{"1"}},
	{"LOCALMODEL_LOG", func(c *app.Config) any { return c.LogLevel }, slog.LevelWarn,
		map[string]any{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "error": slog.LevelError}, []string{"verbose"}},
}

func TestSettings(t *testing.T) {
	for _, s := range settingCases {
		t.Run(s.name, func(t *testing.T) {
			check := func(what string, env environment, want any, source string, problems int) *app.Config {
				t.Helper()
				c := configOf(t, "", env)
				if got := s.value(c); got != want {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
				if len(c.Problems) != problems {
					t.Errorf("%s: problems %q, want %d", what, c.Problems, problems)
				}
				if got := c.Value(s.name).From; got != source {
					t.Errorf("%s: source %q, want %q", what, got, source)
				}
				return c
			}
			check("not set", environment{}, s.unset, "default", 0)
			if s.name != "LOCALMODEL_FALLBACK" {
				check("set but empty", environment{s.name: ""}, s.unset, "default", 0)
				check("blank", environment{s.name: "  "}, s.unset, "default", 0)
			}
			c := check("placeholder", environment{s.name: "${" + s.name + "}"}, s.unset, "default", 1)
			if !strings.Contains(c.Problems[0], s.name) || !strings.Contains(c.Problems[0], "placeholder") {
				t.Errorf("placeholder: problem %q", c.Problems[0])
			}
			for value, want := range s.good {
				check(value, environment{s.name: value}, want, "environment", 0)
			}
			for _, value := range s.bad {
				c := check(value, environment{s.name: value}, s.unset, "default", 1)
				if len(c.Problems) == 1 && (!strings.HasPrefix(c.Problems[0], s.name+"=") || strings.Contains(c.Problems[0], "secret")) {
					t.Errorf("%s: problem %q", value, c.Problems[0])
				}
			}
		})
	}
}

// The server starts, whatever the environment says, and names every variable
// that it could not use.
func TestEveryValueBad(t *testing.T) {
	env := environment{"CLAUDE_PROJECT_DIR": "/no/such/directory", "LOCALMODEL_FALLBACK": "gpt-9"}
	bad := []string{"CLAUDE_PROJECT_DIR", "LOCALMODEL_FALLBACK"}
	for _, s := range settingCases {
		if len(s.bad) > 0 {
			env[s.name] = s.bad[0]
			bad = append(bad, s.name)
		}
	}
	c := app.Load(app.Env{Lookup: env.lookup})
	all := strings.Join(c.Problems, "\n")
	for _, name := range bad {
		if !strings.Contains(all, name) {
			t.Errorf("%s is not named in\n%s", name, all)
		}
	}
	for _, s := range settingCases {
		if s.name != "LOCALMODEL_FALLBACK" && s.value(c) != s.unset {
			t.Errorf("%s: %v, want the default %v", s.name, s.value(c), s.unset)
		}
	}
	if len(c.Fallback) != 0 {
		t.Errorf("fallback %v: a tier that is not known is left out, and none is put in its place", c.Fallback)
	}
}

// OLLAMA_HOST means what it means to Ollama's own client.
func TestOllamaHostAsOllamaReadsIt(t *testing.T) {
	for _, v := range []string{
		"", "127.0.0.1", "127.0.0.1:8080", "localhost", "example.com:5000", ":9000", ":", "0.0.0.0", "0.0.0.0:1", "[::]", "[::]:7", "::1", "[::1]", "[::1]:5", "::",
		"http://box", "https://box", "http://box:81", "https://box:4443", "http://:80", "https://10.1.1.1/some/path", "http://box/p/",
		"box:99999", "box:x", "box:", "https://box:", `"box:5"`, "'box'", "  box  ", "0:0:0:0:0:0:0:0", "fe80::1",
	} {
		t.Run(v, func(t *testing.T) {
			t.Setenv("OLLAMA_HOST", v)
			want := strings.TrimSuffix(envconfig.ConnectableHost().String(), "/")
			want = strings.Replace(want, "//:", "//127.0.0.1:", 1) // an address of no host is this machine
			if got := configOf(t, "", environment{"OLLAMA_HOST": v}).Ollama; got != want {
				t.Errorf("%s, Ollama says %s", got, want)
			}
		})
	}
}

func TestSlotsFollowOllama(t *testing.T) {
	for _, c := range []struct {
		ours, ollamas string
		want          int
		problems      int
	}{
		{"", "", 1, 0}, {"", "4", 4, 0}, {"2", "4", 2, 0}, {"", "0", 1, 0}, {"", "x", 1, 1}, {"x", "4", 1, 1}, {"", "${OLLAMA_NUM_PARALLEL}", 1, 1},
	} {
		got := configOf(t, "", environment{"LOCALMODEL_SLOTS": c.ours, "OLLAMA_NUM_PARALLEL": c.ollamas})
		if got.Slots != c.want || len(got.Problems) != c.problems {
			t.Errorf("%q, %q: %d slots, problems %q; want %d, %d problems", c.ours, c.ollamas, got.Slots, got.Problems, c.want, c.problems)
		}
	}
}

// A server without an address cannot be asked, nor called remote.
func TestLocal_OpenAINeedsAnAddress(t *testing.T) {
	for address, want := range map[string]string{"": "ollama", "lmstudio": "ollama", "http://127.0.0.1:1234": "openai"} {
		c := configOf(t, "", environment{"LOCALMODEL_LOCAL": "openai", "LOCALMODEL_LOCAL_URL": address})
		said := strings.Contains(strings.Join(c.Problems, "\n"), `LOCALMODEL_LOCAL="openai" needs the server's address in LOCALMODEL_LOCAL_URL`)
		if c.Local != want || said != (want == "ollama") || strings.Contains(strings.Join(c.Problems, "\n"), "default  ") {
			t.Errorf("address %q: local %s, problems %q; want %s", address, c.Local, c.Problems, want)
		}
	}
}

// A word that is not known closes the paid tiers: whoever set it did not mean
// the default.
func TestUnknownCloudIsClosed(t *testing.T) {
	c := configOf(t, "", environment{"LOCALMODEL_CLOUD": "nope"})
	if c.Cloud || len(c.Problems) != 1 || !strings.Contains(c.Problems[0], "; never is used") {
		t.Errorf("cloud %v, problems %q", c.Cloud, c.Problems)
	}
}

// The user's config.toml comes between the environment and the default.
func TestConfigFile(t *testing.T) {
	load := func(content string, env environment) *app.Config {
		t.Helper()
		home := t.TempDir()
		if env == nil {
			env = environment{}
		}
		env["HOME"], env["XDG_CONFIG_HOME"], env["AppData"] = home, filepath.Join(home, "c"), filepath.Join(home, "c")
		c := configOf(t, "", env)
		if err := os.MkdirAll(c.Dirs.Config, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.ConfigFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return configOf(t, "", env)
	}
	const file = `model = "qwen3:8b"
num_ctx = 8192
min_confidence = 0.5
preload = true
cloud = "never"
fallback = ["balanced"]
keep_alive = "server"
ollama_host = "box"
litellm_base_url = "http://proxy:1"
litellm_master_key = "sk-file"
`
	c := load(file, environment{"LOCALMODEL_NUM_CTX": "4096"})
	if len(c.Problems) != 0 || c.Model != "qwen3:8b" || c.NumCtx != 4096 || c.MinConfidence != 0.5 || !c.Preload || c.Cloud ||
		fmt.Sprint(c.Fallback) != "[balanced]" || !c.KeepAlive.Server || c.Ollama != "http://box:11434" || c.Proxy != "http://proxy:1" || c.ProxyKey != "sk-file" {
		t.Errorf("problems %q, %+v", c.Problems, c)
	}
	if c.Value("LOCALMODEL_MODEL").From != "config.toml" || c.Value("LOCALMODEL_NUM_CTX").From != "environment" || c.Value("LOCALMODEL_LOG").From != "default" {
		t.Errorf("sources %s, %s, %s", c.Value("LOCALMODEL_MODEL").From, c.Value("LOCALMODEL_NUM_CTX").From, c.Value("LOCALMODEL_LOG").From)
	}
	if c := load(`fallback = ""`, nil); len(c.Fallback) != 0 || c.Value("LOCALMODEL_FALLBACK").From != "config.toml" {
		t.Errorf("an empty fallback is %v from %s", c.Fallback, c.Value("LOCALMODEL_FALLBACK").From)
	}
	for content, says := range map[string]string{
		"model = ":                          "not valid TOML, so it is left out: line 1",
		"mdoel = \"x\"":                     "\"mdoel\" in",
		"num_ctx = \"many\"":                "num_ctx = \"many\" in config.toml is not a whole number",
		"[model]\nname = \"x\"":             "model in",
		"claude_project_dir = \"/\"":        "is no setting",
		"model = \"${MODEL}\"":              "placeholder",
		"litellm_master_key = \"a\\u0000\"": "(a value not shown here)",
	} {
		if c := load(content, nil); len(c.Problems) != 1 || !strings.Contains(c.Problems[0], says) || c.Model != "qwen3-coder:30b" {
			t.Errorf("%q: problems %q, model %s", content, c.Problems, c.Model)
		}
	}
}

// A password in OLLAMA_HOST is refused by its name, with the variable for a key.
func TestOllamaHost_UserAndPassword(t *testing.T) {
	for _, host := range []string{"http://user:secret@box:11434", "user:secret@box", "user@127.0.0.1:11434"} {
		c := app.Load(app.Env{Lookup: func(name string) (string, bool) { return host, name == "OLLAMA_HOST" }})
		said := strings.Join(c.Problems, "\n")
		if c.Ollama != "http://127.0.0.1:11434" || !strings.Contains(said, "OLLAMA_API_KEY") || strings.Contains(said, "secret") {
			t.Errorf("%s: %s is asked, and %q said", host, c.Ollama, said)
		}
	}
}
