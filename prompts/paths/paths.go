// Package paths judges names alone: what may be an id or a path, what a plan may
// touch, and where tests lie. It opens nothing.
package paths

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Limits of what names things.
const (
	MaxID   = 100  // characters of a ticket's id, or a criterion's
	maxPath = 1024 // bytes
)

// CheckID reports why a text cannot be an id: it is empty or too long, has
// control, bidirectional or invisible characters, backticks, or space around
// it, or neither a letter nor a digit.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("the id is empty")
	case utf8.RuneCountInString(id) > MaxID:
		return fmt.Errorf("the id has more than %d characters", MaxID)
	case strings.TrimSpace(id) != id:
		return fmt.Errorf("the id %q has space around it", id)
	case strings.IndexFunc(id, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0:
		return fmt.Errorf("the id %q has no letter or digit", id)
	}
	return checkCharacters("id", id)
}

// Check reports why a text cannot be a path: it is empty or too long, or
// has control, bidirectional or invisible characters. Where the path leads to
// is checked by those who open it.
func Check(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fmt.Errorf("the path is empty")
	case len(name) > maxPath:
		return fmt.Errorf("the path has more than %d bytes", maxPath)
	}
	return checkCharacters("path", name)
}

func checkCharacters(what, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("the %s %.100q is not valid UTF-8", what, text)
	}
	for _, r := range text {
		if plain.Hidden(r) || unseen(r) {
			return fmt.Errorf("the %s %.100q has the character %U, which cannot be seen", what, text, r)
		}
		if r == '`' && what == "id" {
			return fmt.Errorf("the id %.100q has a backtick", text)
		}
	}
	return nil
}

// unseen are characters that cannot be seen in a name, and that a text may need:
// joiners and selectors, a space that is none, Braille's blank.
func unseen(r rune) bool {
	return r == '\u00a0' || r == '\u200c' || r == '\u200d' || r == '\u2800' || r >= '\ufe00' && r <= '\ufe0f'
}

// Refused reports why no plan may touch a path, "" where one may. named says
// that the ticket itself names the file: then it may be a document that agents
// read, or a script that runs by itself, but never their settings, git's own
// data, or anything outside the project.
func Refused(name string, named bool) string {
	slashed := strings.ReplaceAll(name, `\`, "/")
	clean := path.Clean(slashed) // "./~" is "~"
	switch {
	case Check(name) != nil:
		return "is no path: " + Check(name).Error()
	case strings.ContainsRune(name, '`'):
		return "has a backtick"
	case strings.HasPrefix(clean, "~"):
		return "is in a home directory"
	case hasDrive(clean):
		return "names a drive"
	case strings.HasPrefix(slashed, "//"):
		return "is on another machine"
	case path.IsAbs(clean), slices.Contains(strings.Split(slashed, "/"), ".."):
		return "is outside the project"
	}
	parts := strings.Split(plain.FoldName(clean), "/")
	for i, part := range parts {
		part, _, _ = strings.Cut(part, ":") // an alternate data stream of Windows
		parts[i] = strings.TrimRight(part, ". ")
	}
	return refusedName(parts, named)
}

func hasDrive(p string) bool {
	return len(p) > 1 && p[1] == ':' && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z')
}

func refusedName(parts []string, named bool) string {
	for i, part := range parts {
		last := i == len(parts)-1
		under := part + "/"
		if !last {
			under += parts[i+1]
		}
		switch {
		case part == ".git", part == "git~1":
			return "is git's own data"
		case agentSettings[part], agentSettings[under]:
			return "is configuration of an agent or editor, which runs what it says"
		case !named && (runByItself[part] || runByItself[under]):
			return "runs by itself or instructs agents, and the ticket does not name it"
		}
	}
	return ""
}

// set is a set of names in lower case: of a file or directory anywhere in a
// path, or of a directory and what lies directly in it.
func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

