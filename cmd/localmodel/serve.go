package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/serve"
)

func serveCommand(w app.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "speak MCP on stdin and stdout (the default)",
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve.Run(cmd.Context(), w) },
	}
}
