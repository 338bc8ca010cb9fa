package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
)

// classifyWithin bounds the first answer: a processor without a graphics card
// reads the prompt slowly the first time.
const classifyWithin = 5 * time.Minute

// proveClassify classifies one ticket in a temporary directory, and records
// nothing of it.
func proveClassify(ctx context.Context, w env, choice setup.Choice) (c setup.Classified, err error) {
	err = proving(w, choice, classifyWithin, func(p setup.Prover) (err error) {
		c, err = p.Classify(ctx)
		return err
	})
	return c, err
}

// provePlan plans the same ticket in the same way.
func provePlan(ctx context.Context, w env, choice setup.Choice, within time.Duration) (planned setup.Planned, err error) {
	err = proving(w, choice, within, func(p setup.Prover) (err error) {
		planned, err = p.Plan(ctx)
		return err
	})
	return planned, err
}

// proving puts the program together for one answer.
func proving(w env, choice setup.Choice, within time.Duration, ask func(setup.Prover) error) error {
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	values := choice.Settings()
	values["CLAUDE_PROJECT_DIR"] = dir
	values["LOCALMODEL_STATE"] = filepath.Join(dir, "journal.db")
	values["LOCALMODEL_STATE_FILE"] = "off"
	values["LOCALMODEL_GUARD"] = "always"
	values["LOCALMODEL_DRAFT"] = "off"
	values["LOCALMODEL_MIN_CONFIDENCE"] = "0" // an unsure answer is one; what it is worth is reported
	for _, limit := range []string{"LOCALMODEL_DEADLINE", "LOCALMODEL_FIRST_TOKEN_TIMEOUT", "LOCALMODEL_TOKEN_TIMEOUT"} {
		values[limit] = within.String()
	}
	p := overridden(w, values)
	defer p.close()
	return ask(setup.Prover{Router: p.router, Deps: p.deps, Loads: p.config.local == "ollama", Said: w.err})
}
