package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

const aboutStats = `
Says how many tickets stayed local and passed their gates, what that saved, and what failed attempts wasted.

A local answer is worth what the first tier of LOCALMODEL_FALLBACK takes for the same tokens, by its list price. Of an attempt that was escalated the plan is taken off again, with the reading of its hand-off. What the client's own model spends is not seen here.`

// statsOptions are stats's flags.
type statsOptions struct {
	since       account.Since
	all, asJSON bool
	html        string
}

func statsCommand(w env) *cobra.Command {
	o := statsOptions{since: account.Since{Now: time.Now}}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "report what the local model did and saved",
		Long:  aboutStats,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return stats(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	f.Var(&o.since, "since", "count from this `TIME` on: a day (2026-11-24), or how long ago (12h, 30d, 2w)")
	f.BoolVar(&o.all, "all", false, "every project of the journal, one a line")
	f.BoolVar(&o.asJSON, "json", false, "print the figures as JSON")
	f.StringVar(&o.html, "html", "", "write a page to `FILE`, whole in itself")
	return cmd
}

// stats answers what a person asks after a while: did it pay?
func stats(ctx context.Context, w env, o statsOptions) error {
	p, done := look(w, false)
	defer done()
	if o.all {
		return p.statsOfAll(ctx, w, o.since.At, o.asJSON)
	}
	report, err := account.Read(ctx, p.store, p.config.baselineTier(), o.since.At, time.Now())
	if err != nil {
		return err
	}
	team, shared, err := p.store.TeamSpent(ctx, o.since.At)
	if err != nil {
		return err
	}
	if shared {
		report.TeamUSD = &team
	}
	switch {
	case o.asJSON:
		err = printJSON(w.out, report)
	case o.html == "":
		for _, text := range p.store.Warnings() {
			fmt.Fprintln(w.err, "warning: "+plain.Line(text))
		}
		report.Print(w.out, term.Painter(term.Colours(w.out) && !p.config.plain))
	}
	if err == nil && o.html != "" {
		err = writePage(ctx, w, p.config.root, o.html, report.Page())
	}
	return err
}

// baselineTier is the tier that would be asked instead of the local model.
func (c *config) baselineTier() policy.Tier {
	if len(c.fallback) > 0 {
		return c.fallback[0]
	}
	return policy.Cheap
}

// writePage writes a page whole or not at all, and says where it is.
func writePage(ctx context.Context, w env, project, file string, p page.Page) error {
	if err := p.WriteFile(ctx, project, file); err != nil {
		return err
	}
	fmt.Fprintln(w.err, "wrote "+plain.Line(file))
	return nil
}

// statsOfAll prints the figures of every project.
func (p *app) statsOfAll(ctx context.Context, w env, since time.Time, asJSON bool) error {
	list, err := p.store.Projects(ctx)
	if err != nil {
		return err
	}
	open := statestore.Options{State: p.config.state, Dir: p.config.Dirs.State, Log: p.log}
	all, err := account.ReadProjects(ctx, open, list, p.config.baselineTier(), since, time.Now())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w.out, all)
	}
	return account.PrintReports(w.out, all)
}
