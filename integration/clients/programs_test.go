package clients

import (
	"path/filepath"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// timeout is each client's own for a call of a tool, in seconds: what ends the
// call that is never answered.
const timeout = 20

const prompt = marker + " Do what the model says."

// node is the Node that runs a client made of scripts.
func node(t *testing.T) string {
	t.Helper()
	return parts.Program(t, "node")
}

func TestCodex(t *testing.T) {
	codex := parts.Need(t, parts.Codex)
	r := newRig(t, "Codex CLI", parts.Codex)
	r.model = newModelStub(t, r.script, nil)
	entry := r.entry()
	entry["tool_timeout_sec"] = timeout
	config, err := toml.Marshal(map[string]any{
		"model": "scripted", "model_provider": "stub", "check_for_update_on_startup": false,
		"model_providers": map[string]any{"stub": map[string]any{
			"name": "stub", "base_url": r.model.URL + "/v1", "wire_api": "responses", "env_key": "STUB_KEY"}},
		"mcp_servers": map[string]any{"localmodel": entry},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.home, ".codex", "config.toml"), string(config))
	r.run(t, []string{"STUB_KEY=stub", "CODEX_HOME=" + filepath.Join(r.home, ".codex")}, node(t), codex, "exec",
		"--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt)
	r.done(t)
}

func TestGeminiCLI(t *testing.T) {
	gemini := parts.Need(t, parts.GeminiCLI)
	r := newRig(t, "Gemini CLI", parts.GeminiCLI)
	r.model = newModelStub(t, r.script, nil)
	entry := r.entry()
	entry["timeout"], entry["trust"] = timeout*1000, true
	write(t, filepath.Join(r.home, ".gemini", "settings.json"), toJSON(t, map[string]any{
		"mcpServers": map[string]any{"localmodel": entry},
		"security":   map[string]any{"auth": map[string]any{"selectedType": "gemini-api-key"}},
		"privacy":    map[string]any{"usageStatisticsEnabled": false},
		"general":    map[string]any{"disableAutoUpdate": true},
	}))
	r.run(t, []string{"GEMINI_API_KEY=stub", "GOOGLE_GEMINI_BASE_URL=" + r.model.URL, "GEMINI_CLI_TRUST_WORKSPACE=true"},
		node(t), gemini, "--yolo", "-m", "gemini-2.5-flash", "-p", prompt)
	r.done(t)
}

func TestCopilotCLI(t *testing.T) {
	copilot := parts.Need(t, parts.CopilotCLI)
	r := newRig(t, "Copilot CLI", parts.CopilotCLI)
	r.model = newModelStub(t, r.script, nil)
	r.interrupts = true // it keeps no limit of its own in this mode
	entry := r.entry()
	entry["type"], entry["tools"] = "local", []string{"*"}
	write(t, filepath.Join(r.home, ".copilot", "mcp-config.json"), toJSON(t, map[string]any{
		"mcpServers": map[string]any{"localmodel": entry}}))
	r.run(t, []string{
		"COPILOT_PROVIDER_TYPE=anthropic", "COPILOT_PROVIDER_BASE_URL=" + r.model.URL, "COPILOT_PROVIDER_API_KEY=stub",
		"COPILOT_MODEL=claude-sonnet-4.5", "COPILOT_OFFLINE=true",
	}, copilot, "--allow-all-tools", "--no-auto-update", "-p", prompt)
	r.done(t)
}

func TestOpenCode(t *testing.T) {
	opencode := parts.Need(t, parts.OpenCode)
	r := newRig(t, "opencode", parts.OpenCode)
	r.model = newModelStub(t, r.script, nil)
	r.interrupts = true
	config := filepath.Join(r.home, "opencode.json")
	write(t, config, toJSON(t, map[string]any{
		"model": "stub/scripted", "small_model": "stub/scripted", "autoupdate": false, "share": "disabled",
		"provider": map[string]any{"stub": map[string]any{
			"npm": "@ai-sdk/anthropic", "name": "stub", "models": map[string]any{"scripted": map[string]any{"name": "scripted"}},
			"options": map[string]any{"baseURL": r.model.URL + "/v1", "apiKey": "stub"}}},
		"mcp": map[string]any{"localmodel": map[string]any{
			"type": "local", "command": r.server, "environment": r.env, "timeout": timeout * 1000, "enabled": true}},
	}))
	r.run(t, []string{"OPENCODE_CONFIG=" + config, "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_MODELS_FETCH=1"},
		opencode, "run", "--model", "stub/scripted", prompt)
	r.done(t)
}
