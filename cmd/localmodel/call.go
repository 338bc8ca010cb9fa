package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/call"
)

const aboutCall = `
Runs one tool as a client would, and prints its result as JSON. The arguments are a JSON object: on the command line, in a file (@file) or on standard input (-).

A plan that the local model is still writing at LOCALMODEL_DEADLINE is waited for, where no paid tier may answer in its place.`

func callCommand(w app.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "call TOOL [JSON|@file|-]",
		Short:             "run one tool and print its result",
		Long:              aboutCall,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeTool,
		RunE:              func(cmd *cobra.Command, args []string) error { return call.Run(cmd.Context(), w, args) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the tool is JSON, whatever a shell made of it
	return cmd
}

// completeTool lists the tools for a shell. It is a function, not a list, since
// declaring the tools would delay the start of every other command.
func completeTool(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var names []string
	for _, name := range call.Tools() {
		if strings.HasPrefix(name, typed) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
