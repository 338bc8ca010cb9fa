package consent

import (
	"slices"
	"strings"
)

// agentVariables are what agents and the editors that run them set; one that ends
// in an underscore is a prefix.
var agentVariables = []string{"AGENT", "AIDER_", "AI_AGENT", "AMP_", "CLAUDECODE", "CLAUDE_CODE_", "CLINE_", "CODEX_", "COPILOT_", "CRUSH_",
	"CURSOR_", "GEMINI_CLI", "GOOSE_", "OPENCODE", "OPENCODE_", "QWEN_CODE", "REPL_ID", "ROO_", "WINDSURF_"}

// notAgents are variables of those names that a person sets.
var notAgents = []string{"CODEX_HOME", "AIDER_MODEL"}

// AgentVariable is the name of a variable that shows that an agent runs this, ""
// where there is none.
func AgentVariable(environ []string, lookup func(string) (string, bool)) string {
	for _, name := range agentVariables {
		if value, _ := lookup(name); value != "" {
			return name
		}
	}
	for _, pair := range environ {
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
