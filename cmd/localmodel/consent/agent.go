package consent

import (
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
)

// agentVariables are what agents and the editors that run them set; one that ends
// in an underscore is a prefix.
var agentVariables = []string{"AGENT", "AIDER_", "AI_AGENT", "AMP_", "CLAUDECODE", "CLAUDE_CODE_", "CLINE_", "CODEX_", "COPILOT_", "CRUSH_",
	"CURSOR_", "GEMINI_CLI", "GOOSE_", "OPENCODE", "OPENCODE_", "QWEN_CODE", "REPL_ID", "ROO_", "WINDSURF_"}

// notAgents are variables of those names that a person sets.
var notAgents = []string{"CODEX_HOME", "AIDER_MODEL"}

// AgentVariable is the name of a variable that shows that an agent runs this, ""
// where there is none.
func AgentVariable(e app.Env) string {
	for _, name := range agentVariables {
		if value, _ := e.Lookup(name); value != "" {
			return name
		}
	}
	for _, pair := range app.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToUpper(name)
		if value == "" || slices.Contains(notAgents, name) {
			continue
		}
		for _, agent := range agentVariables {
			if name == agent || strings.HasSuffix(agent, "_") && strings.HasPrefix(name, agent) {
				return name
			}
		}
	}
	return ""
}
