package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
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
