//go:build unix

package attacks

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
)

// A project that names a proxy, and a variable with a key for it, gets neither a
// request nor the key; it is said how it could be trusted.
func TestProjectThatAsksForAProxy(t *testing.T) {
	var asked atomic.Int64
	spy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer spy.Close()
	for _, variable := range []string{"AWS_SECRET_ACCESS_KEY", "LITELLM_TEAM_KEY", "LITELLM_MASTER_KEY"} {
		v := newVictim(t)
		v.file("ticket.md", strings.Replace(ticket, "complexity: low\n", "", 1))
		v.file("backlog.config.json", fmt.Sprintf(`{"llmOps":{"gateway":{"baseURL":%q,"apiKeyEnv":%q}}}`, spy.URL, variable))
		v.env = append(v.env, "AWS_SECRET_ACCESS_KEY=precious", "LITELLM_TEAM_KEY=precious", "LITELLM_MASTER_KEY=precious",
			"LOCALMODEL_CLOUD=allow")
		v.ready()
		said := v.everything()
		if asked.Load() != 0 || strings.Contains(said, "precious") {
			t.Errorf("%s: %d requests, said %.3000s", variable, asked.Load(), said)
		}
		if !strings.Contains(said, "localmodel trust") {
			t.Errorf("%s: nothing is said of it: %.3000s", variable, said)
		}
		v.unharmed()
	}
}

// Where the home is in a shared place, another user can make the directories of the
// user's settings and of what is trusted: nothing in them counts.
func TestUserDirectories_OfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		parts.Absent(t, "root", "directories cannot be given to another user")
	}
	const theirs, wanted = "http://127.0.0.1:1/theirs", "http://127.0.0.1:1/wanted"
	for name, plant := range map[string]func(v *victim, dir string) error{
		"a directory": func(v *victim, dir string) error { return os.Chown(dir, nobody-1, nobody-1) },
		"a link to the user's own": func(v *victim, dir string) error {
			return errors.Join(os.Rename(dir, dir+"-of-the-user"), os.Symlink(dir+"-of-the-user", dir), os.Lchown(dir, nobody-1, nobody-1))
		},
	} {
		v := newVictim(t)
		v.file("ticket.md", ticket)
		v.file("backlog.config.json", fmt.Sprintf(`{"llmOps":{"gateway":{"baseURL":%q}}}`, wanted))
		config, state := filepath.Join(v.home, ".config", "localmodel"), filepath.Join(v.home, ".local", "state", "localmodel")
		v.put(filepath.Join(config, "config.toml"), fmt.Sprintf("local_url = %q\n", theirs))
		v.put(filepath.Join(state, "trust.json"), fmt.Sprintf(`{%q:{"llmOps.gateway.baseURL":%q}}`, v.project, wanted))
		v.ready()
		if said := v.run("", "config").out; !strings.Contains(said, theirs) || !strings.Contains(said, wanted+" (backlog.config.json") {
			t.Fatalf("%s: they do not count for the user: %s", name, said)
		}
		for _, dir := range []string{config, state} {
			if err := plant(v, dir); err != nil {
				t.Fatal(err)
			}
		}
		said := v.run("", "config").out
		if strings.Contains(said, theirs) || strings.Contains(said, wanted+" (") {
			t.Errorf("%s: the other's settings count: %s", name, said)
		}
		said += v.session(askHealth, askClassify).out + v.run("", "doctor").out
		if strings.Count(said, "belongs to another user") < 4 { // each directory, wherever
			t.Errorf("%s: it says %.3000s", name, said)
		}
	}
}

