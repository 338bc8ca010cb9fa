package main

import (
	"context"

	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/stdio"
)

// serve speaks MCP until the input ends or a signal comes; both are exit 0,
// with every acknowledged record on disk.
func serve(ctx context.Context, w world, args []string) error {
	if err := noArguments("serve", args); err != nil {
		return err
	}
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
	go func() { // the server does not wait for it
		if err := p.store.Reconcile(ctx); err != nil {
			p.log.Warn("journal", "err", err)
		}
	}()
	err := stdio.Serve(ctx, tools.NewServer(p.deps, version()), w.in, w.out, stdio.Options{Log: p.log})
	if e := p.store.Close(); e != nil {
		p.log.Warn("closing the journal", "err", e)
	}
	return err
}
