package paths

import (
	"path"
	"strings"
	"testing"
	"unicode"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"FEAT-1", "#12", "T001", "1.2", "añadir-票", "My ticket", "feat/login", "a \"quoted\" <id>", strings.Repeat("x", MaxID)} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", " ", "FEAT-1 ", "a\nb", "a\x00b", "a\x1b[2J", "a\u202eb", "a\u200bb", "a\u2028b", "a\u00a0b", "--", "a`b", "\xff",
		"a\U000e0041b", "\u3164", "FEAT\uffa0-1", "1\u2800", "a\ufe0fb", strings.Repeat("x", MaxID+1)} {
		if CheckID(id) == nil {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for _, p := range []string{"main.go", "a/b c.go", "../a", "/etc/passwd", `C:\x`, "票/a.go", "~/x"} {
		if err := Check(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{"", " ", "a\nb", "a\rb", "a\x00", "a\u202eb.go", "a\u2066b", "a\ufeffb", "a\u200db", "a\u3164b", "a\ufe00b", "\u2800/x.go", "a\x9bb", strings.Repeat("x", maxPath+1)} {
		if Check(p) == nil {
			t.Errorf("%q is taken", p)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, p := range []string{
		"~/.ssh/authorized_keys", "~root/x", "./~", `.\C:\x`, ".//~/x", `C:\Windows\x`, "c:x", "D:/x", `\\host\share\x`, "//host/share", "/etc/passwd", `\Windows\x`,
		"../x", "a/../../x", `a\..\x`, "a/..", "a\nb", "a\u202eb", "a`b", "./.git/x", "a//.git/x",
		".git/hooks/pre-commit", "sub/.git/config", ".GIT/config", `.git\config`, ".git", ".git./config", ".git /x", "git~1/x", ".git::$INDEX_ALLOCATION/x",
		".claude/settings.json", "sub/.claude/commands/x.md", ".CLAUDE/x", ".claude", ".mcp.json", ".cursor/mcp.json", ".codex/config.toml",
		".gemini/settings.json", ".vscode/mcp.json", "opencode.json", "home/.ssh/config", "",
		".cur\u017for/mcp.json", ".mcp.j\u017fon", ".\u017f\u017fh/config", ".\u212aube/config",
	} {
		if Refused(p, true) == "" {
			t.Errorf("%q may be touched", p)
		}
	}
	for _, p := range []string{"CLAUDE.md", "docs/AGENTS.md", ".cursorrules", ".github/workflows/ci.yml", ".vscode/tasks.json", ".husky/pre-commit", ".envrc",
		".github/copilot-instructions.md", ".gitmodules", ".pre-commit-config.yaml", "Jenkinsfile"} {
		if Refused(p, false) == "" {
			t.Errorf("%q may be touched by a plan whose ticket does not name it", p)
		}
		if why := Refused(p, true); why != "" {
			t.Errorf("%q, named by the ticket: %s", p, why)
		}
	}
	for _, p := range []string{"main.go", "src/app/[id]/page.tsx", ".gitignore", ".github/CODEOWNERS", "git/x.go", "claude/x.go", "a/b...c", "..a", ".env.example",
		"src/agents.go", "docs/claude-code.md", "mcp.json", "a b.go", "票.go"} {
		if why := Refused(p, false); why != "" {
			t.Errorf("%q: %s", p, why)
		}
	}
}

// What may be touched is a path beneath the project, in every reading of it.
func FuzzRefused(f *testing.F) {
	for _, p := range []string{"a/b.go", "~/x", `C:\x`, "../x", ".git/config", "a\u202eb", `a\..\b`, ".claude./x", "a:b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if Refused(p, true) != "" {
			return
		}
		if strings.IndexFunc(p, unicode.IsControl) >= 0 || len(p) > maxPath {
			t.Fatalf("%q is taken", p)
		}
		for _, reading := range []string{p, strings.ReplaceAll(p, `\`, "/")} {
			clean := path.Clean(reading)
			if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.HasPrefix(clean, "~") {
				t.Fatalf("%q leads to %q", p, clean)
			}
			for part := range strings.SplitSeq(strings.ToLower(clean), "/") {
				if strings.TrimRight(part, ". ") == ".git" || strings.HasPrefix(part, ".git:") {
					t.Fatalf("%q leads into %q", p, part)
				}
			}
		}
	})
}
