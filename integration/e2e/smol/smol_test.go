// Package smol runs a real and weak language model, SmolLM2 135M, over labelled
// tickets: what the whole program makes of it, and what the prompts are worth.
//
// The tests take 3 tickets. With LOCALMODEL_SMOL=all they take all 60 through
// classify and 10 through plan, which takes minutes, and print the figures of
// the README.
package smol

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools"
)

func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }

func all() bool { return os.Getenv("LOCALMODEL_SMOL") == "all" }

// project is a program over a project of its own.
type project struct {
	root  string
	deps  *tools.Deps
	calls map[string]int // results of the model calls
}

type ledger struct{ p *project }

func (l ledger) Call(_ context.Context, c routing.CallRecord) error {
	l.p.calls[c.Purpose+" "+c.Result]++ // one call at a time: a single slot, tickets one after another
	return nil
}

func newProject(t *testing.T, cfg tiers.Config) *project {
	t.Helper()
	p := &project{root: t.TempDir(), calls: map[string]int{}}
	cfg.NumCtx, cfg.KeepAlive, cfg.Slots, cfg.SlotDir = 4096, time.Hour, 1, t.TempDir()
	cfg.FirstTokenTimeout, cfg.TokenTimeout = 3*time.Minute, time.Minute
	store := statestore.New(journal.Options{State: filepath.Join(p.root, "state", "journal.db"), Root: p.root})
	t.Cleanup(func() { _ = store.Close() })
	p.deps = &tools.Deps{Root: p.root, Model: cfg.Model, NumCtx: cfg.NumCtx, Deadline: 10 * time.Minute,
		Guard: policy.Guard{Mode: "always"}, Asker: tiers.New(t, cfg, ledger{p}, nil), Journal: store, Log: discard}
	return p
}

// use calls one tool.
func (p *project) use(t *testing.T, name string, arguments, result any) {
	t.Helper()
	raw, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.All(p.deps) {
		if tool.Declaration.Name != name {
			continue
		}
		text, err := tool.Run(t.Context(), p.deps, tools.Call{Arguments: raw})
		if err != nil {
			t.Fatalf("%s %s: %v", name, raw, err)
		}
		if err := json.Unmarshal(text, result); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no tool %s", name)
}

// row is one ticket as classify gives it back.
type row struct {
	ID, Category, Complexity, By, Why, Error string
	Confidence                               *float64
}

func (p *project) classify(t *testing.T, l labelledTicket) row {
	t.Helper()
	var result struct{ Tickets []row }
	p.use(t, "classify_ticket", map[string]any{"ticket_paths": []string{l.write(t, p.root)}, "route": "local"}, &result)
	if len(result.Tickets) != 1 || result.Tickets[0].Error != "" {
		t.Fatalf("%s: %+v", l.id, result)
	}
	return result.Tickets[0]
}

// score counts right answers.
type score struct{ category, complexity, both, of int }

func (s *score) add(l labelledTicket, category, complexity string) {
	s.of++
	if category == l.category {
		s.category++
	}
	if complexity == l.complexity {
		s.complexity++
	}
	if category == l.category && complexity == l.complexity {
		s.both++
	}
}

// right is every field answered rightly, of all fields.
func (s score) right() float64 { return float64(s.category+s.complexity) / float64(2*s.of) }

func (s score) String() string {
	return fmt.Sprintf("category %d, complexity %d, both %d of %d: %.0f %% of the fields", s.category, s.complexity, s.both, s.of, 100*s.right())
}
