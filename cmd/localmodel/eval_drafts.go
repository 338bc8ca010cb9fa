package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/drafts"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing"
)

// draftLimit is how long a model may take for one task, a repair included.
const draftLimit = 10 * time.Minute

// evalDrafts lets local models write the shipped tasks.
func evalDrafts(ctx context.Context, w env, f evalFlags) error {
	c := loadConfig(w.lookup)
	tasks, err := drafts.Tasks()
	if err != nil {
		return err
	}
	if f.limit > 0 {
		tasks = spread(tasks, f.limit)
	}
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: max(c.log, slog.LevelError)}))
	session := &evaluate.Session{In: w.in, Out: w.err}
	if err := session.AddModels(ctx, cmp.Or(f.models, c.model), c.routing(log), func(name string) routing.Backend { return c.backend(name, log) }); err != nil {
		return err
	}
	for _, m := range session.Models {
		if m.Paid() {
			return exitcode.New(2, "localmodel eval: "+m.Name+" is a paid tier; drafts are the local model's")
		}
	}
	if c.Dirs.State == "" {
		return errors.New("there is no state directory for the projects of the tasks: set HOME")
	}
	dir := filepath.Join(c.Dirs.State, "eval")
	root, err := rootfs.Private(ctx, dir)
	if err != nil {
		return err
	}
	_ = root.Close() // it was only made
	run := drafts.Run{Models: session.Models, Tasks: tasks, Dir: dir, Env: environ(), Parser: itself(parseWord), Confine: itself(confineWord),
		Temperature: c.draftTemperature, Limit: draftLimit}
	bar := term.NewBar(w.err, 0)
	results, err := run.Go(ctx, func(done, total int, label string) { bar.Set(float64(done), float64(total), label) })
	bar.Clear()
	switch {
	case errors.Is(err, context.Canceled):
		return exitcode.New(130, fmt.Sprintf("localmodel eval: stopped after %d of %d", len(results), len(tasks)*len(session.Models)))
	case err != nil:
		return err
	}
	report := drafts.NewReport(results, time.Now())
	if f.html != "" {
		if err := writePage(ctx, w, c.root, f.html, report.Page()); err != nil {
			return err
		}
	}
	if f.asJSON {
		return printJSON(w.out, report)
	}
	report.Print(w.out)
	return nil
}

// spread takes n of a list, evenly.
func spread[T any](list []T, n int) (out []T) {
	n = min(n, len(list))
	for i := range n {
		out = append(out, list[i*len(list)/n])
	}
	return out
}
