package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
)

// TestAfterDemo holds that the demo ends with what is next on this machine.
func TestAfterDemo(t *testing.T) {
	home, root := t.TempDir(), t.TempDir()
	t.Setenv("PATH", "")
	place := clients.Place{Home: home, Root: root, OS: "linux", Lookup: func(string) (string, bool) { return "", false }}
	check := func(what string, up bool, want string) {
		t.Helper()
		if got := next(place, up); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	check("no model", false, "localmodel setup: ")
	check("no client", true, "localmodel install: ")
	if err := os.Mkdir(filepath.Join(home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	check("a client without it", true, "localmodel install claude-code: ")
	entry := `{"mcpServers":{"localmodel":{"command":"localmodel","args":["serve"]}}}`
	if err := os.WriteFile(filepath.Join(root, ".mcp.json"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	check("a client that has it", true, "open your project in Claude Code")
}
