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

	Model             string             `setting:"LOCALMODEL_MODEL"`
	Local             string             `setting:"LOCALMODEL_LOCAL"` // ollama, openai or proxy
	LocalURL          string             `setting:"LOCALMODEL_LOCAL_URL"`
	LocalKey          string             `setting:"LOCALMODEL_LOCAL_KEY"`
	LocalRemote       bool               // a local tier on another machine counts as local
	Ollama            string             `setting:"OLLAMA_HOST"`
	OllamaKey         string             `setting:"OLLAMA_API_KEY"`
	NumCtx            int                `setting:"LOCALMODEL_NUM_CTX"`
	KeepAlive         settings.KeepAlive `setting:"LOCALMODEL_KEEP_ALIVE"`
	Preload           bool               `setting:"LOCALMODEL_PRELOAD"`
	Slots             int                `setting:"LOCALMODEL_SLOTS"`
	Deadline          time.Duration      `setting:"LOCALMODEL_DEADLINE"`
	ConnectTimeout    time.Duration      `setting:"LOCALMODEL_CONNECT_TIMEOUT"`
	LoadTimeout       time.Duration      `setting:"LOCALMODEL_LOAD_TIMEOUT"`
	FirstTokenTimeout time.Duration      `setting:"LOCALMODEL_FIRST_TOKEN_TIMEOUT"`
	TokenTimeout      time.Duration      `setting:"LOCALMODEL_TOKEN_TIMEOUT"`
	MinConfidence     float64            `setting:"LOCALMODEL_MIN_CONFIDENCE"`
	Proxy             string             `setting:"LITELLM_BASE_URL"`
	ProxyKey          string             `setting:"LITELLM_MASTER_KEY"`
	Fallback          []policy.Tier
	Cloud             bool             `setting:"LOCALMODEL_CLOUD"`
	DailyUSD          float64          `setting:"LOCALMODEL_CLOUD_DAILY_USD"`
	Guard             policy.GuardMode `setting:"LOCALMODEL_GUARD"`
	Draft             bool             `setting:"LOCALMODEL_DRAFT"`
	DraftTemperature  float64          `setting:"LOCALMODEL_DRAFT_TEMPERATURE"` // 0 = the model maker's
	Hint              bool             `setting:"LOCALMODEL_HINT"`
	State             string           `setting:"LOCALMODEL_STATE"`
	ProjectName       string           `setting:"LOCALMODEL_PROJECT"` // in the journal; "" = derived
	StateFile         bool             // .claude/implementer-state.json is kept
	LogLevel          slog.Level
	Shell             advice.Shell

	colourless bool // NO_COLOR or a dumb terminal
	lookup     func(string) (string, bool)
	version    string
}

// Load resolves the settings. The lookup distinguishes a variable that is set but
// empty from one that is not set; that matters for LOCALMODEL_FALLBACK alone.
func Load(e Env) *Config {
	s := settings.Load(context.Background(), e.Lookup)
	c := &Config{
		Set:         s,
		LocalRemote: settings.Get[string](s, "LOCALMODEL_LOCAL_REMOTE") == "allow",
		StateFile:   s.KeepsStateFile(context.Background()),
		Shell:       advice.Detect(runtime.GOOS, e.Lookup),
		colourless:  s.Getenv("NO_COLOR") != "" || s.Getenv("TERM") == "dumb",
		lookup:      e.Lookup,
		version:     e.Version,
	}
	s.Fill(c)
	_ = c.LogLevel.UnmarshalText([]byte(settings.Get[string](s, "LOCALMODEL_LOG"))) // the table knows slog's levels alone
	for _, tier := range settings.Get[[]string](s, "LOCALMODEL_FALLBACK") {
		c.Fallback = append(c.Fallback, policy.Tier(tier))
	}
	return c
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
