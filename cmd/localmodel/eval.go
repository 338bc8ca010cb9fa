package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/replay"
)

const aboutEval = `
Replays tickets (a directory, a glob, a file; in any form that classify_ticket reads) through models side by side: accuracy, confidence, latency and cost, and which LOCALMODEL_MIN_CONFIDENCE that argues for. Your journal and its guard are not touched.

A model is a name of Ollama's, or cheap, balanced or free, the proxy's groups. Before any paid call the cost is shown and asked for. What an answer is judged by is what the ticket's front matter states, or a labels file: CSV with the columns id,category,complexity, or JSON {"BUG-001": {"category": "BUG", "complexity": "low"}}.

Each answer is kept as it comes: Ctrl-C ends with code 130 and shows what there is so far, and the same command goes on from there.

With --plans the tickets are planned instead of classified, once with each model and setting (--temperature, --top-p): accepted or the first defects, what a programmer can go by, time and tokens.

With --drafts, local models write 20 small changes in Go, Python and JavaScript that come with the program, instead of your tickets: whether each applies, parses and passes its tests, and how long it takes. The tests run what the models wrote, in a copy without a network where the system can forbid it.`

func evalCommand(w app.Env) *cobra.Command {
	var o replay.Options
	cmd := &cobra.Command{
		Use:   "eval [PLACE]",
		Short: "replay tickets through models side by side",
		Long:  aboutEval,
		Args:  atMost(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return replay.Run(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Models, "models", "", "`NAMES` of the models, comma between (default: LOCALMODEL_MODEL)")
	f.StringVar(&o.Labels, "labels", "", "`FILE` of labels, over what the tickets state")
	f.IntVar(&o.Limit, "limit", 0, "take `N` tickets, spread evenly over the directory")
	f.IntVar(&o.AlsoPlan, "also-plan", 10, "also plan the first `N` tickets that state files or criteria; 0 = none")
	f.BoolVar(&o.Plans, "plans", false, "plan the tickets, and classify none")
	f.StringVar(&o.Temperatures, "temperature", "", "with --plans: `VALUES` to compare, comma between; default = as plan_ticket does")
	f.StringVar(&o.TopPs, "top-p", "", "with --plans: `VALUES` of top_p, likewise")
	f.StringVar(&o.CSV, "csv", "", "with --plans: write one line a plan to `FILE`")
	f.StringVar(&o.Results, "results", "", "`FILE` of the answers so far (default: one for this project in your state directory)")
	f.BoolVar(&o.Fresh, "fresh", false, "forget the answers so far")
	f.BoolVar(&o.AsJSON, "json", false, "print the comparison as JSON")
	f.StringVar(&o.HTML, "html", "", "write a page to `FILE`, whole in itself")
	f.BoolVar(&o.Yes, "yes", false, "do not ask before paid calls")
	f.BoolVar(&o.Drafts, "drafts", false, "let local models write small changes that come with the program")
	return cmd
}
