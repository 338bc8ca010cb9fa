package settings

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// commandPrefix begins the keys of the commands by which a project checks a
// change, and commandKeys lists them in the order in which they run.
const commandPrefix = "qualityGates."

var commandKeys = []string{"lintCommand", "typeCheckCommand", "buildCommand", "testCommand"}

// maxCommand bounds a command, bytes: a person reads it before it is trusted.
const maxCommand = 300

// trustCommands is what a user runs to see the commands and trust them.
const trustCommands = "localmodel trust --commands"

func isCommand(key string) bool { return strings.HasPrefix(key, commandPrefix) }

// commands returns the project's commands, and what is wrong with one of them:
// then there are none, since a change is checked by all of them or not at all.
func commands(file gjson.Result) (out []Request, bad string) {
	for _, key := range commandKeys {
		v := strings.TrimSpace(file.Get(commandPrefix + key).Str)
		switch {
		case v == "":
		case len(v) > maxCommand || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }):
			return nil, fmt.Sprintf("%s%s in %s is not one line of printable ASCII of at most %d bytes",
				commandPrefix, key, fromProject, maxCommand)
		default:
			out = append(out, Request{commandPrefix + key, v})
		}
	}
	return out, ""
}

// TrustedCommands returns the lines by which the project in root checks a
// change, in the order in which they run, where the user trusts exactly these;
// else why there are none. The files are read anew on each call, so that neither
// a changed command nor a revoked trust waits for a restart.
func TrustedCommands(ctx context.Context, state, root string) (lines []string, why string) {
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	s := &Set{Root: root}
	file, found := s.projectFile(ctx)
	if !found {
		if len(s.Problems) > 0 { // it is there and cannot be read
			return nil, s.Problems[0]
		}
		return nil, "there is no " + fromProject + " that names commands"
	}
	asked, bad := commands(file)
	switch {
	case bad != "":
		return nil, bad
	case len(asked) == 0:
		return nil, fromProject + " names no " + commandPrefix + "* command"
	}
	trusted, err := Trusted(ctx, state, root)
	if err != nil {
		return nil, "which commands you trust cannot be read: " + err.Error()
	}
	if !same(trusted, asked) {
		return nil, "the user does not trust the project's commands as they are now: " + trustCommands
	}
	for _, r := range asked {
		lines = append(lines, r.Value)
	}
	return lines, ""
}
