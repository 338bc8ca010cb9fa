package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const aboutDoctor = `
Checks the setup and prints the command that fixes each fault. Nothing is paid for: no probe asks a paid model.

Exit code: 0 all works; 1 it works with less, a fallback or the rules answer; 2 nothing can be recorded, or a setting cannot be used.`

func doctorCommand(w app.Env) *cobra.Command {
	var o checkup.Options
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check the setup and print fixes",
		Long:  aboutDoctor,
		RunE:  func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), w, o, asJSON, all) },
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print the checks and the configuration as JSON")
	f.BoolVar(&o.Fix, "fix", false, "after asking, start Ollama where it is installed, and fetch the model")
	f.BoolVar(&o.Yes, "yes", false, "with --fix: do not ask")
	f.BoolVar(&o.Deep, "deep", false, "also make one real local generation")
	f.BoolVar(&all, "all", false, "show every setting, also those at their defaults")
	return cmd
}

// doctor prints the verdict and makes an exit code of it.
func doctor(ctx context.Context, w app.Env, o checkup.Options, asJSON, all bool) error {
	p, done := app.Look(w, o.Deep) // a generation is a row of the journal
	defer done()
	report, err := checkup.Run(ctx, w, p, o)
	if err != nil {
		return err
	}
	if asJSON {
		err = plain.PrintJSON(w.Out, report)
	} else {
		report.Print(w.Out, p.Config.Painter(w.Out), all)
	}
	if err == nil && report.Exit != 0 {
		err = exitcode.New(report.Exit, "")
	}
	return err
}
