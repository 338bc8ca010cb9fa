package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/advice"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Config is every setting, resolved. cmd/localmodel/settings reads them: the
// environment, through the lookup that main hands over, and files of settings.
type Config struct {
	*settings.Set

	Model              string
	Local              string // ollama, openai or proxy
	LocalURL, LocalKey string // of openai
	LocalRemote        bool   // a local tier on another machine counts as local
	Ollama, OllamaKey  string
	NumCtx             int
	KeepAlive          settings.KeepAlive
	Preload            bool
	Slots              int
	Deadline           time.Duration
	ConnectTimeout     time.Duration
	LoadTimeout        time.Duration
	FirstTokenTimeout  time.Duration
	TokenTimeout       time.Duration
	MinConfidence      float64
	Proxy, ProxyKey    string
	Fallback           []policy.Tier
	Cloud              bool
	DailyUSD           float64
	Guard              policy.GuardMode
	Draft              bool
	DraftTemperature   float64 // 0 = the model maker's
	Hint               bool
	State              string
	ProjectName        string // the project's name in the journal; "" = derived
	StateFile          bool   // .claude/implementer-state.json is kept
	LogLevel           slog.Level
	Shell              advice.Shell

	colourless bool // NO_COLOR or a dumb terminal
	lookup     func(string) (string, bool)
	version    string
}

// Load resolves the settings. The lookup distinguishes a variable that is set but
// empty from one that is not set; that matters for LOCALMODEL_FALLBACK alone.
func Load(e Env) *Config {
	s := settings.Load(context.Background(), e.Lookup)
	text := func(name string) string { return settings.Get[string](s, name) }
	limit := func(name string) time.Duration { return settings.Get[time.Duration](s, name) }
	c := &Config{
		Set:               s,
		Model:             text("LOCALMODEL_MODEL"),
		Local:             text("LOCALMODEL_LOCAL"),
		LocalURL:          text("LOCALMODEL_LOCAL_URL"),
		LocalKey:          text("LOCALMODEL_LOCAL_KEY"),
		LocalRemote:       text("LOCALMODEL_LOCAL_REMOTE") == "allow",
		Ollama:            text("OLLAMA_HOST"),
		OllamaKey:         text("OLLAMA_API_KEY"),
		NumCtx:            settings.Get[int](s, "LOCALMODEL_NUM_CTX"),
		KeepAlive:         settings.Get[settings.KeepAlive](s, "LOCALMODEL_KEEP_ALIVE"),
		Preload:           s.On("LOCALMODEL_PRELOAD"),
		Slots:             settings.Get[int](s, "LOCALMODEL_SLOTS"),
		Deadline:          limit("LOCALMODEL_DEADLINE"),
		ConnectTimeout:    limit("LOCALMODEL_CONNECT_TIMEOUT"),
		LoadTimeout:       limit("LOCALMODEL_LOAD_TIMEOUT"),
		FirstTokenTimeout: limit("LOCALMODEL_FIRST_TOKEN_TIMEOUT"),
		TokenTimeout:      limit("LOCALMODEL_TOKEN_TIMEOUT"),
		MinConfidence:     settings.Get[float64](s, "LOCALMODEL_MIN_CONFIDENCE"),
		Proxy:             text("LITELLM_BASE_URL"),
		ProxyKey:          text("LITELLM_MASTER_KEY"),
		Cloud:             s.On("LOCALMODEL_CLOUD"),
		DailyUSD:          settings.Get[float64](s, "LOCALMODEL_CLOUD_DAILY_USD"),
		Guard:             policy.GuardMode(text("LOCALMODEL_GUARD")),
		Draft:             s.On("LOCALMODEL_DRAFT"),
		DraftTemperature:  settings.Get[float64](s, "LOCALMODEL_DRAFT_TEMPERATURE"),
		Hint:              s.On("LOCALMODEL_HINT"),
		State:             text("LOCALMODEL_STATE"),
		ProjectName:       text("LOCALMODEL_PROJECT"),
		LogLevel:          levels[text("LOCALMODEL_LOG")],
		StateFile:         s.KeepsStateFile(context.Background()),
		Shell:             advice.Detect(runtime.GOOS, e.Lookup),
		colourless:        s.Getenv("NO_COLOR") != "" || s.Getenv("TERM") == "dumb",
		lookup:            e.Lookup,
		version:           e.Version,
	}
	for _, tier := range settings.Get[[]string](s, "LOCALMODEL_FALLBACK") {
		c.Fallback = append(c.Fallback, policy.Tier(tier))
	}
	return c
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

// Environ is every variable; trust looks for those of agents.
func Environ() []string { return os.Environ() }

// Painter paints what is written to a stream, where colours are wanted there.
func (c *Config) Painter(out io.Writer) term.Painter {
	return term.Painter(term.Colours(out) && !c.colourless)
}

// ClientPlace is where the files of MCP clients are looked for.
func (c *Config) ClientPlace() clients.Place {
	root, err := filepath.Abs(c.Root)
	if err != nil {
		root = c.Root
	}
	return clients.Place{OS: runtime.GOOS, Home: c.Home(), Root: root, Lookup: c.lookup}
}

// BaselineTier is the tier that would be asked instead of the local model.
func (c *Config) BaselineTier() policy.Tier {
	if len(c.Fallback) > 0 {
		return c.Fallback[0]
	}
	return policy.Cheap
}

// PlanDir is where plans wait that were finished after their call, "" where
// there is no directory for them.
func (c *Config) PlanDir() string { return c.inState("plans") }

// inState is a directory in the user's state directory, "" where there is none.
func (c *Config) inState(name string) string {
	if c.Dirs.State == "" {
		return ""
	}
	return filepath.Join(c.Dirs.State, name)
}
