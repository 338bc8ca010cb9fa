package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
)

const aboutEval = `
Replays the tickets (.md) of a directory through models side by side: how right each is, how sure, how fast, how dear, and which LOCALMODEL_MIN_CONFIDENCE that argues for. Your journal and its guard are not touched.

A model is a name of Ollama's, or cheap, balanced or free, the proxy's groups. Before any paid call the cost is shown and asked for. What an answer is judged by is what the ticket's front matter states, or a labels file: CSV with the columns id,category,complexity, or JSON {"BUG-001": {"category": "BUG", "complexity": "low"}}.

Each answer is kept as it comes: after Ctrl-C the same command goes on from there.`

type evalFlags struct {
	models, labels, results, html string
	limit, plans                  int
	fresh, asJSON, yes            bool
}

// eval compares models on the user's own tickets.
func eval(ctx context.Context, w world, args []string) error {
	fs := option.Flags(w.out, "eval", "DIR [--models A,B,...] [--labels FILE] [--html FILE] [--json]", aboutEval)
	var f evalFlags
	fs.StringVar(&f.models, "models", "", "`NAMES` of the models, comma between (default: LOCALMODEL_MODEL)")
	fs.StringVar(&f.labels, "labels", "", "`FILE` of labels, over what the tickets state")
	fs.IntVar(&f.limit, "limit", 0, "take `N` tickets, spread evenly over the directory")
	fs.IntVar(&f.plans, "plans", 10, "also plan the first `N` tickets that state files or criteria; 0 = none")
	fs.StringVar(&f.results, "results", "", "`FILE` of the answers so far (default: .claude/localmodel/eval.jsonl)")
	fs.BoolVar(&f.fresh, "fresh", false, "forget the answers so far")
	fs.BoolVar(&f.asJSON, "json", false, "print the comparison as JSON")
	fs.StringVar(&f.html, "html", "", "write a page to `FILE`, whole in itself")
	fs.BoolVar(&f.yes, "yes", false, "do not ask before paid calls")
	rest, err := option.Parse(fs, args, 1)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return exitError{2, "localmodel eval: name the directory of tickets; localmodel eval --help says more"}
	}
	c := loadConfig(w.lookup)
	set, err := readSet(c, f, rest[0])
	if err != nil {
		return exitError{2, "localmodel eval: " + err.Error()}
	}
	e := evaluation{w: w, c: c, f: f, plan: evaluate.Plan{Set: set, Plans: f.plans, Root: c.root, Deadline: c.deadline}, wallet: &evaluate.Wallet{}}
	if err := e.models(ctx); err != nil {
		return err
	}
	return e.run(ctx)
}

func readSet(c *config, f evalFlags, dir string) (*evaluate.Set, error) {
	set, err := evaluate.ReadSet(dir, c.prefixes)
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

// evaluation is one run of eval.
type evaluation struct {
	w      world
	c      *config
	f      evalFlags
	plan   evaluate.Plan
	wallet *evaluate.Wallet
}

// models makes one router for each model and looks whether it is there.
func (e *evaluation) models(ctx context.Context) error {
	names := e.c.model
	if e.f.models != "" {
		names = e.f.models
	}
	var seen []string
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		if name == "" || name == evaluate.Rules || slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		m, err := e.model(name)
		if err == nil {
			err = m.Ready(ctx)
		}
		if err != nil {
			return exitError{1, "localmodel eval: " + err.Error()}
		}
		e.plan.Models = append(e.plan.Models, m)
	}
	if len(seen) == 0 {
		return exitError{2, "localmodel eval: --models names no model"}
	}
	return nil
}

func (e *evaluation) model(name string) (*evaluate.Model, error) {
	log := slog.New(slog.NewTextHandler(e.w.err, &slog.HandlerOptions{Level: max(e.c.log, slog.LevelError)}))
	rc := e.c.routing(log)
	rc.MinConfidence, rc.Fallback, rc.Local, rc.Model = 0, nil, "ollama", name // every answer is looked at, however unsure
	m := &evaluate.Model{Name: name, Tier: routing.Local, Route: routing.OnlyLocal}
	switch name {
	case "free":
		rc.Local, rc.Model, m.Group = "proxy", e.c.model, true
	case string(routing.Cheap), string(routing.Balanced):
		if !e.c.cloud {
			return nil, fmt.Errorf("%s is a paid tier, and LOCALMODEL_CLOUD=never forbids it", name)
		}
		m.Tier, m.Route, m.Group = routing.Tier(name), routing.OnlyCloud, true
		rc.Fallback, rc.Model = []routing.Tier{m.Tier}, e.c.model
	}
	m.Asker = routing.New(rc, evaluate.Unrecorded{}, e.wallet)
	return m, nil
}

func (e *evaluation) run(ctx context.Context) error {
	path := e.f.results
	if path == "" {
		path = filepath.Join(e.c.root, ".claude", "localmodel", "eval.jsonl")
	}
	results, err := evaluate.OpenResults(path, e.f.fresh)
	if err != nil {
		return err
	}
	defer results.Close() //nolint:errcheck // every result was synced when it came
	if err := e.confirm(results); err != nil {
		return err
	}
	var bar *term.Bar
	done, total := 0.0, 0.0
	got, err := e.plan.Run(ctx, results, func(d, t float64, label string) {
		if bar == nil {
			bar = term.NewBar(e.w.err, d)
		}
		done, total = d, t
		bar.Set(d, t, label)
	})
	if bar != nil {
		bar.Clear()
	}
	if err != nil {
		return e.stopped(err, done, total)
	}
	return e.show(e.plan.Score(got, time.Now()))
}

// stopped says how far it came and how to go on.
func (e *evaluation) stopped(err error, done, total float64) error {
	why, code := err.Error(), 1
	if errors.Is(err, context.Canceled) {
		why, code = "stopped", 130
	}
	return exitError{code, fmt.Sprintf("localmodel eval: %s; %.0f %% is done and kept, the same command goes on from there", why, 100*done/max(total, 1))}
}

// confirm shows what the paid calls may cost and asks.
func (e *evaluation) confirm(results *evaluate.Results) error {
	quote, err := e.plan.Quote(results)
	if err != nil || len(quote.Calls) == 0 {
		return err
	}
	e.wallet.Fill(quote.MostUSD)
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(quote.Calls)) {
		calls = append(calls, fmt.Sprintf("%d by %s", quote.Calls[name], name))
	}
	text := fmt.Sprintf("Paid calls: %s, at most $%.2f at the list prices of %s.", strings.Join(calls, ", "), quote.MostUSD, routing.PricesDate)
	if quote.MostUSD > e.c.dailyUSD {
		text += fmt.Sprintf(" That is more than a day's LOCALMODEL_CLOUD_DAILY_USD ($%g), which does not bound eval.", e.c.dailyUSD)
	}
	fmt.Fprint(e.w.err, term.Wrap("", text))
	switch {
	case e.f.yes:
		return nil
	case !term.Is(e.w.in):
		return exitError{2, "localmodel eval: nobody is there to be asked; add --yes to pay for it"}
	case !term.Ask(e.w.in, e.w.err, "Go on?"):
		return exitError{1, "localmodel eval: nothing was asked, nothing paid"}
	}
	return nil
}

func (e *evaluation) show(r evaluate.Report) error {
	if e.f.html != "" {
		if err := writePage(e.w, e.f.html, r.Page()); err != nil {
			return err
		}
	}
	if e.f.asJSON {
		return printJSON(e.w.out, r)
	}
	r.Print(e.w.out)
	return nil
}
