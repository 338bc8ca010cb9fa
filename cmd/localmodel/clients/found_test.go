package clients

import (
	"os"
	"path/filepath"
	"testing"
)

// doctor lists what Claude Code keeps in its own files, where CLAUDE_CONFIG_DIR
// says that they are.
func TestFind_ClaudeConfigDir(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "plugins"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, ".claude.json"), []byte(`{"mcpServers":{"localmodel":{}}}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "plugins", "installed_plugins.json"), []byte(`{"plugins":{"localmodel@x":[]}}`), 0o600))
	for set, want := range map[string]string{"": filepath.Join("~", ".claude.json"), dir: filepath.Join(dir, "plugins", "installed_plugins.json")} {
		p := Place{OS: "linux", Home: home, Root: t.TempDir(), Lookup: func(v string) (string, bool) {
			if v == "CLAUDE_CONFIG_DIR" {
				return set, true
			}
			return "", false
		}}
		found := Find(p)
		if len(found) != 1 || found[0].Path != want {
			t.Errorf("CLAUDE_CONFIG_DIR=%s: found %+v, want %s", set, found, want)
		}
	}
}
