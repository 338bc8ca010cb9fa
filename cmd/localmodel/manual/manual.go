// Package manual makes the man page and the shell completions from what
// `localmodel NAME --help` prints, so that there is one source for all three.
package manual

import (
	"regexp"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// Manual is everything there is to say about the program.
type Manual struct {
	Version  string
	Commands []Command
	Settings []settings.Row
	// Words are what may follow a command, where it takes one of a few.
	Words map[string][]string
}

// Command is one subcommand. Help is what its --help prints, "" where it has no
// help of its own.
type Command struct{ Name, Args, Short, Help string }

// Flag is one option of a command.
type Flag struct{ Name, Value, Text string }

// block is a stretch of a help text: exactly one of its fields is set.
type block struct {
	text     string // a paragraph
	flag     *Flag
	verbatim []string // indented lines, as they stand
}

var flagLine = regexp.MustCompile(`^  --([a-z][a-z0-9-]*)(?: ([A-Za-z][\w=.|-]*))?(?:  +(\S.*))?$`)

// blocks reads a help text. Its first line, "Usage: …" or a sentence, and what
// is flush left are paragraphs; lines that begin with two spaces and a flag are
// flags, with the deeper lines after them; other indented lines are verbatim.
func (c Command) blocks() []block {
	var out []block
	inFlag := false
	for _, line := range strings.Split(c.Help, "\n") {
		last := len(out) - 1
		indented := strings.HasPrefix(line, "  ")
		switch m := flagLine.FindStringSubmatch(line); {
		case strings.TrimSpace(line) == "":
			inFlag = false
			out = append(out, block{})
		case m != nil:
			inFlag = true
			out = append(out, block{flag: &Flag{m[1], m[2], m[3]}})
		case indented && inFlag:
			f := out[last].flag
			f.Text = strings.TrimSpace(f.Text + " " + strings.TrimSpace(line))
		case indented && last >= 0 && out[last].verbatim != nil:
			out[last].verbatim = append(out[last].verbatim, line)
		case indented:
			out = append(out, block{verbatim: []string{line}})
		case last >= 0 && out[last].text != "":
			out[last].text += " " + line
		default:
			out = append(out, block{text: line})
		}
	}
	kept := out[:0]
	for _, b := range out {
		if b.text != "" || b.flag != nil || b.verbatim != nil {
			kept = append(kept, b)
		}
	}
	return kept
}

// Flags are the options that the help text lists.
func (c Command) Flags() []Flag {
	var out []Flag
	for _, b := range c.blocks() {
		if b.flag != nil {
			out = append(out, *b.flag)
		}
	}
	return out
}
