package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// shell runs a command line as a user whose home and project are empty
// directories of the test.
type shell struct {
	home, project string
	env           map[string]string // beside those of home and project
	t             *testing.T
}

func newShell(t *testing.T) shell {
	t.Helper()
	return shell{home: t.TempDir(), project: t.TempDir(), t: t}
}

func (s shell) run(args ...string) (code int, out, errOut string) {
	s.t.Helper()
	env := map[string]string{"COLUMNS": unwrapped, "HOME": s.home, "CLAUDE_PROJECT_DIR": s.project, "APPDATA": filepath.Join(s.home, "AppData", "Roaming")}
	maps.Copy(env, s.env)
	var o, e bytes.Buffer
	code = run(s.t.Context(), args, func(k string) (string, bool) { v, ok := env[k]; return v, ok }, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// ok runs a command line that must succeed.
func (s shell) ok(args ...string) string {
	s.t.Helper()
	code, out, errOut := s.run(args...)
	if code != 0 || errOut != "" {
		s.t.Fatalf("localmodel %v: exit %d, stderr %q", args, code, errOut)
	}
	return out
}

func TestInstallIntoEachClient(t *testing.T) {
	for _, client := range []string{"claude-code", "claude-desktop", "codex", "copilot-cli", "cursor", "gemini", "vscode", "zed"} {
		s := newShell(t)
		if out := s.ok("install"); strings.Count(out, "no such file yet") != 8 || !strings.Contains(out, "\n\nlocalmodel install CLIENT adds it") {
			t.Fatalf("before: %s", out)
		}
		out := s.ok("install", client, "--command", "/opt/localmodel")
		path := strings.TrimPrefix(strings.SplitN(out, "\n", 2)[0], "Added localmodel to ")
		if !strings.HasPrefix(path, s.home) && !strings.HasPrefix(path, s.project) {
			t.Fatalf("%s: wrote to %q, out of home and project", client, path)
		}
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), "/opt/localmodel") {
			t.Errorf("%s: %s holds %q, %v", client, path, data, err)
		}
		if !strings.Contains(out, "Now: ") {
			t.Errorf("%s: what comes next is not said: %q", client, out)
		}
		if out := s.ok("install"); strings.Count(out, "no such file yet") != 7 || strings.Count(out, " installed ") != 1 {
			t.Errorf("%s: the list says %s", client, out)
		}
		if out := s.ok("install", client, "--command", "/opt/localmodel"); !strings.Contains(out, "there already") {
			t.Errorf("%s: again: %q", client, out)
		}
		if out := s.ok("uninstall", client); !strings.HasPrefix(out, "Deleted "+path) {
			t.Errorf("%s: uninstall: %q", client, out)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %s is still there", client, path)
		}
		if out := s.ok("uninstall", client); !strings.Contains(out, "nothing to do") {
			t.Errorf("%s: uninstall again: %q", client, out)
		}
	}
}

func TestInstallShowsBeforeItChanges(t *testing.T) {
	s := newShell(t)
	path := filepath.Join(s.home, ".cursor", "mcp.json")
	const before = "{\n  // mine\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" }\n  }\n}\n"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.ok("install", "--dry-run", "cursor", "--command", "localmodel", "--env", "LOCALMODEL_CLOUD=never")
	for _, want := range []string{"+    \"a\": { \"command\": \"a\" },", "+    \"localmodel\": {", "+        \"LOCALMODEL_CLOUD\": \"never\"", " \t// mine"} {
		if want = strings.ReplaceAll(want, "\t", "  "); !strings.Contains(out, want) {
			t.Errorf("the difference lacks %q:\n%s", want, out)
		}
	}
	if out := s.ok("install", "cursor", "--print", "--command", "localmodel"); !strings.HasPrefix(out, "{\n  \"mcpServers\": {\n    \"localmodel\"") {
		t.Errorf("--print: %s", out)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != before {
		t.Errorf("the file was changed: %s, %v", data, err)
	}
	out = s.ok("install", "cursor", "--command", "localmodel")
	if !strings.Contains(out, "The file as it was: "+path+".before-localmodel") {
		t.Errorf("the backup is not named: %s", out)
	}
	code, _, errOut := s.run("install", "cursor", "--command", "/other/localmodel")
	if code != 1 || !strings.Contains(errOut, "--replace") {
		t.Errorf("another entry: exit %d, %q", code, errOut)
	}
	s.ok("install", "cursor", "--command", "/other/localmodel", "--replace")
	s.ok("uninstall", "cursor")
	if data, err := os.ReadFile(path); err != nil || string(data) != before {
		t.Errorf("after uninstall: %s, %v", data, err)
	}
}

