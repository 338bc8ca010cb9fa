// Package replay is localmodel eval: it reads the tickets, puts them to the
// models and shows the comparison as text, JSON, CSV or a page.
package replay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// Options are eval's flags.
type Options struct {
	Models        string // comma between
	Labels        string // a file
	Limit         int    // of tickets or tasks; 0 = all
	AlsoPlan      int    // how many tickets are planned as well
	Plans, Drafts bool   // instead of classifications
	Temperatures  string // of plans, comma between
	TopPs         string // of plans, comma between
	Results       string // file of the answers so far; "" = this project's own
	Fresh         bool   // forget the answers so far
	Yes           bool   // do not ask before paid calls
	AsJSON        bool
	HTML, CSV     string // files to write
}

// run is one run of eval.
type run struct {
	Options
	app.Env
	config *app.Config
	wallet *ledger.Wallet // what the user agreed to pay
}

// Run compares models on the user's own tickets, or on the drafts that come with
// the program.
func Run(ctx context.Context, e app.Env, o Options, args []string) error {
	r := run{o, e, app.Load(e), &ledger.Wallet{}}
	if o.Drafts && len(args) == 0 {
		return r.drafts(ctx)
	}
	if !o.Plans && o.Temperatures+o.TopPs+o.CSV != "" {
		return exitcode.New(2, "localmodel eval: --temperature, --top-p and --csv are for --plans")
	}
	if len(args) == 0 || o.Drafts {
		return exitcode.New(2, "localmodel eval: name the tickets (a directory, a glob, a file), or give --drafts alone; "+
			"localmodel eval --help says more")
	}
	return r.tickets(ctx, args[0])
}

// tickets classifies or plans the tickets of a place.
func (r run) tickets(ctx context.Context, place string) error {
	c := r.config
	set, err := r.readSet(ctx, place)
	if err != nil {
		return exitcode.New(2, "localmodel eval: "+err.Error())
	}
	models, err := r.models(ctx)
	if err != nil {
		return err
	}
	plan := evaluate.Plan{Set: set, Models: models, Plans: r.AlsoPlan, Root: c.Root, NumCtx: c.NumCtx, Deadline: c.Deadline}
	if r.Plans {
		if err := r.onlyPlans(&plan); err != nil {
			return err
		}
	}
	results, err := r.openResults(ctx)
	if err != nil {
		return err
	}
	defer results.Close() //nolint:errcheck // every result was synced when it came
	if err := r.agree(ctx, plan, results); err != nil {
		return err
	}
	got, done, err := r.ask(ctx, plan, results)
	if err != nil {
		err = stopped(err, done)
		if len(got) == 0 {
			return err
		}
		set.Warnings = append(set.Warnings, fmt.Sprintf("stopped when %.0f %% was done: this is that part", 100*done))
		ctx = context.WithoutCancel(ctx) // Ctrl-C ends the questions, not the report
	}
	if r.Plans {
		return cmp.Or(r.show(ctx, plan.ScorePlans(got, time.Now())), err)
	}
	return cmp.Or(r.show(ctx, plan.Score(got, time.Now())), err)
}

// ask asks what is left. On an error done says how much of it all is done, 0 to 1.
func (r run) ask(ctx context.Context, plan evaluate.Plan, results *evaluate.Results) (got []evaluate.Result, done float64, err error) {
	var bar *term.Bar
	got, err = plan.Run(ctx, results, func(d, total float64, label string) {
		if bar == nil {
			bar = term.NewBar(r.Err, d)
		}
		done = d / total
		bar.Set(d, total, label)
	})
	if bar != nil {
		bar.Clear()
	}
	return got, done, err
}

func (r run) readSet(ctx context.Context, place string) (*labelled.Set, error) {
	root, ref := labelled.Place(r.config.Root, place)
	set, err := labelled.Read(ctx, root, ref, r.config.Project.Prefixes)
	if err != nil {
		return nil, err
	}
	if r.Labels != "" {
		if err := set.ReadLabels(r.Labels); err != nil {
			return nil, err
		}
	}
	set.Tickets = labelled.Spread(set.Tickets, r.Limit)
	return set, nil
}

// openResults opens the file that was named, else one of this project in the
// user's state directory.
func (r run) openResults(ctx context.Context) (*evaluate.Results, error) {
	c := r.config
	var dir *rootfs.Root
	var name string
	var err error
	switch {
	case r.Results != "":
		dir, name, err = rootfs.Named(ctx, c.Root, r.Results)
	case c.Dirs.State == "":
		return nil, errors.New("there is no state directory for the answers: set HOME, or name a file with --results")
	default:
		sum := sha256.Sum256([]byte(c.Root))
		name = hex.EncodeToString(sum[:8]) + ".jsonl"
		dir, err = rootfs.Private(ctx, filepath.Join(c.Dirs.State, "eval"))
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // the results have handles of their own
	return evaluate.OpenResults(ctx, dir, name, r.Fresh)
}

// stopped says how far it came and how to go on.
func stopped(err error, done float64) error {
	rest := fmt.Sprintf("%.0f %% is done and kept, the same command goes on from there", 100*done)
	if errors.Is(err, context.Canceled) {
		return exitcode.New(130, "localmodel eval: stopped; "+rest)
	}
	return fmt.Errorf("%w; %s", err, rest)
}

// report is what eval shows: as JSON, in words or as a page; plans as CSV, too.
type report interface {
	Page() page.Page
	Print(out io.Writer)
}

func (r run) show(ctx context.Context, rep report) error {
	if plans, ok := rep.(evaluate.PlanReport); ok && r.CSV != "" {
		var table bytes.Buffer
		if err := plans.WriteCSV(&table); err != nil {
			return err
		}
		if err := rootfs.WriteNamed(ctx, r.config.Root, r.CSV, table.Bytes(), rootfs.Write{Perm: 0o600}); err != nil {
			return err
		}
	}
	if r.HTML != "" {
		if err := rep.Page().WriteFile(ctx, r.Err, r.config.Root, r.HTML); err != nil {
			return err
		}
	}
	if r.AsJSON {
		return plain.PrintJSON(r.Out, rep)
	}
	rep.Print(r.Out)
	return nil
}