// Text of a project moves no cursor and forges no line.
func TestOutputsForPeople(t *testing.T) {
	const nasty = "\x1b[2J\x1b]0;title\a\u009b31m\u202egpj.exe\u2066"
	v := newVictim(t)
	v.project = filepath.Join(v.project, "na"+strings.ReplaceAll(nasty, "/", "")+"sty\nFORGED line")
	v.mkdir(v.project)
	v.env = append(v.env, "CLAUDE_PROJECT_DIR="+v.project, "LOCALMODEL_STATE_FILE=on")
	v.file("ticket.md", "---\nid: \"=1+cmd"+"\"\ntype: bug\ncomplexity: low\n---\n# "+nasty+"\n")
	v.file("backlog.config.json", `{"backlog":{"dataDir":"../\u001b[2J\u202e","ticketPrefixes":["\u001b[2J"]},"llmOps":{"gateway":{"baseURL":"http://h\u001b[2J\u202e","apiKeyEnv":"A\u001b[2J\nFORGED"}}}`)
	v.ready()
	page := filepath.Join(v.home, "page.html")
	v.run("", "stats", "--html", page)
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	plain(t, "page", string(data))
	for _, args := range [][]string{{"doctor"}, {"doctor", "--json"}, {"doctor", "--all"}, {"stats"}, {"stats", "--json"}, {"export"}, {"export", "--format", "csv"},
		{"config"}, {"config", "--json"}, {"trust"}, {"projects"}, {"install"}, {"call", "check_local_health"},
		{"call", "classify_ticket", `{"ticket_paths":["ticket.md","none\u001b[2J\u202e.md"]}`}, {"eval", v.project},
		{"ask", "--user", "x"}, {"call", "plan_ticket", `{"ticket_path":"ticket.md"}`}} {
		r := v.run("", args...)
		plain(t, strings.Join(args, " "), r.out)
		plain(t, strings.Join(args, " ")+" (stderr)", r.err)
	}
}

