package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/manual"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
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
	for _, v := range settings.Table {
		if !strings.Contains(text, v.Name+" "+v.Meaning) {
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

// The table's defaults are what counts where nothing is set, and every setting
// is made use of.
func TestSettingsTable(t *testing.T) {
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	c := configOf(t, "", nil)
	for i, v := range c.Values() {
		row := settings.Table[i]
		if !row.EnvOnly && !strings.Contains(string(source), strconv.Quote(row.Name)) &&
			row.Name != "LOCALMODEL_FALLBACK" && row.Name != "LOCALMODEL_STATE_FILE" {
			t.Errorf("config.go makes no use of %s", row.Name)
		}
		if slices.Contains([]string{"LOCALMODEL_SLOTS", "LOCALMODEL_STATE", "LOCALMODEL_PROJECT", "CLAUDE_PROJECT_DIR"}, row.Name) {
			continue // depends on the machine
		}
		want := row.Default
		switch {
		case want == "":
			want = "not set"
		case row.Secret:
			want = "the default one"
		case row.Name == "LOCALMODEL_MIN_CONFIDENCE":
			want = "0.6"
		}
		if v.Value != want || v.From != "default" && !row.EnvOnly {
			t.Errorf("%s: %s (%s), want %s", row.Name, v.Value, v.From, want)
		}
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

var update = flag.Bool("update", false, "write the table of settings in README.md")

// README's table of settings is the program's own.
func TestReadme_SettingsTable(t *testing.T) {
	const file, begin, end = "../../README.md", "<!-- settings: make update writes this table -->\n", "<!-- /settings -->"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("README.md has no markers of the table of settings")
	}
	var b strings.Builder
	b.WriteString("| variable | in `config.toml` | default | |\n|---|---|---|---|\n")
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	for _, r := range settings.Table {
		value := code(r.Default)
		if strings.Contains(r.Default, " ") { // words, not a value
			value = r.Default
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(r.Name), code(r.Key()), value, r.Meaning)
	}
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Error("README's table of settings is not the program's: make update")
	}
}
