package main

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/policy"
)

const aboutStats = `
Says how many tickets stayed local and passed their gates, what that saved, and what failed attempts wasted.

A local answer is worth what the first tier of LOCALMODEL_FALLBACK takes for the same tokens, by its list price. Of an attempt that was escalated the plan is taken off again, with the reading of its hand-off. What the client's own model spends is not seen here.`

// stats answers what a person asks after a while: did it pay?
func stats(ctx context.Context, w world, args []string) error {
	fs := option.Flags(w.out, "stats", "[--all] [--since TIME] [--json] [--html FILE]", aboutStats)
	since := &option.Since{Now: time.Now}
	fs.Var(since, "since", "count from this `TIME` on: a day (2026-11-24), or how long ago (12h, 30d, 2w)")
	all := fs.Bool("all", false, "every project of the journal, one a line")
	asJSON := fs.Bool("json", false, "print the figures as JSON")
	file := fs.String("html", "", "write a page to `FILE`, whole in itself")
	if _, err := option.Parse(fs, args, 0); err != nil {
		return err
	}
	p, done := look(w, false)
	defer done()
	if *all {
		return p.statsOfAll(ctx, w, since.At, *asJSON)
	}
	report, err := account.Read(ctx, p.store, p.config.dearTier(), since.At, time.Now())
	if err != nil {
		return err
	}
	switch {
	case *asJSON:
		err = printJSON(w.out, report)
	case *file == "":
		for _, text := range p.store.Warnings() {
			fmt.Fprintln(w.err, "warning: "+plain.Line(text))
		}
		report.Print(w.out, term.Painter(term.Is(w.out) && !p.config.plain))
	}
	if err == nil && *file != "" {
		err = writePage(ctx, w, p.config.root, *file, report.Page())
	}
	return err
}

// dearTier is the tier that would be asked instead of the local model.
func (c *config) dearTier() policy.Tier {
	if len(c.fallback) > 0 {
		return c.fallback[0]
	}
	return policy.Cheap
}

// writePage writes a page whole or not at all, and says where it is.
func writePage(ctx context.Context, w world, project, file string, p page.Page) error {
	if err := p.WriteFile(ctx, project, file); err != nil {
		return err
	}
	fmt.Fprintln(w.err, "wrote "+plain.Line(file))
	return nil
}
