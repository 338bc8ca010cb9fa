package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/openai"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/project"
	"github.com/fjbelchi/localmodel/tools"
)

// app is the program put together. Nothing is opened or dialled yet.
type app struct {
	config *config
	store  *statestore.Store
	router *routing.Router
	deps   *tools.Deps
	log    *slog.Logger
	unmade string // path of the journal where the store is only an empty one in its place
}

func build(w env) *app { return assemble(w, loadConfig(w.lookup)) }

// assemble puts the program together with the tiers that are named, else with
// all that are configured.
func assemble(w env, c *config, only ...policy.Tier) *app {
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: c.log}))
	guard := policy.Guard{Mode: c.guard}
	name, problem := c.projectName()
	store := statestore.New(statestore.Options{State: c.state, Dir: c.Dirs.State, Root: c.stateFileRoot(), Project: name, ProjectErr: problem,
		User: c.user(), Log: log, Version: version(),
		Settle: func(state []byte, closed statestore.Closed) ([]byte, error) {
			return guard.Settle(closed.TicketID, state, closed.Escalated, time.Now())
		}})
	router := routing.New(c.routing(log), c.backends(log, only), ledger{store, strings.HasPrefix(c.state, "postgres")}, budget{store, c.dailyUSD})
	deps := &tools.Deps{
		Root: c.root, Prefixes: c.prefixes, Model: c.model, NumCtx: c.numCtx, Deadline: c.deadline,
		Guard: guard, Asker: router, Room: router.Room, Journal: store, Problems: append(slices.Clone(c.problems), c.untrusted...), CloudAllowed: c.cloud, Log: log,
		PaidTier: c.cloud && len(c.fallback) > 0,
		Project:  name, DraftDefault: c.draft, DraftTemperature: c.draftTemperature, Shell: c.shell,
	}
	if c.Dirs.State != "" {
		deps.TrustedCommands = func(ctx context.Context) ([]string, string) {
			return settings.TrustedCommands(ctx, c.Dirs.State, c.root)
		}
		deps.Environ, deps.Confine = environ, itself(confineWord)
		deps.Drafts = deps.NewDrafts(filepath.Join(c.Dirs.State, "drafts"), itself(parseWord)...)
	}
	return &app{config: c, store: store, router: router, log: log, deps: deps}
}

// itself is this program as the process that a word makes of it; nil where it
// does not know its own name.
func itself(word string) []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, word}
}

// close ends the background work and the journal.
func (p *app) close() {
	if p.deps.Drafts != nil {
		p.deps.Drafts.Close()
	}
	if err := p.store.Close(); err != nil {
		p.log.Warn("closing the journal", "err", err)
	}
}

// stateFileRoot is where the state file is kept, "" = nowhere.
func (c *config) stateFileRoot() string {
	if !c.stateFile {
		return ""
	}
	return c.root
}

// nameWithin is how long the name of a project may take to be found.
const nameWithin = 2 * time.Second

// projectName is whose rows are written, or why that is not known.
func (c *config) projectName() (string, error) {
	switch {
	case c.state == "":
		return "", errors.New("there is no directory for the journal: set HOME or LOCALMODEL_STATE")
	case c.project != "":
		return c.project, nil
	}
	ctx, stop := context.WithTimeout(context.Background(), nameWithin)
	defer stop()
	if statestore.IsPostgres(c.state) {
		return project.Remote(ctx, c.root)
	}
	return project.Local(ctx, c.root)
}