func TestUninstallKnowsTheOtherFile(t *testing.T) {
	s := newShell(t)
	s.ok("install", "cursor", "--project", "--command", "localmodel")
	if out := s.ok("uninstall", "cursor"); !strings.Contains(out, filepath.Join(s.project, ".cursor", "mcp.json")+" has one: add --project") {
		t.Errorf("got %q", out)
	}
	if out := s.ok("uninstall", "cursor", "--project"); !strings.HasPrefix(out, "Deleted ") {
		t.Errorf("got %q", out)
	}
}

func TestInstallSaysWhatIsWrong(t *testing.T) {
	s := newShell(t)
	if err := os.WriteFile(filepath.Join(s.project, ".mcp.json"), []byte("{ oops"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"install", "emacs"}, 2, "the clients are claude-code"},
		{[]string{"install", "cursor", "zed"}, 2, `unexpected argument "zed"`},
		{[]string{"install", "cursor", "--loud"}, 2, "--help"},
		{[]string{"install", "cursor", "--command", "x", "--env", "1=2"}, 2, "NAME=VALUE"},
		{[]string{"install", "zed", "--project", "--command", "x"}, 1, "leave --project out"},
		{[]string{"install", "claude-code", "--command", "x"}, 1, "localmodel install claude-code --print"},
		{[]string{"install", "cursor"}, 1, "go run"}, // the test binary is as temporary as go run's
		{[]string{"uninstall"}, 2, "which client"},
		{[]string{"uninstall", "claude-code"}, 1, "nothing was changed"},
	} {
		code, out, errOut := s.run(tc.args...)
		if code != tc.code || out != "" || !strings.Contains(errOut, tc.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit %d with %q", tc.args, code, out, errOut, tc.code, tc.want)
		}
	}
}

// A project's file names the program as PATH finds it, so that it can be shared.
func TestProjectFileHoldsThePlainName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in on PATH is a shell script")
	}
	s := newShell(t)
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "localmodel"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	s.ok("install", "claude-code")
	data, err := os.ReadFile(filepath.Join(s.project, ".mcp.json"))
	if err != nil || !strings.Contains(string(data), `"command": "localmodel",`) {
		t.Errorf("%s, %v", data, err)
	}
}

// Claude Code keeps its files where CLAUDE_CONFIG_DIR says: install and uninstall
// speak of that one, not of what lies in the home directory.
func TestInstall_ClaudeConfigDir(t *testing.T) {
	s := newShell(t)
	dir := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const enabled, disabled = `{"enabledPlugins":{"localmodel@localmodel":true}}`, `{"enabledPlugins":{"localmodel@localmodel":false}}`
	install := func() string {
		t.Helper()
		out := s.ok("install", "claude-code", "--command", "/opt/localmodel")
		s.ok("uninstall", "claude-code")
		return out
	}
	const warning = "two servers"
	if out := install(); strings.Contains(out, warning) {
		t.Errorf("without the plugin: %s", out)
	}
	put(filepath.Join(s.home, ".claude", "settings.json"), enabled)
	if out := install(); !strings.Contains(out, warning) || !strings.Contains(out, filepath.Join("~", ".claude", "settings.json")) {
		t.Errorf("with the plugin: %s", out)
	}
	s.env = map[string]string{"CLAUDE_CONFIG_DIR": dir}
	if out := install(); strings.Contains(out, warning) {
		t.Errorf("with the plugin in another directory: %s", out)
	}
	put(filepath.Join(dir, "settings.json"), enabled)
	if out := install(); !strings.Contains(out, warning) {
		t.Errorf("with the plugin in CLAUDE_CONFIG_DIR: %s", out)
	}
	put(filepath.Join(s.project, ".claude", "settings.local.json"), disabled)
	if out := install(); strings.Contains(out, warning) {
		t.Errorf("with the plugin disabled in the project: %s", out)
	}
	put(filepath.Join(s.home, ".claude.json"), `{"mcpServers":{"localmodel":{}}}`)
	if out := s.ok("uninstall", "claude-code"); strings.Contains(out, "claude mcp remove") {
		t.Errorf("of another directory: %s", out)
	}
	put(filepath.Join(dir, ".claude.json"), `{"mcpServers":{"localmodel":{}}}`)
	if out := s.ok("uninstall", "claude-code"); !strings.Contains(out, filepath.Join(dir, ".claude.json")+" has one: claude mcp remove localmodel") {
		t.Errorf("of CLAUDE_CONFIG_DIR: %s", out)
	}
}
