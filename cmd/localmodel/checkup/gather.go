package checkup

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/internal/programs"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/guard"
)

// Options are doctor's flags for what is done before its verdict.
type Options struct {
	Fix, Yes bool // fix what can be fixed, without asking
	Deep     bool // make one real generation
}

// Run looks at everything that the tools depend on, fixes what can be fixed
// where that is wanted, and judges the rest for a person.
func Run(ctx context.Context, e app.Env, p *app.App, o Options) (Report, error) {
	facts := gather(ctx, p, o.Deep)
	if o.Fix {
		fixer := Fixer{Router: p.Router, In: e.In, Out: e.Err, Yes: o.Yes, Dir: p.Config.Dirs.State}
		if err := fixer.Fix(ctx, facts); err != nil {
			return Report{}, err
		}
		facts = gather(ctx, p, o.Deep)
	}
	return Judge(facts), nil
}

// gather adds to what the configuration says what is found now, the slow things
// side by side. deep makes one real generation.
func gather(ctx context.Context, p *app.App, deep bool) Facts {
	c := p.Config
	f := Facts{
		Config:    c,
		Settings:  c.Values(),
		Untrusted: c.TrustNotes(),
		Clients:   clients.Find(c.ClientPlace()),
		Memory:    machine.Memory(),
		LiteLLM:   programs.Find("litellm"),
	}
	if f.ollamaHere() {
		f.Installed = programs.Find("ollama")
	}
	var group sync.WaitGroup
	group.Go(func() {
		f.Health = p.Router.Health(ctx, deep)
		if g := f.Health.Ollama.Generated; g != "" { // it has been loaded meanwhile
			f.Health = p.Router.Health(ctx, false)
			f.Health.Ollama.Generated = g
		}
		if f.Health.Ollama.Present {
			f.Model, f.ModelErr = p.Router.Inspect(ctx)
		}
	})
	group.Go(func() { f.readJournal(ctx, p) })
	group.Wait()
	f.readGuard(ctx, p)
	return f
}

func (f *Facts) readJournal(ctx context.Context, p *app.App) {
	f.StateFile = p.Config.HasStateFile(ctx)
	if f.JournalErr = p.Recordable(ctx); f.JournalErr != nil {
		return
	}
	if f.JournalErr = p.Store.Check(ctx); f.JournalErr != nil {
		return
	}
	if f.Stats, f.JournalErr = p.Store.Stats(ctx); f.JournalErr != nil {
		return
	}
	f.SpentUSD, f.JournalErr = p.Store.Spent(ctx)
	if err := p.Store.Flush(ctx); err != nil {
		p.Log.Info("state file not written", "err", err) // Warnings says so
	}
	f.Warnings = p.Store.Warnings()
	if n, err := p.Store.Lost(ctx); err == nil && n > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d records of this project were acknowledged and are no longer in the journal", n))
	}
}

// readGuard asks the guard what it would say to the next ticket of each class;
// asking so counts none.
func (f *Facts) readGuard(ctx context.Context, p *app.App) {
	if f.JournalErr != nil {
		return
	}
	states, err := p.Store.GuardStates(ctx)
	if err != nil {
		f.JournalErr = err
		return
	}
	digest := f.Health.Ollama.Digest
	if digest == "" {
		digest, _ = p.Store.KnownDigest(ctx, p.Config.Model) // "" is a key as well
	}
	totals := policy.Totals{Attempts: f.Stats.TotalAttempts, Escalated: f.Stats.EscalatedToCloud}
	for _, class := range prompts.Complexities {
		if class == "high" {
			continue // never for the local model
		}
		state := states[guard.Key{Class: class, Digest: digest + "/" + prompts.Version}]
		v := p.Deps.Guard.Look(class, policy.ParseGuardState(state), totals, time.Now())
		f.Guard = append(f.Guard, GuardClass{Class: class, Open: !v.Admit, Words: v.Why})
	}
	for key, text := range states {
		state := policy.ParseGuardState(text)
		if key.Category == "" || key.Digest != digest+"/"+prompts.Version || !state.Decides() {
			continue
		}
		name := key.Class + " " + key.Category
		if v := p.Deps.Guard.Look(name, state, totals, time.Now()); !v.Admit {
			f.Guard = append(f.Guard, GuardClass{Class: name, Open: true, Words: v.Why})
		}
	}
}
