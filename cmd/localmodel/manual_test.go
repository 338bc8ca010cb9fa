package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/manual"
)

// program looks for one that a test needs, and skips by its name.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// plainText renders the man page as a person sees it.
func plainText(t *testing.T, roff string) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program(t, "man"), "--version").Output(); err != nil || !strings.HasPrefix(string(out), "man ") {
		t.Skip("the man of man-db is not installed, which knows --warnings")
	}
	cmd := exec.CommandContext(t.Context(), "man", "--warnings=w", "-E", "UTF-8", "-l", "-")
	cmd.Stdin = strings.NewReader(roff)
	cmd.Env = append(os.Environ(), "MANWIDTH=200", "MAN_KEEP_FORMATTING=", "LC_ALL=C.UTF-8")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, &errs)
	}
	return string(out)
}

func TestManPageRendersWithoutWarnings(t *testing.T) {
	s := newShell(t)
	text := strings.Join(strings.Fields(plainText(t, s.ok("man"))), " ")
	for _, c := range commands() {
		if !strings.Contains(text, "localmodel "+c.name) {
			t.Errorf("%s is not in the man page", c.name)
		}
		// What --help says, the man page says.
		_, help, _ := s.run(c.name, "--help")
		for _, f := range (manual.Command{Help: help}).Flags() {
			words := strings.TrimSuffix(strings.Join(strings.Fields(f.Text), " "), ".")
			if len(words) > 1 && !strings.Contains(text, words[1:]) {
				t.Errorf("%s --%s: %q is not in the man page", c.name, f.Name, words)
			}
		}
	}
	for _, v := range manual.Settings() {
		if !strings.Contains(text, v.Name+" "+v.Text) {
			t.Errorf("%s is not in the man page as it stands", v.Name)
		}
	}
}

func TestHelpIsTheSameByBothWays(t *testing.T) {
	s := newShell(t)
	for _, c := range commands() {
		a, b := s.ok("help", c.name), s.ok(c.name, "--help")
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s (-help %[1]s +%[1]s --help):\n%s", c.name, d)
		}
		for _, line := range strings.Split(a, "\n") {
			if len([]rune(line)) > 100 {
				t.Errorf("%s: a line of %d characters: %s", c.name, len(line), line)
			}
		}
	}
	flags := (manual.Command{Help: s.ok("help", "install")}).Flags()
	var names []string
	for _, f := range flags {
		names = append(names, strings.TrimSpace(f.Name+" "+f.Value))
	}
	if d := cmp.Diff([]string{"command PATH", "dry-run", "env NAME=VALUE", "print", "project", "replace"}, names); d != "" {
		t.Errorf("flags of install (-want +got):\n%s", d)
	}
}

// The manual's settings are those that config.go reads, with its defaults.
func TestSettingsAreThoseOfTheConfiguration(t *testing.T) {
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, m := range regexp.MustCompile(`"((?:LOCALMODEL|LITELLM|OLLAMA|CLAUDE)_[A-Z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		read[m[1]] = true
	}
	delete(read, "OLLAMA_NUM_PARALLEL") // a default of LOCALMODEL_SLOTS
	resolved := map[string]string{}
	for _, s := range loadConfig(func(string) (string, bool) { return "", false }).resolved() {
		resolved[s.Name] = s.Value
	}
	for _, s := range manual.Settings() {
		if !read[s.Name] {
			t.Errorf("config.go does not read %s", s.Name)
		}
		delete(read, s.Name)
		value, ok := resolved[s.Name]
		if !ok || slices.Contains([]string{"LITELLM_MASTER_KEY", "LOCALMODEL_SLOTS", "LOCALMODEL_STATE"}, s.Name) {
			continue // shown in other words
		}
		if value != s.Default {
			t.Errorf("%s: the manual says %q, the configuration %q", s.Name, s.Default, value)
		}
	}
	for name := range read {
		t.Errorf("%s is not in the manual", name)
	}
}

func TestBashCompletes(t *testing.T) {
	bash := program(t, "bash")
	script := newShell(t).ok("completion", "bash")
	for _, tc := range []struct{ words, want string }{
		{"localmodel ins", "install"},
		{"localmodel install cur", "cursor"},
		{"localmodel install --dr", "--dry-run"},
		{"localmodel install cursor --pri", "--print"},
		{"localmodel call plan", "plan_ticket"},
		{"localmodel completion z", "zsh"},
		{"localmodel nothing x", ""},
	} {
		cmd := exec.CommandContext(t.Context(), bash, "-c", script+`
COMP_WORDS=(`+tc.words+`); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _localmodel; echo "${COMPREPLY[*]}"`)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v; want %q", tc.words, got, err, tc.want)
		}
	}
}

// The other shells read their script without complaint, where they are.
func TestCompletionScriptsParse(t *testing.T) {
	s := newShell(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			path, script := program(t, shell), s.ok("completion", shell)
			cmd := exec.CommandContext(t.Context(), path, "-n", "/dev/stdin")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for _, shell := range manual.Shells {
		script := s.ok("completion", shell)
		for _, c := range commands() {
			if !strings.Contains(script, c.name) {
				t.Errorf("%s: %s is not completed", shell, c.name)
			}
		}
	}
	if code, _, errOut := s.run("completion", "csh"); code != 2 || !strings.Contains(errOut, "powershell") {
		t.Errorf("csh: exit %d, %q", code, errOut)
	}
}
