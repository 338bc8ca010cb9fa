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

// Prover makes one real classification or one real plan.
type Prover struct {
	Router *routing.Router
	Deps   *tools.Deps
	Loads  bool      // the server loads a model when it is asked to
	Said   io.Writer // what a waiting person reads
}

// Classify asks for the classification of a small ticket. It loads the model
// first, so that this is not taken for the model's speed.
func (p Prover) Classify(ctx context.Context) (Classified, error) {
	var c Classified
	start := time.Now()
	h := p.Router.Health(ctx, false).Ollama
	if !h.OK {
		return c, fmt.Errorf("%s", h.Error)
	}
	if !h.Loaded && p.Loads {
		if err := p.Router.Preload(ctx); err != nil {
			return c, err
		}
		if err := waitLoaded(ctx, p.Said, p.Router.Loading()); err != nil {
			return c, err
		}
		c.Load = time.Since(start)
	}
	result, took, err := p.timed(ctx, "classify_ticket")
	if err != nil {
		return c, err
	}
	row := result.Get("tickets.0")
	c.Took, c.By = took, row.Get("by").Str
	c.Category, c.Complexity = row.Get("category").Str, row.Get("complexity").Str
	c.Confidence = 1
	if stated := row.Get("confidence"); stated.Exists() {
		c.Confidence = stated.Float()
	}
	if c.By != local {
		c.Why = row.Get("why").Str
	}
	return c, nil
}

// Plan asks for the plan of the same ticket.
func (p Prover) Plan(ctx context.Context) (Planned, error) {
	result, took, err := p.timed(ctx, "plan_ticket")
	return Planned{Took: took, By: result.Get("by").Str, Why: result.Get("answer.reason").Str}, err
}

// timed runs one tool and returns how long it took.
func (p Prover) timed(ctx context.Context, name string) (gjson.Result, time.Duration, error) {
	args, err := json.Marshal(map[string]any{"ticket": provingTicket, "route": "local"})
	if err != nil {
		return gjson.Result{}, 0, err
	}
	start := time.Now()
	for _, t := range tools.All(p.Deps) {
		if t.Declaration.Name == name {
			var text []byte
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