var (
	// agentSettings name programs, hooks or servers that an agent starts, or
	// permissions that it grants; .ssh and its kin are nobody's project.
	agentSettings = set(
		".claude", ".claude.json", ".mcp.json", ".cursor", ".codex", ".gemini", ".vscode/mcp.json", ".windsurf", ".codeium",
		".roo", ".roomodes", ".cline", ".continue", ".opencode", "opencode.json", "opencode.jsonc", ".amazonq", ".kiro", ".junie",
		".augment", ".trae", ".qwen", ".crush", ".crush.json", "crush.json", ".goose", ".goosehints", ".factory", ".agents",
		".agent", ".aider.conf.yml", ".github/copilot", ".localmodel", ".ssh", ".gnupg", ".aws", ".kube",
	)
	// runByItself are documents that agents follow, and files that run when
	// somebody opens the directory, enters it, commits or pushes.
	runByItself = set(
		"claude.md", "claude.local.md", "agents.md", "agent.md", "gemini.md", "qwen.md", "crush.md", ".cursorrules", ".windsurfrules",
		".clinerules", ".rules", ".claude-plugin", ".github/copilot-instructions.md", ".github/prompts", ".github/instructions",
		".github/chatmodes", ".github/agents", ".github/workflows", ".github/actions", ".gitlab-ci.yml", ".circleci", ".travis.yml",
		".drone.yml", ".buildkite", ".woodpecker", ".woodpecker.yml", "jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml",
		".gitmodules", ".gitattributes", ".gitconfig", ".githooks", ".husky", ".lefthook", "lefthook.yml", ".lefthook.yml",
		".pre-commit-config.yaml", ".vscode", ".idea", ".zed", ".fleet", ".devcontainer", ".devcontainer.json", ".envrc", ".direnv",
		".mise.toml", "mise.toml", ".tool-versions", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".zprofile", ".npmrc",
		".yarnrc", ".yarnrc.yml", ".pypirc", ".netrc", ".vimrc", ".exrc", ".nvim.lua", ".tmux.conf", "backlog.config.json",
	)
)

func stemOf(p string) string { return strings.TrimSuffix(path.Base(p), path.Ext(p)) }

// IsTest reports whether a path is a test's by the habits of the languages.
func IsTest(p string) bool {
	endings := []string{"_test", "_spec", ".test", ".spec", "Test", "Tests", "Spec"}
	return strings.HasPrefix(path.Base(p), "test_") ||
		slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(stemOf(p), ending) }) ||
		slices.ContainsFunc(strings.Split(path.Dir(p), "/"), func(dir string) bool {
			return slices.Contains([]string{"test", "tests", "__tests__", "spec"}, dir)
		})
}

// TestsOf lists where the tests of a file may be, most likely first.
func TestsOf(p string) []string {
	dir, ext, stem := path.Dir(p), path.Ext(p), stemOf(p)
	names := map[string][]string{
		".go": {stem + "_test.go"}, ".py": {"test_" + stem + ".py", stem + "_test.py"},
		".rb": {stem + "_spec.rb", stem + "_test.rb"}, ".java": {stem + "Test.java"}, ".kt": {stem + "Test.kt"},
		".cs": {stem + "Tests.cs"}, ".php": {stem + "Test.php"}, ".dart": {stem + "_test.dart"}, ".ex": {stem + "_test.exs"},
	}[ext]
	switch ext {
	case ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte":
		script := ext
		if ext == ".vue" || ext == ".svelte" {
			script = ".ts"
		}
		names = []string{stem + ".test" + script, stem + ".spec" + script}
	}
	var out []string
	for _, n := range names {
		for _, d := range []string{dir, dir + "/__tests__", dir + "/tests", "tests", "test", "spec", inTests(dir)} {
			out = append(out, path.Join(d, n))
		}
	}
	return out
}

// inTests is the directory among the tests that mirrors one of the sources.
func inTests(dir string) string {
	if rest, ok := strings.CutPrefix(dir, "src/main/"); ok {
		return "src/test/" + rest
	}
	for _, top := range []string{"src/", "lib/", "app/"} {
		if rest, ok := strings.CutPrefix(dir, top); ok {
			return "tests/" + rest
		}
	}
	return "tests/" + dir
}
