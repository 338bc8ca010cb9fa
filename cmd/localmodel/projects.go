package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

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
	if len(list) == 0 {
		fmt.Fprintln(out, "Nothing is recorded yet.")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAST USE\tROWS\tSTAYED LOCAL\tPROJECT")
	for _, one := range list {
		fmt.Fprintf(table, "%s\t%d\t%d of %d\t%s\n", one.Used.Format(time.DateOnly), one.Rows, one.Stats.SuccessCount,
			one.Stats.TotalAttempts, plain.Line(one.Name))
	}
	return table.Flush()
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

// projectStats is one project's figures.
type projectStats struct {
	Project string `json:"project"`
	account.Report
}

// statsOfAll prints the figures of every project.
func (p *app) statsOfAll(ctx context.Context, w env, since time.Time, asJSON bool) error {
	list, err := p.store.Projects(ctx)
	if err != nil {
		return err
	}
	all := make([]projectStats, 0, len(list))
	for _, one := range list {
		s := statestore.New(statestore.Options{State: p.config.state, Dir: p.config.Dirs.State, Project: one.Name, Log: p.log})
		report, err := account.Read(ctx, s, p.config.baselineTier(), since, time.Now())
		if err := errors.Join(err, s.Close()); err != nil {
			return err
		}
		all = append(all, projectStats{one.Name, report})
	}
	if asJSON {
		return printJSON(w.out, all)
	}
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STAYED LOCAL\tOPEN\tCALLS\tSAVED\tPAID\tPROJECT")
	for _, one := range all {
		fmt.Fprintf(table, "%d of %d\t%d\t%d\t$%.2f\t$%.2f\t%s\n", one.Tickets.K, one.Tickets.N, one.Open, one.Calls.Local+one.Calls.Paid,
			one.Savings.NetUSD, one.Calls.PaidUSD, plain.Line(one.Project))
	}
	return table.Flush()
}
