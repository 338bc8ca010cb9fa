package main

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/background"
	"github.com/fjbelchi/localmodel/tools/stdio"
)

func serveCommand(w env) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "speak MCP on stdin and stdout (the default)",
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), w) },
	}
}

// serve speaks MCP until the input ends or a signal comes; both are exit 0,
// with every acknowledged record on disk.
func serve(ctx context.Context, w env) error {
	limitMemory()
	p := build(w)
	for _, problem := range p.config.problems {
		p.log.Warn("configuration", "problem", problem)
	}
	if p.config.preload {
		go func() {
			if err := p.router.Preload(ctx); err != nil {
				p.log.Warn("model not preloaded", "err", err)
			}
		}()
	}
	p.deps.Finish = background.New(p.config.planDir())
	compare := time.AfterFunc(afterStart, func() { p.reconcile(ctx) })
	err := stdio.Serve(ctx, tools.NewServer(p.deps, version()), w.in, w.out, stdio.Options{
		Log: p.log, Check: tools.CheckRequest, Gone: func() bool { return readerGone(w.out) },
	})
	if compare.Stop() && ctx.Err() == nil { // the session was shorter than that
		p.reconcile(ctx)
	}
	p.deps.Finish.Close()
	p.close()
	return err
}

// afterStart is when what a killed process left behind is looked for: opening
// the journal must not slow down the first answer.
const afterStart = 100 * time.Millisecond

func (p *app) reconcile(ctx context.Context) {
	if err := p.store.Reconcile(ctx); err != nil {
		p.log.Warn("journal", "err", err)
	}
}

// memoryLimit is what the Go runtime holds before it collects more eagerly. A
// server is one of many beside an editor and a model: what a large ticket took
// must not stay taken. Soft limit: the runtime may exceed it.
const memoryLimit = 20 << 20

// limitMemory leaves a limit that was set through GOMEMLIMIT alone.
func limitMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
}
