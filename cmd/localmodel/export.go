package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

const aboutExport = `
Writes every model call of the journal, oldest first, in the schema of a usage ledger (.backlog-ops/usage-ledger.jsonl): one JSON object a line, or CSV.`

type exportOptions struct {
	since        time.Time
	format, file string
}

func exportCommand(w app.Env) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "write every model call as a usage ledger",
		Long:  aboutExport,
		Example: "  localmodel export --since 2026-11-24 --output ledger.jsonl\n" +
			"  localmodel export --format csv > calls.csv",
		RunE: func(cmd *cobra.Command, _ []string) error { return export(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	sinceFlag(cmd, &o.since, "write")
	f.StringVar(&o.format, "format", "jsonl", "`FORMAT`: jsonl or csv")
	f.StringVar(&o.file, "output", "", "write to `FILE` instead of standard output")
	return cmd
}

func export(ctx context.Context, w app.Env, o exportOptions) error {
	if o.format != "jsonl" && o.format != "csv" {
		return exitcode.New(2, fmt.Sprintf("localmodel export: there is no format %q; there are jsonl, csv", o.format))
	}
	p, done := app.Look(w, false)
	defer done()
	if o.file == "" {
		buffered := bufio.NewWriter(w.Out)
		if err := account.WriteLines(ctx, p.Store, buffered, o.format, o.since); err != nil {
			return err
		}
		return buffered.Flush()
	}
	var ledger bytes.Buffer
	if err := account.WriteLines(ctx, p.Store, &ledger, o.format, o.since); err != nil {
		return err
	}
	return rootfs.WriteNamed(ctx, p.Config.Root, o.file, ledger.Bytes(), rootfs.Write{Perm: 0o600})
}
