package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/project"
)

const aboutProjects = `
Lists the projects of the journal with their last use and size.`

// projectsCommand lists what the journal holds, and changes what a moved or
// deleted directory left in it.
func projectsCommand(w env) *cobra.Command {
	var asJSON, yes bool
	list := &cobra.Command{
		Use:   "projects",
		Short: "list, forget or move projects of the journal",
		Long:  aboutProjects,
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, done := look(w, false)
			defer done()
			return p.listProjects(cmd.Context(), w.out, asJSON)
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	forget := &cobra.Command{
		Use:   "forget NAME",
		Short: "delete everything the journal has of a project, after a question",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, done := look(w, false)
			defer done()
			return p.forget(cmd.Context(), w, args[0], yes)
		},
	}
	forget.Flags().BoolVar(&yes, "yes", false, "do not ask")
	move := &cobra.Command{
		Use:   "move NAME DIR",
		Short: "give a project's rows to the one in DIR",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, done := look(w, false)
			defer done()
			return p.moveProject(cmd.Context(), w, args[0], args[1])
		},
	}
	list.AddCommand(forget, move)
	return list
}

func (p *app) listProjects(ctx context.Context, out io.Writer, asJSON bool) error {
	list, err := p.store.Projects(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		if list == nil {
			list = []statestore.Project{}
		}
		return printJSON(out, list)
	}
	return account.PrintProjects(out, list)
}

// forget deletes a project after a question.
func (p *app) forget(ctx context.Context, w env, name string, yes bool) error {
	if !yes {
		fmt.Fprintf(w.err, "Delete everything that is recorded of %s? What it spent stays counted. [y/N] ", plain.Line(name))
		answer, err := bufio.NewReader(w.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return exitcode.New(1, "localmodel projects: nothing was deleted")
		}
	}
	if err := p.store.Forget(ctx, name); err != nil {
		return err
	}
	fmt.Fprintln(w.err, "deleted "+plain.Line(name))
	return nil
}

// moveProject gives a project's rows to the one in a directory.
func (p *app) moveProject(ctx context.Context, w env, name, dir string) error {
	at := *p.config
	at.root, at.project = dir, ""
	to, err := at.projectName()
	if err != nil {
		return err
	}
	if err := project.Check(to); err != nil {
		return fmt.Errorf("%s: %w", plain.Line(to), err)
	}
	if err := p.store.Rename(ctx, name, to); err != nil {
		return err
	}
	fmt.Fprintf(w.err, "%s is now %s\n", plain.Line(name), plain.Line(to))
	return nil
}
