package setup

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
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

// classifyWithin bounds the first answer: a processor without a graphics card
// reads the prompt slowly the first time.
const classifyWithin = 5 * time.Minute

// classify asks for the classification of a small ticket. It loads the model
// first, so that this is not taken for the model's speed.
func (h host) classify(ctx context.Context, choice Choice) (c Classified, err error) {
	p, done, err := h.trial(choice, classifyWithin)
	if err != nil {
		return c, err
	}
	defer done()
	start := time.Now()
	health := p.Router.Health(ctx, false).Ollama
	if !health.OK {
		return c, errors.New(health.Error)
	}
	if !health.Loaded && choice.Server.Kind == ollamaKind { // others load no model when they are asked to
		if err := p.Router.Preload(ctx); err != nil {
			return c, err
		}
		if err := h.waitLoaded(ctx, p.Router.Loading()); err != nil {
			return c, err
		}
		c.Load = time.Since(start)
	}
	result, took, err := h.timed(ctx, p, "classify_ticket")
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

// plan asks for the plan of the same ticket.
func (h host) plan(ctx context.Context, choice Choice, within time.Duration) (Planned, error) {
	p, done, err := h.trial(choice, within)
	if err != nil {
		return Planned{}, err
	}
	defer done()
	result, took, err := h.timed(ctx, p, "plan_ticket")
	return Planned{Took: took, By: result.Get("by").Str, Why: result.Get("answer.reason").Str}, err
}

// trial puts the program together for one answer in a temporary directory, which
// done removes: nothing is recorded of it.
func (h host) trial(choice Choice, within time.Duration) (p *app.App, done func(), err error) {
	dir, remove, err := app.Scratch()
	if err != nil {
		return nil, nil, err
	}
	values := choice.settings()
	maps.Copy(values, map[string]string{
		"CLAUDE_PROJECT_DIR":             dir,
		"LOCALMODEL_STATE":               filepath.Join(dir, "journal.db"),
		"LOCALMODEL_STATE_FILE":          "off",
		"LOCALMODEL_GUARD":               "always",
		"LOCALMODEL_DRAFT":               "off",
		"LOCALMODEL_MIN_CONFIDENCE":      "0", // an unsure answer is one; what it is worth is reported
		"LOCALMODEL_DEADLINE":            within.String(),
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT": within.String(),
		"LOCALMODEL_TOKEN_TIMEOUT":       within.String(),
	})
	p = app.NewWith(h.Env, values)
	done = func() {
		p.Close()
		remove()
	}
	return p, done, nil
}

func (h host) timed(ctx context.Context, p *app.App, name string) (gjson.Result, time.Duration, error) {
	args, _ := json.Marshal(map[string]string{"ticket": provingTicket, "route": "local"}) // strings always encode
	start := time.Now()
	all := tools.All(p.Deps)
	tool := all[slices.IndexFunc(all, func(t tools.Tool) bool { return t.Declaration.Name == name })]
	var (
		text []byte
		err  error
	)
	term.Wait(h.Err, "waiting for the model, "+name, func() {
		text, err = tool.Run(ctx, p.Deps, tools.Call{Arguments: args})
	})
	return gjson.ParseBytes(text), time.Since(start), err
}

func (h host) waitLoaded(ctx context.Context, loaded <-chan struct{}) error {
	if loaded == nil {
		return nil
	}
	term.Wait(h.Err, "the model is loading", func() {
		select {
		case <-loaded:
		case <-ctx.Done():
		}
	})
	return ctx.Err()
}
