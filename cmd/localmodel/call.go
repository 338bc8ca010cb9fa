package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/call"
)

const aboutCall = `
Runs one tool as a client would, and prints its result as JSON. The arguments are a JSON object: on the command line, in a file (@file) or on standard input (-).

A plan that the local model is still writing at LOCALMODEL_DEADLINE is waited for, where no paid tier may answer in its place.`

func callCommand(w app.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:       "call TOOL [JSON|@file|-]",
		Short:     "run one tool and print its result",
		Long:      aboutCall,
		Args:      cobra.ArbitraryArgs,
		ValidArgs: call.Tools(),
		RunE:      func(cmd *cobra.Command, args []string) error { return call.Run(cmd.Context(), w, args) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the tool is JSON, whatever a shell made of it
	return cmd
}
