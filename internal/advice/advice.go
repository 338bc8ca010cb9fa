// Package advice says commands in the shell that the user has. Advice is written
// for a POSIX shell, once; this package says it for PowerShell and cmd.
package advice

import (
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Shell is the language that commands are typed in.
type Shell string

// The shells. The zero value is POSIX.
const (
	POSIX      Shell = ""
	PowerShell Shell = "powershell"
	Cmd        Shell = "cmd"
)

// Detect says which shell a user most likely types into: on Windows what
// started this program shows, as far as its variables do, and PowerShell where
// they do not.
func Detect(system string, lookup func(string) (string, bool)) Shell {
	if system != "windows" {
		return POSIX
	}
	set := func(name string) bool {
		v, _ := lookup(name)
		return v != ""
	}
	switch {
	case set("MSYSTEM"), set("SHELL"): // Git Bash, MSYS2, Cygwin
		return POSIX
	case set("PROMPT"): // cmd sets it, PowerShell does not
		return Cmd
	}
	return PowerShell
}

var (
	exports = lazy.Regexp(`\bexport ((?:[A-Z][A-Z0-9_]*=(?:<[^>]*>|'[^']*'|[^\s,;]*)(?: |$)?)+)`)
	pair    = lazy.Regexp(`([A-Z][A-Z0-9_]*)=(<[^>]*>|'[^']*'|[^\s,;]*)`)
)

// Say writes a text with commands for a POSIX shell for this one: variables
// that are set, and commands that follow each other.
func (s Shell) Say(text string) string {
	if s == POSIX {
		return text
	}
	text = exports().ReplaceAllStringFunc(text, func(all string) string {
		var out []string
		for _, m := range pair().FindAllStringSubmatch(all, -1) {
			out = append(out, s.set(m[1], strings.Trim(m[2], "'")))
		}
		separator := "; "
		if s == Cmd {
			separator = " && "
		}
		said := strings.Join(out, separator)
		if strings.HasSuffix(all, " ") {
			said += " "
		}
		return said
	})
	if s == PowerShell { // before version 7 it knows no &&
		text = strings.ReplaceAll(text, " && ", "; ")
	}
	return text
}

func (s Shell) set(name, value string) string {
	if s == Cmd {
		return `set "` + name + "=" + value + `"`
	}
	return "$env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
}
