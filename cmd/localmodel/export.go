package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

const aboutExport = `
Writes every model call of the journal, oldest first, in the schema of a usage ledger (.backlog-ops/usage-ledger.jsonl): one JSON object a line, or CSV.`

// export writes the ledger for other programs.
func export(ctx context.Context, w world, args []string) error {
	fs := option.Flags(w.out, "export", "[--format jsonl|csv] [--since TIME] [--output FILE]", aboutExport)
	since := &option.Since{Now: time.Now}
	fs.Var(since, "since", "write from this `TIME` on: a day (2026-11-24), or how long ago (12h, 30d, 2w)")
	format := fs.String("format", "jsonl", "`jsonl` or csv")
	file := fs.String("output", "", "write to `FILE` instead of standard output")
	if _, err := option.Parse(fs, args, 0); err != nil {
		return err
	}
	if *format != "jsonl" && *format != "csv" {
		return exitError{2, fmt.Sprintf("localmodel export: there is no format %q; there are jsonl, csv", *format)}
	}
	p, done := look(w, false)
	defer done()
	if *file == "" {
		buffered := bufio.NewWriter(w.out)
		if err := account.WriteLines(ctx, p.store, buffered, *format, since.At); err != nil {
			return err
		}
		return buffered.Flush()
	}
	var ledger bytes.Buffer
	if err := account.WriteLines(ctx, p.store, &ledger, *format, since.At); err != nil {
		return err
	}
	return rootfs.WriteNamed(ctx, p.config.root, *file, ledger.Bytes(), rootfs.Write{Perm: 0o600})
}
