// Package settings is the table of settings, one row each, and where a value
// comes from: environment, config.toml in the user's config directory, the
// project's file as far as the user trusts it, default. A bad value never stops
// the server: the default is used, and it is reported.
package settings

import (
	"slices"
	"strings"
)

// Row is one setting. The table feeds loading, `localmodel config`, doctor, the
// manual and README.
type Row struct {
	Name    string // the environment variable
	Default string // as a person would write it
	Meaning string // one line
	Secret  bool   // never shown
	EnvOnly bool   // cannot be set in config.toml

	parse parser
	// instead is the value in place of a bad one, "" = Default: a word for CLOUD
	// that is not known closes it, since whoever set it did not mean the default.
	instead string
	// computed is a default that depends on the machine: Default describes it.
	computed func(s *Set) any
}

// Key is the setting's key in config.toml, "" where it has none.
func (r Row) Key() string {
	if r.EnvOnly {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(r.Name, "LOCALMODEL_"))
}

const (
	name     = "LOCALMODEL_"
	seconds  = "a duration such as 40s or 10m"
	loopback = "http://127.0.0.1:"
)

// DefaultKey is the proxy's key as its documentation has it, known to everyone.
const DefaultKey = "sk-litellm-changeme"

// Table has every setting.
var Table = []Row{
	{Name: "OLLAMA_HOST", Default: loopback + "11434", parse: ollamaHost,
		Meaning: "the Ollama server; Ollama's own rules for host, port and scheme"},
	{Name: "OLLAMA_API_KEY", Secret: true, parse: text(4096),
		Meaning: "sent as a bearer token to that server only"},
	{Name: name + "MODEL", Default: "qwen3-coder:30b", parse: text(200),
		Meaning: "the local model"},
	{Name: name + "LOCAL", Default: "ollama", parse: choice("ollama", "openai", "proxy"),
		Meaning: "openai: a chat-completions server at LOCALMODEL_LOCAL_URL; proxy: the proxy's group free, a fleet"},
	{Name: name + "LOCAL_URL", parse: address,
		Meaning: "the server of LOCALMODEL_LOCAL=openai: LM Studio, llama.cpp, vLLM"},
	{Name: name + "LOCAL_KEY", Secret: true, parse: text(4096),
		Meaning: "sent as a bearer token to that server only"},
	{Name: name + "LOCAL_REMOTE", Default: "deny", parse: choice("deny", "allow"),
		Meaning: "allow: a local tier on another machine counts as local for route local"},
	{Name: name + "NUM_CTX", Default: "32768", parse: whole(512, 1<<22),
		Meaning: "tokens; one value for every call, since another makes Ollama reload"},
	{Name: name + "KEEP_ALIVE", Default: "30m", parse: keepAlive,
		Meaning: "how long the model stays in memory: a duration, seconds, 0, -1 (for good), or server (as the server is set)"},
	{Name: name + "PRELOAD", Default: "0", parse: flag("0", "1"),
		Meaning: "1: load the model when the server starts"},
	{Name: name + "SLOTS", Default: "OLLAMA_NUM_PARALLEL, else 1", computed: always(1), parse: whole(1, 1024),
		Meaning: "local generations at once on this machine, over all windows"},
	{Name: name + "DEADLINE", Default: "55s", parse: duration,
		Meaning: "one whole tool call"},
	{Name: name + "CONNECT_TIMEOUT", Default: "2s", parse: duration,
		Meaning: "until a server takes the connection"},
	{Name: name + "LOAD_TIMEOUT", Default: "10m", parse: duration,
		Meaning: "until the model is loaded; the load goes on when the call that started it has ended"},
	{Name: name + "FIRST_TOKEN_TIMEOUT", Default: "40s", parse: duration,
		Meaning: "until the first token"},
	{Name: name + "TOKEN_TIMEOUT", Default: "10s", parse: duration,
		Meaning: "between two tokens"},
	{Name: name + "MIN_CONFIDENCE", Default: "0.60", parse: between(0, 1),
		Meaning: "below it the next tier is asked"},
	{Name: "LITELLM_BASE_URL", Default: loopback + "8000", parse: address,
		Meaning: "the LiteLLM proxy with the tiers cheap and balanced; /v1 at the end may be left out"},
	{Name: "LITELLM_MASTER_KEY", Default: DefaultKey, Secret: true, parse: text(4096),
		Meaning: "its key; change it: doctor warns while it is the default"},
	{Name: name + "FALLBACK", Default: "cheap,balanced", parse: tiers,
		Meaning: "tiers asked when local cannot answer; none, or empty: nobody"},
	{Name: name + "CLOUD", Default: "allow", instead: "never", parse: flag("never", "allow"),
		Meaning: "never: no paid or remote call, whatever an argument says"},
	{Name: name + "CLOUD_DAILY_USD", Default: "5", parse: between(0, 1e6),
		Meaning: "per user and UTC day; past it the paid tiers are closed until midnight UTC"},
	{Name: name + "GUARD", Default: "adaptive", parse: choice("adaptive", "fixed", "always", "never"),
		Meaning: "fixed: off for good at 30 % escalated; always; never"},
	{Name: name + "DRAFT", Default: "off", parse: flag("off", "on"),
		Meaning: "on: plan_ticket also drafts the change"},
	{Name: name + "DRAFT_TEMPERATURE", Default: "the model maker's, else 0.7", computed: always(0.0), parse: between(0.05, 2),
		Meaning: "the temperature of a draft's code"},
	{Name: name + "HINT", Default: "off", parse: flag("off", "on"),
		Meaning: "on: localmodel hint, the plugin's hook, says at a session's start how many tickets are open"},
	{Name: name + "STATE", Default: "journal.db in the user's state directory", computed: (*Set).ownJournal, parse: statePath,
		Meaning: "the journal: a path of your own, or postgres://... for a team"},
	{Name: name + "PROJECT", Default: "derived", computed: always(""), parse: label(200),
		Meaning: "the project's name in the journal; derived from the main worktree's path, for a team from the remote origin"},
	{Name: name + "STATE_FILE", Default: "auto", parse: choice("auto", "on", "off"),
		Meaning: "auto: .claude/implementer-state.json is kept where it exists or backlog.config.json does; on; off"},
	{Name: name + "LOG", Default: "warn", parse: choice("warn", "debug", "info", "error"),
		Meaning: "what goes to standard error: debug, info, warn or error"},
	{Name: "CLAUDE_PROJECT_DIR", Default: "the working directory", computed: always(""), EnvOnly: true, parse: text(4096),
		Meaning: "the project: every path in an argument lies inside it"},
}

func row(name string) *Row {
	return &Table[slices.IndexFunc(Table, func(r Row) bool { return r.Name == name })]
}
