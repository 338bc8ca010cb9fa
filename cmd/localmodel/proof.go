package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
)

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
	values := choice.Settings()
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
	return setup.Prover{Router: p.router, Deps: p.deps, Loads: p.config.local == "ollama", Said: w.err}.Prove(ctx)
}
