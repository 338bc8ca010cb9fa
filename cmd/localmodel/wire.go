package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
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
	router := routing.New(c.routing(log), c.backends(log, only), ledger.Calls{Store: store, Team: statestore.IsPostgres(c.state)}, ledger.Budget{Store: store, CapUSD: c.dailyUSD})
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
