package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/demo"
)

const aboutDemo = `
Shows all four tools on a small backlog in a temporary directory. No paid call is made without --cloud.`

func demoCommand(w app.Env) *cobra.Command {
	var cloud bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show all four tools on a small backlog",
		Long:  aboutDemo,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), w.Out, demo.Options{Version: w.Version, Cloud: cloud, Clients: app.Load(w).ClientPlace()})
		},
	}
	cmd.Flags().BoolVar(&cloud, "cloud", false, "allow paid calls")
	return cmd
}
