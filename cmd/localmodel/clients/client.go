// Package clients puts localmodel's entry into the configuration files of MCP
// clients and takes it out again. Files are edited as text: every byte that is
// not ours stays, comments, key order, line ends and byte order mark included.
package clients

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
)

const claudeCode = "claude-code"

// Place is where files lie on one machine, for one user and project.
type Place struct {
	OS     string // as runtime.GOOS
	Home   string
	Root   string // the project
	Lookup func(string) (string, bool)
}

func (p Place) env(variable string) string {
	v, _ := p.Lookup(variable)
	return strings.TrimSpace(v)
}

// Client is one program that starts MCP servers.
type Client struct {
	Name  string // as the command takes it
	Title string // as a person knows it
	Next  string // what to do so that the entry takes effect

	program string   // that its installation puts on PATH, "" = none
	traces  []string // directories or files beneath the home that it makes

	format  entry.Format
	project string               // file within a project, "" = none
	user    func(p Place) string // file of the user, nil = none
	extra   entry.Entry          // what the entry has beside command, args and env
	root    string               // the project whose file is edited, "" = the user's own file
	workdir string               // how the client spells the project's directory, "" = the server is started there
	fixed   bool                 // the client knows no project: its directory is written down
}

// nextClaudeCode names the trap of the approval dialog, and what keeps a server
// failed that was started before the program was there.
const nextClaudeCode = "start Claude Code in this project and approve the server. " +
	"Its dialog preselects to continue without: Enter alone disables the server, and claude mcp reset-project-choices asks again. " +
	"A server that stays failed: delete mcp-needs-auth-cache.json in ~/.claude (or CLAUDE_CONFIG_DIR) and start again"

// All lists the clients.
func All() []Client {
	mcpServers := entry.JSON("mcpServers")
	return []Client{
		{Name: claudeCode, Title: "Claude Code", Next: nextClaudeCode,
			program: "claude", traces: []string{".claude", ".claude.json"},
			format: mcpServers, project: ".mcp.json", extra: entry.Entry{After: []entry.Member{{Key: "alwaysLoad", Value: true}}}},
		{Name: "claude-desktop", Title: "Claude Desktop", Next: "quit Claude Desktop and start it again",
			format: mcpServers, user: Place.claudeDesktop, fixed: true},
		{Name: "codex", Title: "Codex CLI", Next: "start codex again",
			program: "codex", traces: []string{".codex"},
			format: entry.TOML("mcp_servers"), project: ".codex/config.toml", user: dotDir("CODEX_HOME", ".codex", "config.toml")},
		{Name: "copilot-cli", Title: "Copilot CLI", Next: "start copilot again, or run /mcp show",
			program: "copilot", traces: []string{".copilot"},
			format: mcpServers, project: ".github/mcp.json", user: dotDir("COPILOT_HOME", ".copilot", "mcp-config.json"),
			extra: entry.Entry{Before: []entry.Member{{Key: "type", Value: "local"}}, After: []entry.Member{{Key: "tools", Value: []string{"*"}}}}},
		{Name: "cursor", Title: "Cursor", Next: "open Settings, MCP, and switch localmodel on",
			program: "cursor", traces: []string{".cursor"},
			format: mcpServers, project: ".cursor/mcp.json", user: dotDir("", ".cursor", "mcp.json"), workdir: "${workspaceFolder}"},
		{Name: "gemini", Title: "Gemini CLI", Next: "start gemini again, or run /mcp refresh",
			program: "gemini", traces: []string{".gemini"},
			format: mcpServers, project: ".gemini/settings.json", user: dotDir("", ".gemini", "settings.json")},
		{Name: "vscode", Title: "VS Code", Next: "run the command MCP: List Servers and start localmodel",
			program: "code",
			format:  entry.JSON("servers"), project: ".vscode/mcp.json", user: Place.vscode, workdir: "${workspaceFolder}",
			extra: entry.Entry{Before: []entry.Member{{Key: "type", Value: "stdio"}}}},
		{Name: "zed", Title: "Zed", Next: "open Zed's agent panel; the server starts by itself",
			program: "zed",
			format:  entry.JSON("context_servers"), user: Place.zed},
	}
}

// Lookup returns a client by its name.
func Lookup(wanted string) (Client, error) {
	for _, c := range All() {
		if c.Name == wanted {
			return c, nil
		}
	}
	return Client{}, fmt.Errorf("no client is named %q; the clients are %s", wanted, strings.Join(Names(), ", "))
}

// Names lists the clients' names.
func Names() (names []string) {
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return names
}

// File is the client's configuration file: the project's, or else the user's
// where the client has one.
func (c Client) File(p Place, project bool) (path string, ofProject bool, err error) {
	switch {
	case project && c.project == "":
		return "", false, fmt.Errorf("%s reads no file of a project; leave --project out", c.Title)
	case project || c.user == nil:
		return filepath.Join(p.Root, filepath.FromSlash(c.project)), true, nil
	}
	path = c.user(p)
	if path == "" || !filepath.IsAbs(path) {
		return "", false, errors.New("your home directory is not known; set HOME")
	}
	return path, false, nil
}

// at is the client's file, as File has it, and the client that edits it there: in
// a project no link is followed.
func (c Client) at(p Place, project bool) (Client, string, error) {
	path, ofProject, err := c.File(p, project)
	if ofProject {
		c.root = p.Root
	}
	return c, path, err
}

// OfProject reports whether the file that is edited is a project's.
func (c Client) OfProject() bool { return c.root != "" }

// Entry is what the client starts, with the environment it needs to know the
// project.
func (c Client) Entry(command string, p Place, env []entry.Variable) entry.Entry {
	e := c.extra
	e.Command, e.Args = command, []string{"serve"}
	project := entry.Variable{Name: "CLAUDE_PROJECT_DIR", Value: c.workdir}
	if c.fixed {
		project.Value = p.Root
	}
	given := slices.ContainsFunc(env, func(v entry.Variable) bool { return v.Name == project.Name })
	if project.Value != "" && !given {
		e.Env = append(e.Env, project)
	}
	e.Env = append(e.Env, env...)
	return e
}

func dotDir(variable, dir, file string) func(Place) string {
	return func(p Place) string {
		if set := p.env(variable); set != "" {
			return filepath.Join(set, file)
		}
		return p.inHome(dir, file)
	}
}

// inHome is a path in the user's home directory, "" where that is not known.
func (p Place) inHome(parts ...string) string {
	if p.Home == "" {
		return ""
	}
	return filepath.Join(p.Home, filepath.Join(parts...))
}

// config is the directory where desktop programs keep their settings.
func (p Place) config() string {
	switch {
	case p.OS == "windows":
		return p.env("APPDATA")
	case p.Home == "":
		return ""
	case p.OS == "darwin":
		return filepath.Join(p.Home, "Library", "Application Support")
	case filepath.IsAbs(p.env("XDG_CONFIG_HOME")):
		return p.env("XDG_CONFIG_HOME")
	}
	return filepath.Join(p.Home, ".config")
}

func (p Place) claudeDesktop() string {
	return filepath.Join(p.config(), "Claude", "claude_desktop_config.json")
}

func (p Place) vscode() string { return filepath.Join(p.config(), "Code", "User", "mcp.json") }

func (p Place) zed() string {
	switch {
	case p.OS == "windows":
		return filepath.Join(p.config(), "Zed", "settings.json")
	case p.OS == "darwin" && p.Home != "": // Zed keeps to ~/.config there
		return filepath.Join(p.Home, ".config", "zed", "settings.json")
	}
	return filepath.Join(p.config(), "zed", "settings.json")
}
