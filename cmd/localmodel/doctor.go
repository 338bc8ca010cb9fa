package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
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

// doctor looks at everything that the tools stand on and judges it for a
// person.
func doctor(ctx context.Context, w env, o doctorOptions) error {
	p, done := look(w, o.deep) // a generation is a row of the journal
	defer done()
	place := clientPlace(w)
	facts := p.gather(ctx, place, o.deep)
	if o.fix {
		if err := (checkup.Fixer{Router: p.router, In: w.in, Out: w.err, Yes: o.yes, Dir: p.config.Dirs.State}).Fix(ctx, facts); err != nil {
			return err
		}
		facts = p.gather(ctx, place, o.deep)
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

// gather finds the facts, the slow ones side by side.
func (p *app) gather(ctx context.Context, files clients.Place, deep bool) checkup.Facts {
	c := p.config
	f := checkup.Facts{NumCtx: c.numCtx, Memory: machine.Memory(), LocalHost: place.Loopback(c.ollama), ByProxy: c.local == "proxy", ByServer: c.local == "openai",
		LocalProxy: place.Loopback(c.proxy),
		DefaultKey: c.key == settings.DefaultKey, Cloud: c.cloud, Fallback: c.fallback, DailyUSD: c.dailyUSD, State: secrets.Address(c.state),
		GuardMode: string(c.guard), Shell: c.shell, Problems: c.problems, Untrusted: c.untrusted, Settings: c.Values(), Clients: clients.Find(files)}
	if f.DefaultKey = f.DefaultKey && (f.ByProxy || c.cloud && len(c.fallback) > 0); f.LocalHost {
		f.Installed, _ = exec.LookPath("ollama") // "" where it is not installed
	}
	f.LiteLLM, _ = exec.LookPath("litellm")
	var group sync.WaitGroup
	group.Go(func() {
		f.Health = p.router.Health(ctx, deep)
		if g := f.Health.Ollama.Generated; g != "" { // it has been loaded meanwhile
			f.Health = p.router.Health(ctx, false)
			f.Health.Ollama.Generated = g
		}
		if f.Health.Ollama.Present {
			f.Model, f.ModelErr = p.router.Inspect(ctx)
		}
	})
	group.Go(func() { p.gatherJournal(ctx, &f) })
	group.Wait()
	p.gatherGuard(ctx, &f)
	return f
}

func (p *app) gatherJournal(ctx context.Context, f *checkup.Facts) {
	f.StateFile = p.config.HasStateFile(ctx)
	f.KeepsStateFile = p.config.stateFile
	if f.JournalErr = p.recordable(ctx); f.JournalErr != nil {
		return
	}
	if f.JournalErr = p.store.Check(ctx); f.JournalErr != nil {
		return
	}
	if f.Stats, f.JournalErr = p.store.Stats(ctx); f.JournalErr != nil {
		return
	}
	f.SpentUSD, f.JournalErr = p.store.Spent(ctx)
	if err := p.store.Flush(ctx); err != nil {
		p.log.Info("state file not written", "err", err) // Warnings says so
	}
	f.Warnings = p.store.Warnings()
	if n, err := p.store.Lost(ctx); err == nil && n > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d records of this project were acknowledged and are no longer in the journal", n))
	}
}

// gatherGuard asks the guard what it would say to the next ticket of each
// class; asking so counts none.
func (p *app) gatherGuard(ctx context.Context, f *checkup.Facts) {
	if f.JournalErr != nil {
		return
	}
	states, err := p.store.GuardStates(ctx)
	if err != nil {
		f.JournalErr = err
		return
	}
	digest := f.Health.Ollama.Digest
	if digest == "" {
		digest, _ = p.store.KnownDigest(ctx, p.config.model) // "" is a key as well
	}
	totals := policy.Totals{Attempts: f.Stats.TotalAttempts, Escalated: f.Stats.EscalatedToCloud}
	for _, class := range prompts.Complexities {
		if class == "high" {
			continue // never for the local model
		}
		state := states[statestore.GuardKey{Class: class, Digest: digest + "/" + prompts.Version}]
		v := p.deps.Guard.Look(class, policy.ParseGuardState(state), totals, time.Now())
		f.Guard = append(f.Guard, checkup.GuardClass{Class: class, Open: !v.Admit, Words: v.Why})
	}
	for key, text := range states {
		s := policy.ParseGuardState(text)
		if key.Category == "" || key.Digest != digest+"/"+prompts.Version || !s.Decides() {
			continue
		}
		name := key.Class + " " + key.Category
		if v := p.deps.Guard.Look(name, s, totals, time.Now()); !v.Admit {
			f.Guard = append(f.Guard, checkup.GuardClass{Class: name, Open: true, Words: v.Why})
		}
	}
}
