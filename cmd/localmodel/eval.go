package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing"
)

const aboutEval = `
Replays tickets (a directory, a glob, a file; in any form that classify_ticket reads) through models side by side: accuracy, confidence, latency and cost, and which LOCALMODEL_MIN_CONFIDENCE that argues for. Your journal and its guard are not touched.

A model is a name of Ollama's, or cheap, balanced or free, the proxy's groups. Before any paid call the cost is shown and asked for. What an answer is judged by is what the ticket's front matter states, or a labels file: CSV with the columns id,category,complexity, or JSON {"BUG-001": {"category": "BUG", "complexity": "low"}}.

Each answer is kept as it comes: Ctrl-C ends with code 130 and shows what there is so far, and the same command goes on from there.

With --plans the tickets are planned instead of classified, once with each model and setting (--temperature, --top-p): accepted or the first defects, what a programmer can go by, time and tokens.

With --drafts, local models write 20 small changes in Go, Python and JavaScript that come with the program, instead of your tickets: whether each applies, parses and passes its tests, and how long it takes. The tests run what the models wrote, in a copy without a network where the system can forbid it.`

type evalFlags struct {
	models, labels, results, html     string
	temperatures, topPs, csv          string // of plans
	limit, alsoPlan                   int
	fresh, asJSON, yes, drafts, plans bool
}

func evalCommand(w env) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval [PLACE]",
		Short: "replay tickets through models side by side",
		Long:  aboutEval,
		Args:  atMost(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return eval(cmd.Context(), w, f, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.models, "models", "", "`NAMES` of the models, comma between (default: LOCALMODEL_MODEL)")
	fs.StringVar(&f.labels, "labels", "", "`FILE` of labels, over what the tickets state")
	fs.IntVar(&f.limit, "limit", 0, "take `N` tickets, spread evenly over the directory")
	fs.IntVar(&f.alsoPlan, "also-plan", 10, "also plan the first `N` tickets that state files or criteria; 0 = none")
	fs.BoolVar(&f.plans, "plans", false, "plan the tickets, and classify none")
	fs.StringVar(&f.temperatures, "temperature", "", "with --plans: `VALUES` to compare, comma between; default = as plan_ticket does")
	fs.StringVar(&f.topPs, "top-p", "", "with --plans: `VALUES` of top_p, likewise")
	fs.StringVar(&f.csv, "csv", "", "with --plans: write one line a plan to `FILE`")
	fs.StringVar(&f.results, "results", "", "`FILE` of the answers so far (default: one for this project in your state directory)")
	fs.BoolVar(&f.fresh, "fresh", false, "forget the answers so far")
	fs.BoolVar(&f.asJSON, "json", false, "print the comparison as JSON")
	fs.StringVar(&f.html, "html", "", "write a page to `FILE`, whole in itself")
	fs.BoolVar(&f.yes, "yes", false, "do not ask before paid calls")
	fs.BoolVar(&f.drafts, "drafts", false, "let local models write small changes that come with the program")
	return cmd
}

// eval compares models on the user's own tickets.
func eval(ctx context.Context, w env, f evalFlags, args []string) error {
	if f.drafts && len(args) == 0 {
		return evalDrafts(ctx, w, f)
	}
	if !f.plans && f.temperatures+f.topPs+f.csv != "" {
		return exitcode.New(2, "localmodel eval: --temperature, --top-p and --csv are for --plans")
	}
	if len(args) == 0 || f.drafts {
		return exitcode.New(2, "localmodel eval: name the tickets (a directory, a glob, a file), or give --drafts alone; localmodel eval --help says more")
	}
	c := loadConfig(w.lookup)
	set, err := readSet(ctx, c, f, args[0])
	if err != nil {
		return exitcode.New(2, "localmodel eval: "+err.Error())
	}
	session := &evaluate.Session{Plan: evaluate.Plan{Set: set, Plans: f.alsoPlan, Root: c.root, NumCtx: c.numCtx, Deadline: c.deadline},
		In: w.in, Out: w.err, Yes: f.yes, DailyUSD: c.dailyUSD}
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: max(c.log, slog.LevelError)}))
	if err := session.AddModels(ctx, cmp.Or(f.models, c.model), c.routing(log), func(name string) routing.Backend { return c.backend(name, log) }); err != nil {
		return err
	}
	if f.plans {
		if err := onlyPlans(session, f); err != nil {
			return err
		}
	}
	results, err := openResults(ctx, c, f)
	if err != nil {
		return err
	}
	defer results.Close() //nolint:errcheck // every result was synced when it came
	got, done, err := session.Go(ctx, results)
	if err != nil {
		err = evalStopped(err, done)
		if len(got) == 0 {
			return err
		}
		set.Warnings = append(set.Warnings, fmt.Sprintf("stopped when %.0f %% was done: this is that part", 100*done))
		ctx = context.WithoutCancel(ctx) // Ctrl-C ends the questions, not the report
	}
	var shown error
	if f.plans {
		shown = showPlans(ctx, w, c.root, f, session.ScorePlans(got, time.Now()))
	} else {
		shown = showEval(ctx, w, c.root, f, session.Score(got, time.Now()))
	}
	return cmp.Or(shown, err)
}

// openResults opens the file that was named, else one of this project in the
// user's state directory.
func openResults(ctx context.Context, c *config, f evalFlags) (*evaluate.Results, error) {
	var dir *rootfs.Root
	var name string
	var err error
	switch {
	case f.results != "":
		dir, name, err = rootfs.Named(ctx, c.root, f.results)
	case c.Dirs.State == "":
		return nil, errors.New("there is no state directory for the answers: set HOME, or name a file with --results")
	default:
		sum := sha256.Sum256([]byte(c.root))
		name = hex.EncodeToString(sum[:8]) + ".jsonl"
		dir, err = rootfs.Private(ctx, filepath.Join(c.Dirs.State, "eval"))
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // the results have handles of their own
	return evaluate.OpenResults(ctx, dir, name, f.fresh)
}

// evalStopped says how far it came and how to go on.
func evalStopped(err error, done float64) error {
	switch {
	case errors.Is(err, evaluate.ErrNobody):
		return exitcode.New(2, "localmodel eval: "+err.Error())
	case errors.Is(err, evaluate.ErrDeclined):
		return err
	case errors.Is(err, context.Canceled):
		return exitcode.New(130, fmt.Sprintf("localmodel eval: stopped; %.0f %% is done and kept, the same command goes on from there", 100*done))
	}
	return fmt.Errorf("%w; %.0f %% is done and kept, the same command goes on from there", err, 100*done)
}

// report is what eval shows: as JSON, in words or as a page.
type report interface {
	Page() page.Page
	Print(out io.Writer)
}

func showEval(ctx context.Context, w env, project string, f evalFlags, r report) error {
	if f.html != "" {
		if err := writePage(ctx, w, project, f.html, r.Page()); err != nil {
			return err
		}
	}
	if f.asJSON {
		return printJSON(w.out, r)
	}
	r.Print(w.out)
	return nil
}

func readSet(ctx context.Context, c *config, f evalFlags, dir string) (*labelled.Set, error) {
	root, ref := labelled.Place(c.root, dir)
	set, err := labelled.Read(ctx, root, ref, c.prefixes)
	if err != nil {
		return nil, err
	}
	if f.labels != "" {
		if err := set.ReadLabels(f.labels); err != nil {
			return nil, err
		}
	}
	set.Spread(f.limit)
	return set, nil
}
