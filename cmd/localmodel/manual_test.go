package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/manual"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/integration/parts"
)

// plainText renders the man page as a person sees it.
func plainText(t *testing.T, roff string) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), parts.Program(t, "man"), "--version").Output(); err != nil || !strings.HasPrefix(string(out), "man ") {
		parts.Absent(t, "man", "it is not man-db's, which knows --warnings")
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

// everyCommand lists the commands and those beneath them, with the words that
// call each.
func everyCommand(t *testing.T) (list []*cobra.Command, words [][]string) {
	t.Helper()
	root := newRoot(app.Env{}, app.Env{})
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		list = append(list, c)
		words = append(words, strings.Fields(c.CommandPath())[1:])
		for _, c := range c.Commands() {
			walk(c)
		}
	}
	walk(root)
	if len(list) < 15 {
		t.Fatalf("only %d commands: the test looks at nothing", len(list))
	}
	return list, words
}

func TestManPage_RendersWithoutWarnings(t *testing.T) {
	var page bytes.Buffer
	if err := manual.Page(&page, newRoot(app.Env{}, app.Env{}), "v1.2.3", settings.Table); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(plainText(t, page.String())), " ")
	list, _ := everyCommand(t)
	for _, c := range list {
		if !strings.Contains(text, c.CommandPath()) {
			t.Errorf("%s is not in the man page", c.CommandPath())
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			if !strings.Contains(text, usage) {
				t.Errorf("%s --%s: %q is not in the man page", c.CommandPath(), f.Name, usage)
			}
		})
	}
	for _, v := range settings.Table {
		if meaning := strings.Join(strings.Fields(v.Meaning), " "); !strings.Contains(text, v.Name+" "+meaning) {
			t.Errorf("%s is not in the man page unchanged", v.Name)
		}
	}
}

func TestHelp_FitsTheTerminal(t *testing.T) {
	s := newShell(t)
	s.env = map[string]string{"COLUMNS": ""}
	_, words := everyCommand(t)
	for _, w := range words {
		text := s.ok(append(slices.Clone(w), "--help")...)
		if d := cmp.Diff(s.ok(append([]string{"help"}, w...)...), text); d != "" {
			t.Errorf("%s (-help %[1]s +%[1]s --help):\n%s", w, d)
		}
		if !strings.Contains(text, "Usage:") {
			t.Errorf("%s --help has no usage: %s", w, text)
		}
		for _, line := range strings.Split(text, "\n") {
			if n := utf8.RuneCountInString(line); n > term.DefaultWidth {
				t.Errorf("%s --help: a line of %d columns, want at most %d: %s", w, n, term.DefaultWidth, line)
			}
		}
	}
}

// The table's defaults are what counts where nothing is set, and every setting
// is made use of.
func TestSettingsTable(t *testing.T) {
	source, err := os.ReadFile("app/config.go")
	if err != nil {
		t.Fatal(err)
	}
	c := configOf(t, "", nil)
	for i, v := range c.Values() {
		row := settings.Table[i]
		if !row.EnvOnly && !strings.Contains(string(source), strconv.Quote(row.Name)) &&
			row.Name != "LOCALMODEL_FALLBACK" && row.Name != "LOCALMODEL_STATE_FILE" {
			t.Errorf("nothing here uses %s", row.Name)
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

// A shell asks the program itself what may follow.
func TestCompletion(t *testing.T) {
	s := newShell(t)
	for _, tc := range []struct{ words, want string }{
		{"ins", "install"},
		{"install cur", "cursor"},
		{"install --dr", "--dry-run"},
		{"install cursor --pri", "--print"},
		{"call plan", "plan_ticket"},
		{"completion z", "zsh"},
		{"projects for", "forget"},
		{"nothing x", ""},
	} {
		_, out, _ := s.run(append([]string{"__complete"}, strings.Fields(tc.words)...)...)
		first, _, _ := strings.Cut(out, "\n")
		if got, _, _ := strings.Cut(first, "\t"); got != tc.want && (tc.want != "" || !strings.HasPrefix(got, ":")) {
			t.Errorf("%s: got %q, want %q", tc.words, got, tc.want)
		}
	}
}

// The shells read their script without complaint, where they are.
func TestCompletionScriptsParse(t *testing.T) {
	s := newShell(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			path, script := parts.Program(t, shell), s.ok("completion", shell)
			cmd := exec.CommandContext(t.Context(), path, "-n", "/dev/stdin")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if out := s.ok("completion", "powershell"); !strings.Contains(out, "Register-ArgumentCompleter") {
		t.Errorf("powershell: %s", out)
	}
	if code, _, errOut := s.run("completion", "csh"); code != 2 || !strings.Contains(errOut, "powershell") {
		t.Errorf("csh: exit %d, %q", code, errOut)
	}
}
