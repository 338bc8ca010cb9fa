package checkup

import (
	"os"
	"path/filepath"
	"strings"
)

// FindClients looks into the configuration files of the clients that can start
// localmodel, in the project and in the user's directory.
func FindClients(root, home string) []Client {
	type place struct{ name, dir, file string }
	places := []place{
		{"Claude Code", root, ".mcp.json"}, {"Claude Code", home, ".claude.json"},
		{"Claude Code plugin", home, ".claude/plugins/installed_plugins.json"},
		{"Claude Desktop", home, ".config/Claude/claude_desktop_config.json"},
		{"Claude Desktop", home, "Library/Application Support/Claude/claude_desktop_config.json"},
		{"Claude Desktop", home, "AppData/Roaming/Claude/claude_desktop_config.json"},
		{"Cursor", root, ".cursor/mcp.json"}, {"Cursor", home, ".cursor/mcp.json"},
		{"VS Code", root, ".vscode/mcp.json"},
		{"Codex CLI", root, ".codex/config.toml"}, {"Codex CLI", home, ".codex/config.toml"},
		{"Gemini CLI", root, ".gemini/settings.json"}, {"Gemini CLI", home, ".gemini/settings.json"},
		{"Zed", root, ".zed/settings.json"}, {"Zed", home, ".config/zed/settings.json"},
		{"Copilot CLI", root, ".github/mcp.json"}, {"Copilot CLI", home, ".copilot/mcp-config.json"},
	}
	var found []Client
	for _, p := range places {
		if p.dir == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(p.file)))
		if err != nil || !strings.Contains(string(data), "localmodel") {
			continue
		}
		shown := p.file
		if p.dir == home && home != root {
			shown = "~/" + p.file
		}
		found = append(found, Client{Name: p.name, Path: shown})
	}
	return found
}
