package replay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/drafts"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// draftLimit is how long a model may take for one task, a repair included.
const draftLimit = 10 * time.Minute

// drafts lets local models write the shipped tasks.
func (r run) drafts(ctx context.Context) error {
	tasks, err := drafts.Tasks()
	if err != nil {
		return err
	}
	tasks = labelled.Spread(tasks, r.Limit)
	models, err := r.models(ctx)
	if err != nil {
		return err
	}
	for _, m := range models {
		if m.Paid() {
			return exitcode.New(2, "localmodel eval: "+m.Name+" is a paid tier; drafts are the local model's")
		}
	}
	state := r.config.Dirs.State
	if state == "" {
		return errors.New("there is no state directory for the projects of the tasks: set HOME")
	}
	dir := filepath.Join(state, "eval")
	root, err := rootfs.Private(ctx, dir)
	if err != nil {
		return err
	}
	_ = root.Close() // it was only made
	all := drafts.Run{
		Models:      models,
		Tasks:       tasks,
		Dir:         dir,
		Env:         app.Environ(),
		Parser:      app.Itself(app.ParseWord),
		Confine:     app.Itself(app.ConfineWord),
		Temperature: r.config.DraftTemperature,
		Limit:       draftLimit,
	}
	bar := term.NewBar(r.Err, 0)
	results, err := all.Go(ctx, func(done, total int, label string) { bar.Set(float64(done), float64(total), label) })
	bar.Clear()
	switch {
	case errors.Is(err, context.Canceled):
		return exitcode.New(130, fmt.Sprintf("localmodel eval: stopped after %d of %d", len(results), len(tasks)*len(models)))
	case err != nil:
		return err
	}
	return r.show(ctx, drafts.NewReport(results, time.Now()))
}
