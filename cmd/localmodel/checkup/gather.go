package checkup

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/place"
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
	s := sources{p}
	configured := s.configured()
	facts := s.gather(ctx, configured, o.Deep)
	if o.Fix {
		fixer := Fixer{Router: p.Router, In: e.In, Out: e.Err, Yes: o.Yes, Dir: p.Config.Dirs.State}
		if err := fixer.Fix(ctx, facts); err != nil {
			return Report{}, err
		}
		facts = s.gather(ctx, configured, o.Deep)
	}
	return Judge(facts), nil
}

// sources are where doctor looks.
type sources struct{ *app.App }

// configured are the facts that the configuration has.
func (s sources) configured() Facts {
	c := s.Config
	byProxy := c.Local == "proxy"
	return Facts{
		NumCtx:         c.NumCtx,
		Memory:         machine.Memory(),
		LocalHost:      place.Loopback(c.Ollama),
		ByProxy:        byProxy,
		ByServer:       c.Local == "openai",
		LocalProxy:     place.Loopback(c.Proxy),
		DefaultKey:     c.ProxyKey == settings.DefaultKey && (byProxy || c.Cloud && len(c.Fallback) > 0),
		Cloud:          c.Cloud,
		Fallback:       c.Fallback,
		DailyUSD:       c.DailyUSD,
		State:          secrets.Address(c.State),
		KeepsStateFile: c.StateFile,
		GuardMode:      string(c.Guard),
		Shell:          c.Shell,
		Problems:       c.Problems,
		Untrusted:      c.TrustNotes(),
		Settings:       c.Values(),
		Clients:        clients.Find(c.ClientPlace()),
	}
}

// gather adds to what the configuration says (f) what is found now, the slow
// things side by side. deep makes one real generation.
func (s sources) gather(ctx context.Context, f Facts, deep bool) Facts {
	if f.LocalHost {
		f.Installed = machine.Program("ollama")
	}
	f.LiteLLM = machine.Program("litellm")
	var group sync.WaitGroup
	group.Go(func() {
		f.Health = s.Router.Health(ctx, deep)
		if g := f.Health.Ollama.Generated; g != "" { // it has been loaded meanwhile
			f.Health = s.Router.Health(ctx, false)
			f.Health.Ollama.Generated = g
		}
		if f.Health.Ollama.Present {
			f.Model, f.ModelErr = s.Router.Inspect(ctx)
		}
	})
	group.Go(func() { s.journal(ctx, &f) })
	group.Wait()
	s.guard(ctx, &f)
	return f
}

func (s sources) journal(ctx context.Context, f *Facts) {
	f.StateFile = s.Config.HasStateFile(ctx)
	if f.JournalErr = s.Recordable(ctx); f.JournalErr != nil {
		return
	}
	if f.JournalErr = s.Store.Check(ctx); f.JournalErr != nil {
		return
	}
	if f.Stats, f.JournalErr = s.Store.Stats(ctx); f.JournalErr != nil {
		return
	}
	f.SpentUSD, f.JournalErr = s.Store.Spent(ctx)
	if err := s.Store.Flush(ctx); err != nil {
		s.Log.Info("state file not written", "err", err) // Warnings says so
	}
	f.Warnings = s.Store.Warnings()
	if n, err := s.Store.Lost(ctx); err == nil && n > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d records of this project were acknowledged and are no longer in the journal", n))
	}
}

// guard asks the guard what it would say to the next ticket of each
// class; asking so counts none.
func (s sources) guard(ctx context.Context, f *Facts) {
	if f.JournalErr != nil {
		return
	}
	states, err := s.Store.GuardStates(ctx)
	if err != nil {
		f.JournalErr = err
		return
	}
	digest := f.Health.Ollama.Digest
	if digest == "" {
		digest, _ = s.Store.KnownDigest(ctx, s.Config.Model) // "" is a key as well
	}
	totals := policy.Totals{Attempts: f.Stats.TotalAttempts, Escalated: f.Stats.EscalatedToCloud}
	for _, class := range prompts.Complexities {
		if class == "high" {
			continue // never for the local model
		}
		state := states[guard.Key{Class: class, Digest: digest + "/" + prompts.Version}]
		v := s.Deps.Guard.Look(class, policy.ParseGuardState(state), totals, time.Now())
		f.Guard = append(f.Guard, GuardClass{Class: class, Open: !v.Admit, Words: v.Why})
	}
	for key, text := range states {
		state := policy.ParseGuardState(text)
		if key.Category == "" || key.Digest != digest+"/"+prompts.Version || !state.Decides() {
			continue
		}
		name := key.Class + " " + key.Category
		if v := s.Deps.Guard.Look(name, state, totals, time.Now()); !v.Admit {
			f.Guard = append(f.Guard, GuardClass{Class: name, Open: true, Words: v.Why})
		}
	}
}
