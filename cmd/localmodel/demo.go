package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/demo"
)

const aboutDemo = `
Shows all four tools on a small backlog in a temporary directory. No paid call is made without --cloud.`

func demoCommand(w env) *cobra.Command {
	var cloud bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show all four tools on a small backlog",
		Long:  paragraphs(aboutDemo),
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return demo.Run(cmd.Context(), w.out, version(), cloud) },
	}
	cmd.Flags().BoolVar(&cloud, "cloud", false, "allow paid calls")
	return cmd
}
