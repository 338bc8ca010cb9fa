package parts

import (
	"path/filepath"
	"runtime"
)

// Clients of the protocol that integration/clients drives.
const (
	ClaudeCode    = "claude-code"
	Codex         = "codex"
	GeminiCLI     = "gemini-cli"
	CopilotCLI    = "copilot-cli"
	OpenCode      = "opencode"
	PythonSDK     = "python-sdk"
	TypeScriptSDK = "typescript-sdk"
)

// ClientLock is the complete lock of a client, from the module's root.
func ClientLock(part string) string {
	if part == PythonSDK {
		return "integration/clients/locks/" + part + "/requirements.txt"
	}
	return "integration/clients/locks/" + part + "/package-lock.json"
}

// NPMClients are the clients that npm installs.
var NPMClients = []string{ClaudeCode, Codex, GeminiCLI, CopilotCLI, OpenCode, TypeScriptSDK}

// clients are their rows. The two SDKs are small and a part of every run; the
// others are 100 to 400 MB each.
func clients() []Part {
	modules := func(part string, file ...string) func() (string, string, error) {
		return locked(part, ClientLock(part), filepath.Join(append([]string{"node_modules"}, file...)...))
	}
	return []Part{
		{Name: TypeScriptSDK, What: "TypeScript SDK of MCP", Env: "TYPESCRIPT_SDK",
			Cached: modules(TypeScriptSDK, "@modelcontextprotocol", "sdk", "package.json")},
		{Name: PythonSDK, What: "Python SDK of MCP", Env: "PYTHON_SDK",
			Cached: locked(PythonSDK, ClientLock(PythonSDK), exe("mcp"))},
		// No script of a package is run, so the native programs are named where
		// their packages have them.
		{Name: ClaudeCode, What: "Claude Code", Env: "CLAUDE_BIN", OnDemand: true,
			Cached: modules(ClaudeCode, "@anthropic-ai", "claude-code-"+nodePlatform(), exe("claude"))},
		{Name: Codex, What: "Codex CLI", Env: "CODEX_BIN", OnDemand: true,
			Cached: modules(Codex, "@openai", "codex", "bin", "codex.js")},
		{Name: GeminiCLI, What: "Gemini CLI", Env: "GEMINI_BIN", OnDemand: true,
			Cached: modules(GeminiCLI, "@google", "gemini-cli", "bundle", "gemini.js")},
		{Name: CopilotCLI, What: "Copilot CLI", Env: "COPILOT_BIN", OnDemand: true,
			Cached: modules(CopilotCLI, "@github", "copilot-"+nodePlatform(), exe("copilot"))},
		{Name: OpenCode, What: "opencode", Env: "OPENCODE_BIN", OnDemand: true,
			Cached: modules(OpenCode, "opencode-"+nodePlatform(), "bin", exe("opencode"))},
	}
}

// nodePlatform is system and processor in the words of Node's packages.
func nodePlatform() string {
	system, processor := runtime.GOOS, runtime.GOARCH
	if system == "windows" {
		system = "win32"
	}
	if processor == "amd64" {
		processor = "x64"
	}
	return system + "-" + processor
}
