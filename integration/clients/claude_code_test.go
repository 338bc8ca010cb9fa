package clients

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

func TestClaudeCode(t *testing.T) {
	claude := parts.Need(t, parts.ClaudeCode)
	r := newRig(t, "Claude Code", parts.ClaudeCode)
	r.model = newModelStub(t, r.script, nil)
	entry := r.entry()
	entry["alwaysLoad"] = true
	config := filepath.Join(r.home, "mcp.json")
	write(t, config, toJSON(t, map[string]any{"mcpServers": map[string]any{"localmodel": entry}}))
	r.run(t, append(claudeEnv(r.model.URL), fmt.Sprintf("MCP_TOOL_TIMEOUT=%d", timeout*1000)), claude, "-p", prompt,
		"--mcp-config", config, "--strict-mcp-config", "--allowedTools", "mcp__localmodel", "--model", "scripted", "--output-format", "json")
	r.done(t)
}

// claudeEnv points Claude Code at a model of ours and keeps it from asking
// anybody else.
func claudeEnv(model string) []string {
	return []string{
		"ANTHROPIC_BASE_URL=" + model, "ANTHROPIC_API_KEY=sk-ant-scripted", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1",
	}
}
