package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const aboutStats = `
Says how many tickets stayed local and passed their gates, what that saved, and what failed attempts wasted.

A local answer is worth what the first tier of LOCALMODEL_FALLBACK takes for the same tokens, by its list price. Of an attempt that was escalated the plan is taken off again, with the reading of its hand-off. What the client's own model spends is not seen here.`

type statsOptions struct {
	since       time.Time
	all, asJSON bool
	html        string
}

func statsCommand(w app.Env) *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "report what the local model did and saved",
		Long:  aboutStats,
		Example: "  localmodel stats --since 30d\n" +
			"  localmodel stats --all --json\n" +
			"  localmodel stats --html report.html",
		RunE: func(cmd *cobra.Command, _ []string) error { return stats(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	sinceFlag(cmd, &o.since, "count")
	f.BoolVar(&o.all, "all", false, "every project of the journal, one a line")
	f.BoolVar(&o.asJSON, "json", false, "print the figures as JSON")
	f.StringVar(&o.html, "html", "", "write a page to `FILE`, whole in itself")
	return cmd
}

// sinceFlag adds a flag for a point in time, from which a command does what verb
// says.
func sinceFlag(cmd *cobra.Command, at *time.Time, verb string) {
	usage := verb + " from this `TIME` on: a day (2026-11-24), or how long ago (12h, 30d, 2w)"
	cmd.Flags().Func("since", usage, func(text string) (err error) {
		*at, err = account.Since(text, time.Now())
		return err
	})
}

// stats answers what a person asks after a while: did it pay?
func stats(ctx context.Context, w app.Env, o statsOptions) error {
	p, done := app.Look(w, false)
	defer done()
	if o.all {
		all, err := account.ReadProjects(ctx, p, o.since, time.Now())
		switch {
		case err != nil:
			return err
		case o.asJSON:
			return plain.PrintJSON(w.Out, all)
		}
		return account.PrintReports(w.Out, all)
	}
	report, err := account.Read(ctx, p, o.since, time.Now())
	if err != nil {
		return err
	}
	switch {
	case o.asJSON:
		err = plain.PrintJSON(w.Out, report)
	case o.html == "":
		for _, text := range p.Store.Warnings() {
			fmt.Fprintln(w.Err, "warning: "+plain.Line(text))
		}
		report.Print(w.Out, p.Config.Painter(w.Out))
	}
	if err == nil && o.html != "" {
		err = report.Page().WriteFile(ctx, w.Err, p.Config.Root, o.html)
	}
	return err
}