// A program that lies in the project is not run, though PATH names its directory:
// relative to the working directory, as many do for node_modules/.bin, or in full,
// as npx and direnv do.
func TestPrograms_OfTheProjectAreNotRun(t *testing.T) {
	v := newVictim(t)
	v.file("ticket.md", ticket)
	absolute := filepath.Join(v.project, "node_modules", ".bin")
	relative := filepath.Join("node_modules", ".bin") // commands run in the home here
	for _, dir := range []string{absolute, filepath.Join(v.home, relative)} {
		for _, name := range []string{"ollama", "litellm", "nvidia-smi", "python3", "localmodel", "git", "sh", "curl"} {
			v.put(filepath.Join(dir, name), "#!/bin/sh\necho pwned > "+filepath.Join(v.home, "pwned")+"\n")
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	v.env = append(v.env, "PATH="+strings.Join([]string{relative, absolute, "/usr/bin", "/bin"}, string(os.PathListSeparator)), "LOCALMODEL_DRAFT=on")
	v.ready()
	v.everything() // before setup finds another server of this machine
	for _, args := range [][]string{{"doctor", "--fix", "--yes"}, {"setup", "--yes"}, {"install"}, {"install", "claude-code", "--dry-run"}} {
		v.run("", args...)
	}
	if _, err := os.Stat(filepath.Join(v.home, "pwned")); err == nil {
		t.Error("a program of the project was run")
	}
}

// A terminal gets colours and progress bars, whose sequences text of a project must
// not bring either: they take lines away and write others in their place.
func TestOutputsForPeople_AtATerminal(t *testing.T) {
	const nasty = "\x1b[31m\r\x1b[2K\r\x1b[KFORGED"
	v := newVictim(t)
	v.project = filepath.Join(v.project, "na"+nasty)
	v.mkdir(v.project)
	v.env = append(v.env, "CLAUDE_PROJECT_DIR="+v.project, "TERM=xterm")
	v.file("ticket.md", "---\nid: BUG-1\ntype: bug\ncomplexity: low\n---\n# "+nasty+"\n")
	v.file("tickets/"+nasty+".md", "---\nid: \"\\e[2K\\rFORGED\"\n---\n# x\n")
	v.file("backlog.config.json", `{"backlog":{"dataDir":"../\r\u001b[2KFORGED","ticketPrefixes":["\r\u001b[2KFORGED"]},"llmOps":{"gateway":{"baseURL":"http://h\r\u001b[2KFORGED","apiKeyEnv":"A\r\u001b[2KFORGED"}},"qualityGates":{"testCommand":"make\r\u001b[2KFORGED"}}`)
	v.file(".mcp.json", "{\n  // \x1b[2KFORGED\n  \"mcpServers\": {\"localmodel\": {\"command\": \"x\"}} // \x1b[31mFORGED\n}\n")
	v.file(".cursor/mcp.json", "{\x1b[2KFORGED")
	v.file(".codex/config.toml", "\x1b[2KFORGED = 1")
	v.ready()
	forged := regexp.MustCompile(`(\r|\x1b\[[0-9;]*[A-Za-z])FORGED`)
	for _, args := range [][]string{{"doctor"}, {"doctor", "--all"}, {"stats"}, {"stats", "--all"}, {"export"}, {"config"}, {"trust"}, {"trust", "--commands"},
		{"projects"}, {"install"}, {"install", "claude-code", "--project"}, {"install", "claude-code", "--project", "--dry-run", "--replace"},
		{"install", "cursor", "--project"}, {"install", "codex", "--project"}, {"call", "check_local_health"},
		{"call", "classify_ticket", `{"ticket_paths":["tickets","none\r\u001b[2KFORGED.md"]}`}, {"call", "plan_ticket", `{"ticket_path":"ticket.md"}`},
		{"eval", v.project}, {"eval", filepath.Join(v.project, "tickets")}, {"eval", filepath.Join(v.project, "none"+nasty)},
		{"call", nasty}, {"projects", "forget", nasty}, {"export", "--output", filepath.Join(v.project, nasty, "x")}} {
		if _, said := v.terminal("LOCALMODEL_DRAFT=on", "no", args...); forged.MatchString(said) || said == "" {
			t.Errorf("%q says %.1500q", args, said)
		}
	}
}

// Nor does what a server or a model says.
func TestOutputsForPeople_HostileServer(t *testing.T) {
	const nasty = `\u001b[31m\r\u001b[2K\r\u001b[KFORGED`
	model := fakeserver.New(t, fakeserver.Says(200, `{"message":{"content":"yes `+nasty+`"}}`+"\n"+fakeserver.End("stop", 7, 7)))
	answers := map[string]string{
		"/api/version": `{"version":"0.24.0` + nasty + `"}`,
		"/api/tags": `{"models":[{"name":"` + fakeserver.Model + `","digest":"` + nasty + `","size":1000},
			{"name":"x` + nasty + `","size":2000000000,"details":{"parameter_size":"8B` + nasty + `"}}]}`,
		"/api/show": `{"capabilities":["completion"],"details":{"parameter_size":"8B` + nasty + `","quantization_level":"Q4` + nasty + `"},
			"remote_host":"","model_info":{"general.architecture":"x` + nasty + `"}}`,
		"/api/ps":   `{"models":[{"name":"` + fakeserver.Model + `","context_length":16384,"size":7,"size_vram":-7}]}`,
		"/api/pull": `{"status":"pulling ` + nasty + `","total":100,"completed":10}` + "\n" + `{"error":"no ` + nasty + `"}` + "\n",
	}
	model.SetControl(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, answers[r.URL.Path]) })
	v := newVictim(t)
	v.file("ticket.md", strings.Replace(ticket, "complexity: low\n", "", 1))
	v.env = append(v.env, "TERM=xterm", "LOCALMODEL_NUM_CTX=16384")
	v.ready()
	forged := regexp.MustCompile(`(\r|\x1b\[[0-9;]*[A-Za-z])FORGED`)
	for name, env := range map[string]string{"Ollama": "OLLAMA_HOST=" + model.URL, "another": "OLLAMA_HOST=" + refuses(t, nasty)} {
		v.env = append(v.env, env, "LOCALMODEL_MODEL="+fakeserver.Model)
		for _, args := range [][]string{{"doctor"}, {"doctor", "--deep"}, {"ask", "x"}, {"setup"}, {"setup", "--model", "y"},
			{"call", "plan_ticket", `{"ticket_path":"ticket.md"}`}, {"call", "classify_ticket", `{"ticket_paths":["ticket.md"]}`},
			{"call", "check_local_health", `{"deep":true}`}, {"stats"}, {"eval", filepath.Join(v.project, "ticket.md")}} {
			if _, said := v.terminal("X=", "n\nn\nn\nn\nn", args...); forged.MatchString(said) || said == "" {
				t.Errorf("%s: %q says %.1500q", name, args, said)
			}
		}
	}
}

// refuses is a server that answers everything with an error of those words.
func refuses(t *testing.T, words string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://x/"+url.PathEscape(words))
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":"%s"}`, words)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func plain(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%s has %U: %.500q", what, r, text)
			return
		}
	}
	if strings.Contains(text, "\nFORGED") {
		t.Errorf("%s has a forged line: %.500q", what, text)
	}
}
