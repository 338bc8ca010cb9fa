package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/consent"
)

const aboutTrust = `
Lets the project's backlog.config.json name the proxy and the variable with its key. It shows the exact values and asks for the address to be typed, on a terminal: a ticket could tell a model to run this command, so nothing skips the question. A value that changes has to be trusted again.

With --commands, and where LOCALMODEL_DRAFT=on, it shows the project's qualityGates.* commands: once trusted, they check each draft of the local model, in a copy of the working tree, where the system can forbid it without a network and without writing elsewhere.`

func trustCommand(w app.Env) *cobra.Command {
	var revoke, commands bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "let the project's file name the proxy or commands",
		Long:  aboutTrust,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := consent.New(w, commands)
			if revoke {
				return s.Revoke(cmd.Context())
			}
			return s.Grant(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&revoke, "revoke", false, "trust nothing of this project any more")
	cmd.Flags().BoolVar(&commands, "commands", false, "trust the commands that check a draft")
	return cmd
}
