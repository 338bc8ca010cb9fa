package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
)

// TestScreens_FitTheirColumns holds that what a person reads fits the columns
// of their terminal; a command, path or address longer than a line stays whole.
func TestScreens_FitTheirColumns(t *testing.T) {
	for _, columns := range []int{80, 40} {
		for _, args := range [][]string{
			{"doctor", "--all"}, {"stats"}, {"setup", "--dry-run"}, {"config"}, {"install", "claude-code", "--command", "localmodel"}, {"setup", "--help"}, {"--help"}, {"eval", "--help"},
		} {
			t.Run(fmt.Sprintf("%s/%d", strings.Join(args, " "), columns), func(t *testing.T) {
				y := newTryout(t)
				worked(t, y)
				y.env["COLUMNS"] = strconv.Itoa(columns)
				_, out, said := y.run(t, args...)
				if strings.Contains(out+said, "\x1b") {
					t.Error("colours without a terminal")
				}
				for line := range strings.Lines(out + said) {
					line = strings.TrimSuffix(line, "\n")
					if n := utf8.RuneCountInString(line); n > columns && longestWord(line) < columns-20 {
						t.Errorf("%d columns: %q", n, line)
					}
				}
			})
		}
	}
}

func longestWord(line string) int {
	longest := 0
	for word := range strings.FieldsSeq(line) {
		longest = max(longest, utf8.RuneCountInString(word))
	}
	return longest
}

// TestAfterDemo holds that the demo ends with what is next on this machine.
func TestAfterDemo(t *testing.T) {
	home, root := t.TempDir(), t.TempDir()
	t.Setenv("PATH", "")
	place := clients.Place{Home: home, Root: root, OS: "linux", Lookup: func(string) (string, bool) { return "", false }}
	check := func(what string, up bool, want string) {
		t.Helper()
		if got := afterDemo(place, up); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	check("no model", false, "localmodel setup: ")
	check("no client", true, "localmodel install: ")
	if err := os.Mkdir(filepath.Join(home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	check("a client without it", true, "localmodel install claude-code: ")
	entry := `{"mcpServers":{"localmodel":{"command":"localmodel","args":["serve"]}}}`
	if err := os.WriteFile(filepath.Join(root, ".mcp.json"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	check("a client that has it", true, "open your project in Claude Code")
}
