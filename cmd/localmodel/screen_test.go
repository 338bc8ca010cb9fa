package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// TestScreens_FitTheirColumns holds that what a person reads fits the columns
// of their terminal; a command, path or address longer than a line stays whole.
func TestScreens_FitTheirColumns(t *testing.T) {
	for _, columns := range []int{80, 40} {
		for _, args := range [][]string{
			{"doctor", "--all"}, {"stats"}, {"setup", "--dry-run"}, {"config"}, {"install"}, {"projects"}, {"stats", "--all"}, {"install", "claude-code", "--command", "localmodel"}, {"setup", "--help"}, {"--help"}, {"eval", "--help"},
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

// TestFlagsWithin holds that a flag's meaning is beside its name where there
// is room, and beneath it where there is not.
func TestFlagsWithin(t *testing.T) {
	fs := pflag.NewFlagSet("t", pflag.ContinueOnError)
	fs.BoolP("help", "h", false, "say what this does, in some words")
	fs.String("file", "", "write to `FILE`")
	fs.Int("many", 3, "how many")
	for columns, want := range map[int]string{
		80: "      --file FILE   write to FILE\n  -h, --help        say what this does, in some words\n      --many int    how many (default 3)\n",
		30: "      --file FILE\n        write to FILE\n  -h, --help\n        say what this does, in\n        some words\n" +
			"      --many int\n        how many (default 3)\n",
	} {
		if got := flagsWithin(columns, fs.FlagUsages()); got != want {
			t.Errorf("%d columns: got\n%swant\n%s", columns, got, want)
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
