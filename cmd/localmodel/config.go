package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/internal/advice"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// config is every setting, resolved. cmd/localmodel/settings reads them: the
// environment, through the lookup that main hands over, and files of settings.
type config struct {
	*settings.Set

	root                string
	model               string
	local               string // ollama, openai or proxy
	localURL, localKey  string // of openai
	localRemote         bool   // a local tier on another machine counts as local
	ollama, ollamaKey   string
	numCtx              int
	keepAlive           settings.KeepAlive
	preload             bool
	slots               int
	deadline            time.Duration
	connect, load       time.Duration
	firstToken, token   time.Duration
	minConfidence       float64
	proxy, key          string
	fallback            []policy.Tier
	cloud               bool
	dailyUSD            float64
	guard               policy.GuardMode
	draft               bool
	draftTemperature    float64 // 0 = the model maker's
	hint                bool
	state               string
	project             string // the project's name in the journal; "" = derived
	stateFile           bool   // .claude/implementer-state.json is kept
	log                 slog.Level
	prefixes            []string
	home                string // the user's directory; "" = not known
	shell               advice.Shell
	plain               bool // NO_COLOR or a dumb terminal: no colour is wanted
	problems, untrusted []string
}

// loadConfig resolves the settings. lookup tells a variable that is set but
// empty from one that is not set; that matters for LOCALMODEL_FALLBACK alone.
func loadConfig(lookup func(string) (string, bool)) *config {
	s := settings.Load(context.Background(), lookup)
	text := func(name string) string { return settings.Get[string](s, name) }
	limit := func(name string) time.Duration { return settings.Get[time.Duration](s, name) }
	c := &config{
		Set:           s,
		root:          s.Root,
		model:         text("LOCALMODEL_MODEL"),
		local:         text("LOCALMODEL_LOCAL"),
		localURL:      text("LOCALMODEL_LOCAL_URL"),
		localKey:      text("LOCALMODEL_LOCAL_KEY"),
		localRemote:   text("LOCALMODEL_LOCAL_REMOTE") == "allow",
		ollama:        text("OLLAMA_HOST"),
		ollamaKey:     text("OLLAMA_API_KEY"),
		numCtx:        settings.Get[int](s, "LOCALMODEL_NUM_CTX"),
		keepAlive:     settings.Get[settings.KeepAlive](s, "LOCALMODEL_KEEP_ALIVE"),
		preload:       s.On("LOCALMODEL_PRELOAD"),
		slots:         settings.Get[int](s, "LOCALMODEL_SLOTS"),
		deadline:      limit("LOCALMODEL_DEADLINE"),
		connect:       limit("LOCALMODEL_CONNECT_TIMEOUT"),
		load:          limit("LOCALMODEL_LOAD_TIMEOUT"),
		firstToken:    limit("LOCALMODEL_FIRST_TOKEN_TIMEOUT"),
		token:         limit("LOCALMODEL_TOKEN_TIMEOUT"),
		minConfidence: settings.Get[float64](s, "LOCALMODEL_MIN_CONFIDENCE"),
		proxy:         text("LITELLM_BASE_URL"),
		key:           text("LITELLM_MASTER_KEY"),
		cloud:         s.On("LOCALMODEL_CLOUD"),
		dailyUSD:      settings.Get[float64](s, "LOCALMODEL_CLOUD_DAILY_USD"),
		guard:         policy.GuardMode(text("LOCALMODEL_GUARD")),
		draft:         s.On("LOCALMODEL_DRAFT"),
		hint:          s.On("LOCALMODEL_HINT"),
		state:         text("LOCALMODEL_STATE"),
		project:       text("LOCALMODEL_PROJECT"),
		log:           levels[text("LOCALMODEL_LOG")],
		stateFile:     s.KeepsStateFile(context.Background()),
		prefixes:      s.Project.Prefixes,
		home:          s.Home(),
		shell:         advice.Detect(runtime.GOOS, lookup),
		plain:         s.Getenv("NO_COLOR") != "" || s.Getenv("TERM") == "dumb",
		problems:      s.Problems,
		untrusted:     s.TrustNotes(),
	}
	c.draftTemperature = settings.Get[float64](s, "LOCALMODEL_DRAFT_TEMPERATURE")
	for _, tier := range settings.Get[[]string](s, "LOCALMODEL_FALLBACK") {
		c.fallback = append(c.fallback, policy.Tier(tier))
	}
	return c
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// environ is every variable; trust looks for those of agents.
func environ() []string { return os.Environ() }

// planDir is where plans wait that were finished after their call, "" where
// there is no directory for them.
func (c *config) planDir() string {
	if c.Dirs.State == "" {
		return ""
	}
	return filepath.Join(c.Dirs.State, "plans")
}

// slotDir is where the lock files of local calls are, "" where there is no
// directory for them.
func (c *config) slotDir() string {
	if c.Dirs.State == "" {
		return ""
	}
	return filepath.Join(c.Dirs.State, "slots")
}