// user is whose money is spent where several share a journal.
func (c *config) user() string {
	if !statestore.IsPostgres(c.state) {
		return ""
	}
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// routing is what the router needs to know of the configuration.
func (c *config) routing(log *slog.Logger) routing.Config {
	return routing.Config{CloudAllowed: c.cloud, LocalRemote: c.localRemote, MinConfidence: c.minConfidence, Log: log}
}

// backends are the tiers in order: the local one, then the paid ones. only
// names the ones that are wanted; none = all that are configured.
func (c *config) backends(log *slog.Logger, only []policy.Tier) []routing.Backend {
	if len(only) == 0 {
		only = append([]policy.Tier{policy.Local}, c.fallback...)
	}
	proxy := c.litellm()
	local := map[string]func() routing.Backend{ // a new kind of local tier is one line here
		"ollama": func() routing.Backend { return c.native(c.model, log) },
		"openai": func() routing.Backend { return c.localServer(c.model) },
		"proxy":  func() routing.Backend { return proxy.Tier(policy.Local) },
	}
	var tiers []routing.Backend
	for _, t := range only {
		if t == policy.Local {
			tiers = append(tiers, local[c.local]())
			continue
		}
		tiers = append(tiers, proxy.Tier(t))
	}
	return tiers
}

// backend is one tier by the name that ask and eval know it by: free, cheap,
// balanced, or a model of the local server.
func (c *config) backend(name string, log *slog.Logger) routing.Backend {
	switch name {
	case "free":
		return c.litellm().Tier(policy.Local)
	case string(policy.Cheap), string(policy.Balanced):
		return c.litellm().Tier(policy.Tier(name))
	}
	if c.local == "openai" {
		return c.localServer(name)
	}
	return c.native(name, log)
}

// localServer is a model of the server at LOCALMODEL_LOCAL_URL.
func (c *config) localServer(model string) routing.Backend {
	return openai.NewLocal(openai.LocalConfig{URL: c.localURL, Key: c.localKey, Model: model,
		ConnectTimeout: c.connect, NumCtx: c.numCtx, Version: version()})
}

func (c *config) native(model string, log *slog.Logger) routing.Backend {
	return ollama.New(ollama.Config{
		URL: c.ollama, Key: c.ollamaKey, Model: model, NumCtx: c.numCtx, KeepAlive: c.keepAlive.For, ServerKeepAlive: c.keepAlive.Server, Slots: c.slots, SlotDir: c.slotDir(),
		ConnectTimeout: c.connect, LoadTimeout: c.load, FirstTokenTimeout: c.firstToken, TokenTimeout: c.token,
		Log: log, Version: version(),
	})
}

func (c *config) litellm() *openai.Server {
	return openai.New(openai.Config{URL: c.proxy, Key: c.key, ConnectTimeout: c.connect, NumCtx: c.numCtx, Version: version()})
}

// ledger writes the router's calls into the journal: routing and statestore
// know nothing of each other.
type ledger struct {
	store *statestore.Store
	team  bool // other machines write to it, too
}

func (l ledger) Call(ctx context.Context, c routing.CallRecord) error {
	return l.store.LogCall(ctx, statestore.Call{At: c.At, Purpose: c.Purpose, TicketID: c.TicketID, Tier: string(c.Tier),
		Model: c.Model, Digest: c.Digest, PromptVersion: prompts.Version, TokensIn: c.TokensIn, TokensOut: c.TokensOut,
		CostUSD: c.CostUSD, Estimated: c.Estimated, Paid: c.Paid, MS: c.MS, Result: c.Result})
}

// Timings are what the forecast of a local call is made from. Speeds of another
// week, or of another machine's model, say little; who was given up an hour ago
// is tried again.
func (l ledger) Timings(ctx context.Context, model string) ([]policy.Timing, error) {
	const calls, days, retry = 30, 7, time.Hour
	if l.team {
		return nil, nil // their speeds are not this machine's
	}
	recent, err := l.store.RecentLocal(ctx, model, time.Now().AddDate(0, 0, -days), calls)
	var out []policy.Timing
	for _, c := range recent {
		timedOut := c.Result == string(routing.Timeout)
		switch {
		case timedOut && time.Since(c.At) > retry:
		case timedOut, c.Result == "ok", c.Result == string(routing.InvalidOutput), c.Result == string(routing.LowConfidence):
			out = append(out, policy.Timing{
				Purpose: c.Purpose, In: c.TokensIn, Out: c.TokensOut,
				Took: time.Duration(c.MS) * time.Millisecond, TimedOut: timedOut,
			})
		}
	}
	return out, err
}

// budget keeps paid calls within the day's cap.
type budget struct {
	store  *statestore.Store
	capUSD float64
}

func (b budget) Reserve(ctx context.Context, tier policy.Tier, estimateUSD float64) (func(context.Context, float64) error, error) {
	id, _, err := b.store.Reserve(ctx, string(tier), estimateUSD, b.capUSD)
	if errors.Is(err, statestore.ErrBudget) {
		return nil, &routing.Error{Tier: tier, Kind: routing.BudgetSpent, Err: err,
			Reason: "today's budget is spent (LOCALMODEL_CLOUD_DAILY_USD), paid tiers open again at midnight UTC",
			Fix:    "export LOCALMODEL_CLOUD_DAILY_USD=<more>"}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, usd float64) error { return b.store.Settle(ctx, id, usd) }, nil
}
