package project

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// maxCommandFile bounds a file that is read for the project's commands.
const maxCommandFile = 256 << 10

// Commands lists the commands by which the project and the ticket check a
// change: those that the ticket names, the quality gates of
// backlog.config.json, Makefile targets, package scripts, and what the language
// has for it. They are shown in a plan and never run here.
func (p Project) Commands(ctx context.Context, t ticket.Ticket) []string {
	var out []string
	add := func(command string) {
		if plainCommand(command) && !slices.Contains(out, command) {
			out = append(out, command)
		}
	}
	for _, c := range commandsIn(t.Body) {
		add(c)
	}
	root, err := rootfs.Open(ctx, p.Root)
	if err != nil {
		return out
	}
	defer root.Close() //nolint:errcheck // only read
	config, _ := root.ReadJSON(ctx, "backlog.config.json", maxCommandFile)
	for _, key := range []string{"testCommand", "lintCommand", "typeCheckCommand", "buildCommand"} {
		add(gjson.GetBytes(config, "qualityGates."+key).Str)
	}
	makefile, _ := root.Read(ctx, "Makefile", maxCommandFile)
	for _, target := range makeTargets(string(makefile)) {
		add("make " + target)
	}
	scripts, _ := root.ReadJSON(ctx, "package.json", maxCommandFile)
	run := packageManager(ctx, root)
	for _, script := range checkNames {
		if gjson.GetBytes(scripts, "scripts."+script).Type == gjson.String {
			add(run + " " + script)
		}
	}
	for _, l := range languageCommands {
		if _, err := root.Stat(ctx, l.file); err == nil {
			add(l.command)
		}
	}
	return out
}

// checkNames are the names that targets and scripts for checking have.
var checkNames = []string{"test", "check", "lint", "typecheck", "vet", "build"}

// languageCommands are what a language's own tool has, by the file that shows
// the language.
var languageCommands = []struct{ file, command string }{
	{"go.mod", "go test ./..."}, {"Cargo.toml", "cargo test"}, {"pytest.ini", "pytest"}, {"pyproject.toml", "pytest"},
	{"mix.exs", "mix test"}, {"pom.xml", "mvn test"}, {"gradlew", "./gradlew test"},
}

func makeTargets(makefile string) []string {
	var targets []string
	for line := range strings.Lines(makefile) {
		if names, rest, found := strings.Cut(line, ":"); found && !strings.HasPrefix(rest, "=") {
			targets = append(targets, strings.Fields(names)...)
		}
	}
	return slices.DeleteFunc(slices.Clone(checkNames), func(name string) bool { return !slices.Contains(targets, name) })
}

func packageManager(ctx context.Context, root *rootfs.Root) string {
	for _, m := range []struct{ lock, run string }{{"pnpm-lock.yaml", "pnpm run"}, {"yarn.lock", "yarn run"}, {"bun.lock", "bun run"}} {
		if _, err := root.Stat(ctx, m.lock); err == nil {
			return m.run
		}
	}
	return "npm run"
}

// ticketCommand finds what a ticket gives as a command: a line that begins with
// "$ ", or a code span that begins with a runner and checks something.
var ticketCommand = lazy.Regexp("(?m)^\\s*\\$ (.{3,160})$|`((?:make|npm|pnpm|yarn|bun|npx|go|cargo|pytest|python3?|uv|tox|mix|mvn|gradle|\\./gradlew|bundle|rake|dotnet|phpunit|ctest) [^`\n]{2,160})`")

func commandsIn(body string) []string {
	const read, most = 64 << 10, 4
	var out []string
	for _, found := range ticketCommand().FindAllStringSubmatch(body[:min(len(body), read)], most) {
		out = append(out, strings.TrimSpace(found[1]+found[2]))
	}
	return out
}

// plainCommand reports whether a command is one line of printable ASCII of a length
// that a reader can judge.
func plainCommand(c string) bool {
	return c != "" && len(c) <= 160 && !strings.ContainsFunc(c, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == '`'
	})
}
