// Package serve is the MCP server on standard input and output: what it does
// beside answering, at its start and its end.
package serve

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/background"
	"github.com/fjbelchi/localmodel/tools/stdio"
)

// Run speaks MCP until the input ends or a signal comes; both are no error,
// with every acknowledged record on disk.
func Run(ctx context.Context, e app.Env) error {
	limitMemory()
	p := app.New(e)
	for _, problem := range p.Config.Problems {
		p.Log.Warn("configuration", "problem", problem)
	}
	endPreload := preload(ctx, p)
	p.Deps.Finish = background.New(p.Config.PlanDir())
	p.Deps.EchoAfter = echoAfter
	compare := sync.OnceFunc(func() { reconcile(ctx, p) })
	timer := time.AfterFunc(afterStart, func() {
		spareProcessors(e)
		compare()
		debug.FreeOSMemory() // what the start left is an eighth of what an idle server holds of its own
		machine.ReleaseProgram()
	})
	err := stdio.Serve(ctx, tools.NewServer(p.Deps, e.Version), e.In, e.Out, stdio.Options{
		Log: p.Log, Check: tools.CheckRequest, Gone: func() bool { return readerGone(e.Out) },
	})
	endPreload()
	timer.Stop()
	compare() // where the session was shorter than that; one that runs is waited for
	p.Deps.Finish.Close()
	p.Close()
	return err
}

// echoAfter is how long after its first answer the local model is measured whether it
// repeats hints: nobody waits for it then.
const echoAfter = 30 * time.Second

// leastProcessors is how many goroutines may run at once. One that waits for a
// flush of the journal keeps its processor until the runtime takes it away; where
// there are two, the one that writes waits for that: a record took 7 % longer.
const leastProcessors = 4

// spareProcessors leaves a number that was set through GOMAXPROCS alone. It stops
// the program for a moment, so it is not done before the first answer.
func spareProcessors(e app.Env) {
	if _, set := e.Lookup("GOMAXPROCS"); !set && runtime.GOMAXPROCS(0) < leastProcessors {
		runtime.GOMAXPROCS(leastProcessors)
	}
}

// afterStart is when what a killed process left behind is looked for: opening
// the journal must not slow down the first answer.
const afterStart = 100 * time.Millisecond

// preload asks for the model to be loaded, if that is wanted. end takes the
// question back and waits for it; a load that the server has begun goes on.
func preload(ctx context.Context, p *app.App) (end func()) {
	if !p.Config.Preload {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Router.Preload(ctx); err != nil && ctx.Err() == nil {
			p.Log.Warn("model not preloaded", "err", err)
		}
	})
	return func() {
		stop()
		running.Wait()
	}
}

func reconcile(ctx context.Context, p *app.App) {
	if ctx.Err() != nil {
		return
	}
	if err := p.Store.Reconcile(ctx); err != nil {
		p.Log.Warn("journal", "err", err)
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
