package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/tools"
)

// provingTicket is small, names a file, and says what is wanted.
const provingTicket = `---
id: SETUP-1
title: Crash when the cart is empty
---
main divides the total by the number of items. With an empty cart it crashes.

## Affected files
- main.go

## Acceptance criteria
- [ ] AC-1: an empty cart shows a total of 0
`

// Prover makes one real classification and one real plan.
type Prover struct {
	Router *routing.Router
	Deps   *tools.Deps
	Loads  bool      // the server loads a model when it is asked to
	Said   io.Writer // what a waiting person reads
}

// Prove asks for both, of a small ticket.
func (p Prover) Prove(ctx context.Context) (Proof, error) {
	var proof Proof
	start := time.Now()
	h := p.Router.Health(ctx, false).Ollama
	if !h.OK {
		return proof, fmt.Errorf("%s", h.Error)
	}
	if !h.Loaded && p.Loads {
		if err := p.Router.Preload(ctx); err != nil {
			return proof, err
		}
		if err := waitLoaded(ctx, p.Said, p.Router.Loading()); err != nil {
			return proof, err
		}
		proof.Load = time.Since(start)
	}
	args, err := json.Marshal(map[string]any{"ticket": provingTicket, "route": "local"})
	if err != nil {
		return proof, err
	}
	row, took, err := p.timed(ctx, "classify_ticket", args)
	if err != nil {
		return proof, err
	}
	row = row.Get("tickets.0")
	proof.Classify, proof.ClassifiedBy = took, row.Get("by").Str
	proof.Category, proof.Complexity = row.Get("category").Str, row.Get("complexity").Str
	proof.Confidence = 1
	if c := row.Get("confidence"); c.Exists() {
		proof.Confidence = c.Float()
	}
	if proof.ClassifiedBy != "local" {
		proof.Why = row.Get("why").Str
	}
	plan, took, err := p.timed(ctx, "plan_ticket", args)
	if err != nil {
		return proof, err
	}
	proof.Plan, proof.PlannedBy = took, plan.Get("by").Str
	if reason := plan.Get("answer.reason").Str; reason != "" && proof.Why == "" {
		proof.Why = reason
	}
	return proof, nil
}

// timed runs one tool and says how long it took.
func (p Prover) timed(ctx context.Context, name string, args json.RawMessage) (gjson.Result, time.Duration, error) {
	start := time.Now()
	for _, t := range tools.All(p.Deps) {
		if t.Declaration.Name == name {
			var text []byte
			var err error
			term.Wait(p.Said, "waiting for the model, "+name, func() {
				text, err = t.Run(ctx, p.Deps, tools.Call{Arguments: args})
			})
			return gjson.ParseBytes(text), time.Since(start), err
		}
	}
	return gjson.Result{}, 0, fmt.Errorf("there is no tool %s", name)
}

func waitLoaded(ctx context.Context, said io.Writer, loaded <-chan struct{}) error {
	if loaded == nil {
		return nil
	}
	term.Wait(said, "the model is loading", func() {
		select {
		case <-loaded:
		case <-ctx.Done():
		}
	})
	return ctx.Err()
}
