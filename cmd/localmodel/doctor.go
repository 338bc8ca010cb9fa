package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/routing/place"
)

const aboutDoctor = `
Checks the setup and prints the command that fixes each fault. Nothing is paid for: no probe asks a paid model.

Exit code: 0 all works; 1 it works with less, a fallback or the rules answer; 2 nothing can be recorded, or a setting cannot be used.`

// doctorOptions are doctor's flags.
type doctorOptions struct{ asJSON, fix, yes, deep, all bool }

func doctorCommand(w env) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check the setup and print fixes",
		Long:  aboutDoctor,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.asJSON, "json", false, "print the checks and the configuration as JSON")
	f.BoolVar(&o.fix, "fix", false, "after asking, start Ollama where it is installed, and fetch the model")
	f.BoolVar(&o.yes, "yes", false, "with --fix: do not ask")
	f.BoolVar(&o.deep, "deep", false, "also make one real local generation")
	f.BoolVar(&o.all, "all", false, "show every setting, also those at their defaults")
	return cmd
}

// doctor looks at everything that the tools depend on and judges it for a
// person.
func doctor(ctx context.Context, w env, o doctorOptions) error {
	p, done := look(w, o.deep) // a generation is a row of the journal
	defer done()
	sources := p.sources()
	configured := p.configured(clientPlace(w))
	facts := sources.Gather(ctx, configured, o.deep)
	if o.fix {
		if err := (checkup.Fixer{Router: p.router, In: w.in, Out: w.err, Yes: o.yes, Dir: p.config.Dirs.State}).Fix(ctx, facts); err != nil {
			return err
		}
		facts = sources.Gather(ctx, configured, o.deep)
	}
	report := checkup.Judge(facts)
	if o.asJSON {
		if err := printJSON(w.out, report); err != nil {
			return err
		}
	} else {
		report.Print(w.out, term.Painter(term.Colours(w.out) && !p.config.plain), o.all)
	}
	if report.Exit != 0 {
		return exitcode.New(report.Exit, "")
	}
	return nil
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(&plain.JSONWriter{Out: out})
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// sources are where doctor looks.
func (p *app) sources() checkup.Sources {
	return checkup.Sources{
		Router:       p.router,
		Store:        p.store,
		Guard:        p.deps.Guard,
		Model:        p.config.model,
		Recordable:   p.recordable,
		Log:          p.log,
		HasStateFile: p.config.HasStateFile,
	}
}

// configured are the facts that the configuration has.
func (p *app) configured(files clients.Place) checkup.Facts {
	c := p.config
	byProxy := c.local == "proxy"
	return checkup.Facts{
		NumCtx:         c.numCtx,
		Memory:         machine.Memory(),
		LocalHost:      place.Loopback(c.ollama),
		ByProxy:        byProxy,
		ByServer:       c.local == "openai",
		LocalProxy:     place.Loopback(c.proxy),
		DefaultKey:     c.key == settings.DefaultKey && (byProxy || c.cloud && len(c.fallback) > 0),
		Cloud:          c.cloud,
		Fallback:       c.fallback,
		DailyUSD:       c.dailyUSD,
		State:          secrets.Address(c.state),
		KeepsStateFile: c.stateFile,
		GuardMode:      string(c.guard),
		Shell:          c.shell,
		Problems:       c.problems,
		Untrusted:      c.untrusted,
		Settings:       c.Values(),
		Clients:        clients.Find(files),
	}
}
