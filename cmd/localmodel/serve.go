package main

import (
	"context"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
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
	endPreload := p.preload(ctx)
	p.deps.Finish = background.New(p.config.planDir())
	p.deps.EchoAfter = echoAfter
	compare := sync.OnceFunc(func() { p.reconcile(ctx) })
	timer := time.AfterFunc(afterStart, func() {
		compare()
		debug.FreeOSMemory() // what the start left is an eighth of what an idle server holds of its own
		machine.ReleaseProgram()
	})
	err := stdio.Serve(ctx, tools.NewServer(p.deps, version()), w.in, w.out, stdio.Options{
		Log: p.log, Check: tools.CheckRequest, Gone: func() bool { return readerGone(w.out) },
	})
	endPreload()
	timer.Stop()
	compare() // where the session was shorter than that; one that runs is waited for
	p.deps.Finish.Close()
	p.close()
	return err
}

// echoAfter is how long after its first answer the local model is measured whether it
// repeats hints: nobody waits for it then.
const echoAfter = 30 * time.Second

// afterStart is when what a killed process left behind is looked for: opening
// the journal must not slow down the first answer.
const afterStart = 100 * time.Millisecond

// preload asks for the model to be loaded, if that is wanted. end takes the
// question back and waits for it; a load that the server has begun goes on.
func (p *app) preload(ctx context.Context) (end func()) {
	if !p.config.preload {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.router.Preload(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("model not preloaded", "err", err)
		}
	})
	return func() {
		stop()
		running.Wait()
	}
}

func (p *app) reconcile(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
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
