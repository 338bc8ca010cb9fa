package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/hint"
)

const aboutHint = `
Prints one line for the SessionStart hook of a client where the project has open tickets, and nothing unless LOCALMODEL_HINT is on.`

func hintCommand(w app.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "hint",
		Short: "print one line for a session's start if tickets are open",
		Long:  aboutHint,
		RunE:  func(cmd *cobra.Command, _ []string) error { return hint.Run(cmd.Context(), w) },
	}
}
