// Package app puts the program together: settings, journal, router and tools,
// for the commands, which hold flags and print.
package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/project"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/plan"
)

// Env is what a command may touch.
type Env struct {
	Lookup  func(string) (string, bool)
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Version string // of this program
}

// ParseWord makes this program the process that parses a draft. It is for the
// server alone, which can end it.
const ParseWord = "parse-draft"

// ConfineWord makes it the process that confines a command of the project's
// before it runs it.
const ConfineWord = "run-confined"

// App is the program put together. Nothing is opened or dialled yet.
type App struct {
	Config *Config
	Store  *statestore.Store
	Router *routing.Router
	Deps   *tools.Deps
	Log    *slog.Logger

	unmade string // path of the journal where the store is only an empty one in its place
}

// New puts the program together with all tiers that are configured.
func New(e Env) *App { return With(e, Load(e)) }

// NewWith is New with other values for some variables.
func NewWith(e Env, values map[string]string) *App {
	lookup := e.Lookup
	e.Lookup = func(name string) (string, bool) {
		if v, there := values[name]; there {
			return v, true
		}
		return lookup(name)
	}
	return New(e)
}

// With puts the program together with a configuration and the tiers that are
// named, else with all that are configured.
func With(e Env, c *Config, only ...policy.Tier) *App {
	log := slog.New(slog.NewTextHandler(e.Err, &slog.HandlerOptions{Level: c.LogLevel}))
	guard := policy.Guard{Mode: c.Guard}
	name, problem := c.projectName()
	stateFileIn := "" // nowhere
	if c.StateFile {
		stateFileIn = c.Root
	}
	store := statestore.New(journal.Options{
		State:      c.State,
		Dir:        c.Dirs.State,
		Root:       stateFileIn,
		Project:    name,
		ProjectErr: problem,
		User:       c.user(),
		Log:        log,
	})
	store.DeliverWith(func(state []byte, closed statestore.Closed) ([]byte, error) {
		return guard.Settle(closed.TicketID, state, closed.Escalated, time.Now())
	})
	calls := ledger.Calls{Store: store, Team: journal.IsPostgres(c.State)}
	router := routing.New(c.Routing(log), c.backends(log, only), calls, ledger.Budget{Store: store, CapUSD: c.DailyUSD})
	deps := &tools.Deps{
		Root:             c.Root,
		Prefixes:         c.Project.Prefixes,
		Model:            c.Model,
		NumCtx:           c.NumCtx,
		Deadline:         c.Deadline,
		Guard:            guard,
		Asker:            router,
		Room:             router.Room,
		Journal:          store,
		Problems:         append(slices.Clone(c.Problems), c.TrustNotes()...),
		CloudAllowed:     c.Cloud,
		PaidTier:         c.Cloud && len(c.Fallback) > 0,
		Log:              log,
		Project:          name,
		DraftDefault:     c.Draft,
		DraftTemperature: c.DraftTemperature,
		Shell:            c.Shell,
		Fix:              c.Fix,
	}
	if c.Dirs.State != "" {
		deps.TrustedCommands = func(ctx context.Context) ([]string, string) {
			return settings.TrustedCommands(ctx, c.Dirs.State, c.Root)
		}
		deps.Environ, deps.Confine = Environ, Itself(ConfineWord)
		deps.Drafts = plan.NewDrafts(deps, filepath.Join(c.Dirs.State, "drafts"), Itself(ParseWord)...)
	}
	return &App{Config: c, Store: store, Router: router, Log: log, Deps: deps}
}

// Itself is this program as the process that a word makes of it; nil where it
// does not know its own name.
func Itself(word string) []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, word}
}

// Close ends the background work and the journal.
func (p *App) Close() {
	if p.Deps.Drafts != nil {
		p.Deps.Drafts.Close()
	}
	if err := p.Store.Close(); err != nil {
		p.Log.Warn("closing the journal", "err", err)
	}
}

// projectName is whose rows are written, or why that is not known.
func (c *Config) projectName() (string, error) {
	switch {
	case c.State == "":
		return "", errors.New("there is no directory for the journal: set HOME or LOCALMODEL_STATE")
	case c.ProjectName != "":
		return c.ProjectName, nil
	}
	return c.NameOf(c.Root)
}

// nameWithin is how long the name of a project may take to be found.
const nameWithin = 2 * time.Second

// NameOf derives the name that the journal has for the project in a directory.
func (c *Config) NameOf(root string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), nameWithin)
	defer stop()
	if journal.IsPostgres(c.State) {
		return project.Remote(ctx, root)
	}
	return project.Local(ctx, root)
}

// user is whose money is spent where several share a journal.
func (c *Config) user() string {
	if !journal.IsPostgres(c.State) {
		return ""
	}
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
