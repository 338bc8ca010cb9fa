package trial

import (
	"path"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/tools/draft"
)

// buildFiles decide by their names what a project's commands check.
var buildFiles = []string{
	"Makefile", "makefile", "GNUmakefile", "justfile", "Taskfile.yml", "package.json", "deno.json",
	"pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "conftest.py", "noxfile.py",
	"Cargo.toml", "build.rs", "build.gradle", "build.gradle.kts", "pom.xml", "CMakeLists.txt", "meson.build",
	"Rakefile", "mix.exs", "composer.json", "phpunit.xml", ".golangci.yml", ".golangci.yaml",
}

// decides names a file of the changes that decides what the commands check: one
// that is run, or that instructs a runner what to run. "" = there is none. Commands
// that pass after such a change say little.
func decides(changes []draft.Change, commands []string) string {
	for _, c := range changes {
		if slices.Contains(buildFiles, path.Base(c.Path)) {
			return c.Path
		}
		for _, line := range commands {
			for _, part := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("&|;()", r) }) {
				words := strings.Fields(part)
				if len(words) > 0 && slices.Contains([]string{"sh", "bash", "node", "python", "python3"}, words[0]) {
					words = words[1:]
				}
				if len(words) > 0 && path.Clean(words[0]) == path.Clean(c.Path) {
					return c.Path
				}
			}
		}
	}
	return ""
}
