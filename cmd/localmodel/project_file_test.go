package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

const askingProject = `{"llmOps":{"gateway":{"baseURL":"http://elsewhere:4000/v1","apiKeyEnv":"LITELLM_TEAM_KEY"}},
	"backlog":{"ticketPrefixes":["SEC-","bug","OPS","", "DATA"],"dataDir":"backlog/data"}}`

// A project may be a stranger's: what decides where data goes counts only once
// its exact values are trusted.
func TestProjectFile_Trust(t *testing.T) {
	env := environment{"LITELLM_TEAM_KEY": "sk-team", "CLAUDE_PROJECT_DIR": t.TempDir(), "HOME": t.TempDir()}
	file := filepath.Join(env["CLAUDE_PROJECT_DIR"], "backlog.config.json")
	load := func(content string) *app.Config {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return configOf(t, "", env)
	}
	untrusted := func(what string, c *app.Config, notes int) {
		t.Helper()
		if c.Proxy != "http://127.0.0.1:8000" || c.ProxyKey != settings.DefaultKey || len(c.TrustNotes()) != notes || len(c.Problems) != 0 {
			t.Errorf("%s: proxy %s, key %s, notes %q, problems %q", what, c.Proxy, c.ProxyKey, c.TrustNotes(), c.Problems)
		}
	}
	c := load(askingProject)
	untrusted("not trusted", c, 2)
	if !strings.Contains(c.TrustNotes()[0], "localmodel trust") || !strings.Contains(c.TrustNotes()[0], "elsewhere") {
		t.Errorf("note %q", c.TrustNotes()[0])
	}
	if diff := cmp.Diff([]string{"SEC", "OPS", "DATA"}, c.Project.Prefixes); diff != "" {
		t.Errorf("prefixes (-want +got):\n%s", diff)
	}
	if want := filepath.Join("backlog", "data"); c.Project.DataDir != want {
		t.Errorf("data directory %q, want %q", c.Project.DataDir, want)
	}
	if _, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, c.Project.Requests); err != nil {
		t.Fatal(err)
	}
	c = load(askingProject)
	if c.Proxy != "http://elsewhere:4000" || c.ProxyKey != "sk-team" || len(c.TrustNotes())+len(c.Problems) != 0 {
		t.Errorf("trusted: proxy %s, key %s, notes %q, problems %q", c.Proxy, c.ProxyKey, c.TrustNotes(), c.Problems)
	}
	if got := c.Value("LITELLM_BASE_URL").From; got != "backlog.config.json llmOps.gateway.baseURL" {
		t.Errorf("source %q", got)
	}
	untrusted("another address", load(strings.Replace(askingProject, "elsewhere", "elsewhere2", 1)), 2)
	untrusted("one value less", load(`{"llmOps":{"gateway":{"baseURL":"http://elsewhere:4000/v1"}}}`), 1)
	env["LITELLM_MASTER_KEY"], env["LITELLM_BASE_URL"] = "sk-mine", "http://mine:1"
	if c = load(askingProject); c.Proxy != "http://mine:1" || c.ProxyKey != "sk-mine" || len(c.TrustNotes()) != 0 {
		t.Errorf("the environment comes first: proxy %s, key %s, notes %q", c.Proxy, c.ProxyKey, c.TrustNotes())
	}
	if c = load(strings.Replace(askingProject, "elsewhere", "else", 1)); len(c.TrustNotes()) != 0 {
		t.Errorf("a note on what the environment decides: %q", c.TrustNotes())
	}
	delete(env, "LITELLM_MASTER_KEY")
	delete(env, "LITELLM_BASE_URL")
	if changed, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, nil); !changed || err != nil {
		t.Fatal(changed, err)
	}
	untrusted("revoked", load(askingProject), 2)
	// The defaults of the usual project ask for nothing new.
	untrusted("the default", load(`{"llmOps":{"gateway":{"baseURL":"http://localhost:8000","apiKeyEnv":"LITELLM_MASTER_KEY"}}}`), 0)
}

// What is trusted lies in a file of the user's alone.
func TestTrust_FileIsPrivate(t *testing.T) {
	c := configOf(t, askingProject, nil)
	if _, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, c.Project.Requests); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(c.Dirs.State, "trust.json"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// No secret of the environment but LITELLM_* can be named.
func TestProjectFile_NamesNoOtherSecret(t *testing.T) {
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "MY_LITELLM_KEY", "LITELLM_", "litellm_key", "LITELLM_X\nY", "PATH"} {
		file := fmt.Sprintf(`{"llmOps":{"gateway":{"apiKeyEnv":%q}}}`, name)
		c := configOf(t, file, environment{name: "precious"})
		if c.ProxyKey != settings.DefaultKey || len(c.Problems) != 1 || len(c.Project.Requests) != 0 || strings.Contains(c.Problems[0], "precious") {
			t.Errorf("%s: key %q, problems %q, requests %v", name, c.ProxyKey, c.Problems, c.Project.Requests)
		}
	}
}

func TestProjectFileThatCannotBeUsed(t *testing.T) {
	for file, says := range map[string]string{
		`{`: "not valid JSON",
		`{"llmOps":{"gateway":{"baseURL":"gateway"}}}`: "llmOps.gateway.baseURL in backlog.config.json",
		`{"backlog":{"dataDir":"../elsewhere"}}`:       "backlog.dataDir",
		strings.Repeat("[", 10<<10):                    "nested more than 64 levels",
		`{"a":"` + strings.Repeat("x", 1<<20) + `"}`:   "more than the 1048576",
	} {
		got := configOf(t, file, nil)
		if len(got.Problems) != 1 || !strings.Contains(got.Problems[0], says) || got.Proxy != "http://127.0.0.1:8000" {
			t.Errorf("%.40s: problems %q, proxy %s", file, got.Problems, got.Proxy)
		}
	}
	// Oddly typed values and placeholders are passed over.
	for _, file := range []string{`[]`, `{"llmOps":{"gateway":{"baseURL":"${GATEWAY}","apiKeyEnv":7}},"backlog":{"ticketPrefixes":"BUG"}}`, `{"llmOps":null}`} {
		if got := configOf(t, file, nil); len(got.Problems) != 0 || got.Proxy != "http://127.0.0.1:8000" || got.ProxyKey != settings.DefaultKey {
			t.Errorf("%s: problems %q, proxy %s", file, got.Problems, got.Proxy)
		}
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "backlog.config.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := configOf(t, "", environment{"CLAUDE_PROJECT_DIR": root}); len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "is a directory") {
		t.Errorf("a directory for a file: problems %q", got.Problems)
	}
}

func TestProjectRoot(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(here, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value, want string
		problems    int
	}{
		{"", cwd, 0}, {here, here, 0}, {file, cwd, 1}, {"/no/such", cwd, 1}, {"${CLAUDE_PROJECT_DIR}", cwd, 1},
	} {
		got := configOf(t, "", environment{"CLAUDE_PROJECT_DIR": c.value})
		if got.Root != c.want || len(got.Problems) != c.problems {
			t.Errorf("%q: root %s, problems %q; want %s, %d problems", c.value, got.Root, got.Problems, c.want, c.problems)
		}
	}
}
