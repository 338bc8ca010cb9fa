package checkup

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

// Sources are where the facts come from that the configuration does not have.
type Sources struct {
	Router     *routing.Router
	Store      *statestore.Store
	Guard      policy.Guard
	Model      string // the local model's name
	Recordable func(context.Context) error
	Log        *slog.Logger
	// HasStateFile reports whether the project has a state file.
	HasStateFile func(context.Context) bool
}

// Gather adds to what the configuration says (f) what is found now, the slow
// things side by side. deep makes one real generation.
func (s Sources) Gather(ctx context.Context, f Facts, deep bool) Facts {
	if f.LocalHost {
		f.Installed, _ = exec.LookPath("ollama") // "" where it is not installed
	}
	f.LiteLLM, _ = exec.LookPath("litellm")
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

func (s Sources) journal(ctx context.Context, f *Facts) {
	f.StateFile = s.HasStateFile(ctx)
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

// gatherGuard asks the guard what it would say to the next ticket of each
// class; asking so counts none.
func (s Sources) guard(ctx context.Context, f *Facts) {
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
		digest, _ = s.Store.KnownDigest(ctx, s.Model) // "" is a key as well
	}
	totals := policy.Totals{Attempts: f.Stats.TotalAttempts, Escalated: f.Stats.EscalatedToCloud}
	for _, class := range prompts.Complexities {
		if class == "high" {
			continue // never for the local model
		}
		state := states[statestore.GuardKey{Class: class, Digest: digest + "/" + prompts.Version}]
		v := s.Guard.Look(class, policy.ParseGuardState(state), totals, time.Now())
		f.Guard = append(f.Guard, GuardClass{Class: class, Open: !v.Admit, Words: v.Why})
	}
	for key, text := range states {
		state := policy.ParseGuardState(text)
		if key.Category == "" || key.Digest != digest+"/"+prompts.Version || !state.Decides() {
			continue
		}
		name := key.Class + " " + key.Category
		if v := s.Guard.Look(name, state, totals, time.Now()); !v.Admit {
			f.Guard = append(f.Guard, GuardClass{Class: name, Open: true, Words: v.Why})
		}
	}
}
