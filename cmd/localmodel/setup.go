package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const aboutSetup = `
Finds Ollama, or a chat-completions server on its usual port of this machine; chooses a model that is there, or offers to fetch one that fits; makes one real classification and one plan; writes config.toml; and offers to add localmodel to each MCP client that is installed. Each step asks first, and another run changes nothing that is as it should be.

With --yes nothing is asked: what is there is used, and a model is fetched only where there is none or --model names it. Where an agent's variables are set, nothing is fetched, no remote server is taken and no proxy is switched on: those are the user's decisions.

Exit code: 0 set up; 1 a server, a model or a client is missing, or the model does not answer; 2 a file cannot be written; 3 not a terminal and no --yes, so nothing was changed; 130 interrupted, and what was done stays.`

func setupCommand(w app.Env) *cobra.Command {
	var o setup.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "find or fetch a local model, prove it, set up the clients",
		Long:  aboutSetup,
		RunE:  func(cmd *cobra.Command, _ []string) error { return setUp(cmd.Context(), w, o, asJSON) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.Yes, "yes", false, "do what is recommended without asking")
	fs.BoolVar(&o.DryRun, "dry-run", false, "say what it would do and change nothing")
	fs.BoolVar(&o.Proxy, "proxy", false, "also ask a LiteLLM proxy what the local model cannot answer")
	fs.StringVar(&o.Model, "model", "", "use, and fetch where it is missing, the model `NAME`")
	fs.Func("skip", "leave out a `STEP`: server, model, proof, plan, proxy, config, clients; may be given again", func(step string) error {
		o.Skip = append(o.Skip, step)
		return nil
	})
	fs.BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return cmd
}

func setUp(ctx context.Context, w app.Env, o setup.Options, asJSON bool) error {
	report, err := setup.Run(ctx, o, setup.NewHost(w, asJSON))
	if errors.Is(err, context.Canceled) {
		err = nil
		if asJSON {
			err = plain.PrintJSON(w.Out, report)
		}
		term.Print(w.Err, "", "localmodel setup: interrupted. What is done stays; localmodel setup goes on from there.")
		return errors.Join(err, exitcode.New(setup.ExitInterrupted, ""))
	}
	switch {
	case err != nil && len(report.Steps) == 0:
		return exitcode.New(2, "localmodel setup: "+err.Error())
	case asJSON:
		err = errors.Join(plain.PrintJSON(w.Out, report), err)
	case err == nil:
		report.Print(w.Out)
	}
	if err == nil && report.Exit != 0 {
		return exitcode.New(report.Exit, "")
	}
	return err
}
