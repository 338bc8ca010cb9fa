package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/projects"
)

const aboutProjects = `
Lists the projects of the journal with their last use and size.`

// projectsCommand lists what the journal holds, and changes what a moved or
// deleted directory left in it.
func projectsCommand(w app.Env) *cobra.Command {
	var asJSON, yes bool
	list := &cobra.Command{
		Use:   "projects",
		Short: "list, forget or move projects of the journal",
		Long:  aboutProjects,
		RunE:  func(cmd *cobra.Command, _ []string) error { return projects.List(cmd.Context(), w, asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	forget := &cobra.Command{
		Use:   "forget NAME",
		Short: "delete everything the journal has of a project, after a question",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return projects.Forget(cmd.Context(), w, args[0], yes)
		},
	}
	forget.Flags().BoolVar(&yes, "yes", false, "do not ask")
	move := &cobra.Command{
		Use:   "move NAME DIR",
		Short: "give a project's rows to the one in DIR",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return projects.Move(cmd.Context(), w, args[0], args[1])
		},
	}
	list.AddCommand(forget, move)
	return list
}
