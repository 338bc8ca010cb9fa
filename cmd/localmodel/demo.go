package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/demo"
)

const aboutDemo = `
Shows all four tools on a small backlog in a temporary directory. No paid call is made without --cloud.`

func demoCommand(w env) *cobra.Command {
	var cloud bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show all four tools on a small backlog",
		Long:  aboutDemo,
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), w.out, demo.Options{Version: version(), Cloud: cloud,
				Next: func(localUp bool) string { return afterDemo(clientPlace(w), localUp) }})
		},
	}
	cmd.Flags().BoolVar(&cloud, "cloud", false, "allow paid calls")
	return cmd
}

// afterDemo is the command that comes next on this machine.
func afterDemo(place clients.Place, localUp bool) string {
	if !localUp {
		return "localmodel setup: it finds or fetches a local model and adds localmodel to your MCP clients."
	}
	for _, found := range clients.Find(place) {
		if found.Err == nil {
			return fmt.Sprintf("open your project in %s, where localmodel is set up.", found.Title)
		}
	}
	for _, c := range clients.All() {
		if c.Present(place) {
			return fmt.Sprintf("localmodel install %s: it adds localmodel to %s.", c.Name, c.Title)
		}
	}
	return "localmodel install: it lists the MCP clients that localmodel can be added to."
}
