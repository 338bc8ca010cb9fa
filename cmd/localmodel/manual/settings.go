package manual

// Setting is one environment variable.
type Setting struct{ Name, Default, Text string }

// Settings are the variables that localmodel reads.
func Settings() []Setting {
	return []Setting{
		{"OLLAMA_HOST", "http://127.0.0.1:11434", "the Ollama server; Ollama's own rules for host, port and scheme"},
		{"LOCALMODEL_MODEL", "qwen3-coder:30b", "the local model"},
		{"LOCALMODEL_LOCAL", "ollama", "proxy: the local tier is the proxy's group free, a fleet of Ollama hosts"},
		{"LOCALMODEL_NUM_CTX", "32768", "tokens; one value for every call, since another makes Ollama reload"},
		{"LOCALMODEL_KEEP_ALIVE", "30m", "how long the model stays in memory"},
		{"LOCALMODEL_PRELOAD", "0", "1: load the model when the server starts"},
		{"LOCALMODEL_SLOTS", "OLLAMA_NUM_PARALLEL, else 1", "local generations at once on this machine, over all windows"},
		{"LOCALMODEL_DEADLINE", "55s", "one whole tool call"},
		{"LOCALMODEL_CONNECT_TIMEOUT", "2s", "until Ollama takes the connection"},
		{"LOCALMODEL_LOAD_TIMEOUT", "10m", "until the model is loaded; the load goes on when the call that started it has ended"},
		{"LOCALMODEL_FIRST_TOKEN_TIMEOUT", "40s", "until the first token"},
		{"LOCALMODEL_TOKEN_TIMEOUT", "10s", "between two tokens"},
		{"LOCALMODEL_MIN_CONFIDENCE", "0.60", "below it the next tier is asked"},
		{"LITELLM_BASE_URL", "http://127.0.0.1:8000", "the LiteLLM proxy with the tiers cheap and balanced"},
		{"LITELLM_MASTER_KEY", "sk-litellm-changeme", "its key; change it: doctor warns while it is the default"},
		{"LOCALMODEL_FALLBACK", "cheap,balanced", "tiers asked when local cannot answer; empty: none"},
		{"LOCALMODEL_CLOUD", "allow", "never: no paid or remote call, whatever an argument says"},
		{"LOCALMODEL_CLOUD_DAILY_USD", "5", "past it the paid tiers are closed until midnight UTC"},
		{"LOCALMODEL_GUARD", "adaptive", "fixed: off for good at 30 % escalated; always; never"},
		{"LOCALMODEL_STATE", ".claude/localmodel/journal.db", "the journal, or postgres://... for a team"},
		{"LOCALMODEL_LOG", "warn", "debug, info, warn or error; to standard error"},
		{"CLAUDE_PROJECT_DIR", "the working directory", "the project: every path in an argument lies inside it"},
	}
}
