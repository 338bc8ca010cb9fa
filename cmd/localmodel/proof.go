package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
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

// proofWithin bounds each of the two answers: a processor without a graphics
// card reads the prompt slowly the first time.
const proofWithin = 5 * time.Minute

// prove classifies and plans one ticket in a temporary directory, and records
// nothing of it.
func prove(ctx context.Context, w env, choice setup.Choice) (setup.Proof, error) {
	dir, remove, err := scratch()
	if err != nil {
		return setup.Proof{}, err
	}
	defer remove()
	values := asked(choice)
	values["CLAUDE_PROJECT_DIR"] = dir
	values["LOCALMODEL_STATE"] = filepath.Join(dir, "journal.db")
	values["LOCALMODEL_STATE_FILE"] = "off"
	values["LOCALMODEL_GUARD"] = "always"
	values["LOCALMODEL_DRAFT"] = "off"
	values["LOCALMODEL_MIN_CONFIDENCE"] = "0" // an unsure answer is one; what it is worth is reported
	for _, limit := range []string{"LOCALMODEL_DEADLINE", "LOCALMODEL_FIRST_TOKEN_TIMEOUT", "LOCALMODEL_TOKEN_TIMEOUT"} {
		values[limit] = proofWithin.String()
	}
	p := overridden(w, values)
	defer p.close()
	return runProof(ctx, p, w.err)
}

func runProof(ctx context.Context, p *app, said io.Writer) (setup.Proof, error) {
	var proof setup.Proof
	start := time.Now()
	h := p.router.Health(ctx, false).Ollama
	if !h.OK {
		return proof, fmt.Errorf("%s", h.Error)
	}
	if !h.Loaded && p.config.local == "ollama" {
		if err := p.router.Preload(ctx); err != nil {
			return proof, err
		}
		if err := waitLoaded(ctx, said, p.router.Loading()); err != nil {
			return proof, err
		}
		proof.Load = time.Since(start)
	}
	args, err := json.Marshal(map[string]any{"ticket": provingTicket, "route": "local"})
	if err != nil {
		return proof, err
	}
	row, took, err := p.timed(ctx, said, "classify_ticket", args)
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
	plan, took, err := p.timed(ctx, said, "plan_ticket", args)
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
func (p *app) timed(ctx context.Context, said io.Writer, name string, args json.RawMessage) (gjson.Result, time.Duration, error) {
	start := time.Now()
	for _, t := range tools.All(p.deps) {
		if t.Declaration.Name == name {
			var text []byte
			var err error
			term.Wait(said, "waiting for the model, "+name, func() {
				text, err = t.Run(ctx, p.deps, tools.Call{Arguments: args})
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
